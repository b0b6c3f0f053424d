// Lengths as people read them.

/** The longest of 1, 2, 5 × 10^n that is at most `most`. */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].find((n) => n * power <= most) * power;
}

/** A length in nm as people write it. */
export function formatLength(nm) {
  return nm >= 1000 ? `${+(nm / 1000).toPrecision(4)} µm` : `${+nm.toPrecision(4)} nm`;
}
