// Which colour an object has: its own, or that of a measured value.

export const UNKNOWN = [150, 150, 150];

// Viridis at sixteen steps: by Smith and van der Walt for matplotlib, in the public domain (CC0).
const VIRIDIS = [
  "440154", "481a6c", "472f7d", "414487", "39568c", "31688e", "2a788e", "23888e",
  "1f988b", "22a884", "35b779", "54c568", "7ad151", "a5db36", "d2e21b", "fde725",
].map((code) => [0, 2, 4].map((at) => parseInt(code.slice(at, at + 2), 16)));

/** The colour at `share` of the way through the map. */
export function mapped(share) {
  const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((value, c) => Math.round(value + (VIRIDIS[low + 1][c] - value) * (at - low)));
}

/** A scale from values to colours: `colour(value)`, its ends, and marks for a legend. Where all
 *  values are positive and differ by more than a factor of thirty, its steps are factors. */
export function valueScale(values) {
  const known = values.filter((value) => Number.isFinite(value));
  let [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  if (!known.length) [low, high] = [0, 1];
  const byFactors = low > 0 && high / low > 30;
  const place = byFactors ? Math.log : (value) => value;
  const share = (value) => (high > low ? (place(value) - place(low)) / (place(high) - place(low)) : 0.5);
  const middle = byFactors ? Math.sqrt(low * high) : (low + high) / 2;
  return {
    byFactors,
    colour: (value) => (Number.isFinite(value) ? mapped(share(value)) : UNKNOWN),
    marks: high > low ? [low, middle, high].map((value) => [share(value), value]) : [[0.5, low]],
  };
}

/** The own colour of an object by its id; as `object_colours` of the core. */
export function ownColour(palette, id) {
  return palette[(id - 1) % palette.length];
}

/** The colour of a code such as #12ab34; null where it is none.
 *  @param {string | null | undefined} code */
export function colourOfCode(code) {
  return /^#[0-9a-f]{6}$/i.test(code ?? "") ? [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16)) : null;
}

/** @param {number[]} colour */
export function cssColour(colour) {
  return `rgb(${colour.join(" ")})`;
}

/** The columns of a CSV file, by their names: numbers, and what is no number as NaN. */
export function columnsOf(csv) {
  const [head, ...lines] = csv.trim().split(/\r?\n/).map(fieldsOf);
  return Object.fromEntries(
    head.map((name, at) => [name, lines.map((line) => (line[at] === "" ? NaN : Number(line[at])))]),
  );
}

/** The fields of a line; those in quotation marks may hold commas. */
function fieldsOf(line) {
  const fields = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...fields].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);
}

/** A number as people read it. */
export function shown(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 1e4) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.min(12, 3 - Math.floor(Math.log10(size)))).replace(/\.?0+$/, "");
}
