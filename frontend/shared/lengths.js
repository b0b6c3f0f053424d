// Lengths as people read them.

/** The longest of 1, 2, 5 × 10^n that is at most `most`.
 *  @param {number} most */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return ([5, 2].find((n) => n * power <= most) ?? 1) * power;
}

/** A length in nm as people write it.
 *  @param {number} nm */
export function formatLength(nm) {
  return nm >= 1000 ? `${+(nm / 1000).toPrecision(4)} µm` : `${+nm.toPrecision(4)} nm`;
}
