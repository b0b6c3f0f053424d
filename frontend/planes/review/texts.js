// What people read about a review, and what keys do in it. Knows nothing of the page.

/**
 * @typedef {{all: number, right: number, corrected: number, wrong: number, doubtful: number, sampled: number,
 *   targeted: number, lacking: number}} Coverage
 * @typedef {{name: string, machine: number | null, value: number | null, low: number | null, high: number | null}} Estimate
 * @typedef {{class: string | null, tiles: Coverage, objects: Coverage, estimates: Estimate[], unit: string}} State
 * @typedef {{kind: "unit" | "object", number: number, box: number[] | null, voxel: number[] | null}} Next
 */

/** Keys as they stand in the help, and what they do. */
export const SHORTCUTS = [
  ["0", "review on or off"],
  ["Y N Q", "in a review: right, no such object, doubtful"],
  ["Z", "in a review: show the place again"],
];
/** @type {Record<string, string>} */
const VERDICTS = { y: "right", n: "wrong", q: "doubtful", z: "show" };

/** What a key asks for, null if nothing.
 *  @param {{key: string, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event
 *  @param {boolean} on whether a review is under way
 *  @param {"unit" | "object"} kind of what is judged */
export function wishOf({ key, ctrlKey, metaKey, altKey }, on, kind) {
  if (ctrlKey || metaKey || altKey) return null;
  const letter = key.toLowerCase();
  if (letter === "0") return "toggle";
  if (!on || (letter === "n" && kind === "unit")) return null;
  return VERDICTS[letter] ?? null;
}

/** @type {Record<string, string>} */
const TITLES = { volume: "Volume", area: "Area", count: "Objects", precision: "Precision", recall: "Recall", f1: "F1" };

/** A number with three digits.
 *  @param {number} value */
const short = (value) => Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : `${+value.toPrecision(3)}`;
const percent = (/** @type {number} */ value) => `${(100 * value).toFixed(1)} %`;

/** The rows of the table: what, its value, its interval, and what the machine had found.
 *  @param {State} state
 *  @returns {{title: string, value: string, interval: string, machine: string}[]} */
export function rowsOf({ estimates, unit }) {
  /** @type {Record<string, string>} */
  const units = unit === "µm" ? { volume: "µm³", area: "µm²" } : { volume: "voxels", area: "faces" };
  return estimates.map(({ name, machine, value, low, high }) => {
    const told = ["precision", "recall", "f1"].includes(name) ? percent : short;
    const known = value !== null && low !== null && high !== null;
    return {
      title: units[name] ? `${TITLES[name]} (${units[name]})` : TITLES[name],
      value: known ? told(value) : "–",
      interval: known ? `${told(low)} to ${told(high)}` : "",
      machine: machine === null ? "" : told(machine),
    };
  });
}

/** What was looked at.
 *  @param {Coverage} coverage
 *  @param {"unit" | "object"} kind */
export function coverageText({ all, right, corrected, wrong, doubtful, sampled, targeted }, kind) {
  const seen = right + corrected + wrong + doubtful;
  const parts = kind === "unit" ? [[right, "right as they were"], [corrected, "corrected"]] : [[right, "right"], [wrong, "wrong"]];
  const told = [...parts, [doubtful, "doubtful"]].filter(([count]) => count).map(([count, what]) => `${count} ${what}`);
  const queues = targeted ? ` · ${sampled} of the sample, ${targeted} targeted` : "";
  const share = all ? ` (${(100 * seen / all).toFixed(1)} %)` : "";
  return `${seen.toLocaleString("en")} of ${all.toLocaleString("en")} ${kind === "unit" ? "tiles" : "objects"}${share}${told.length ? `: ${told.join(", ")}` : ""}${queues}`;
}

/** What is to be done before numbers can be given, or what they rest on.
 *  @param {State} state */
export function noteText({ tiles, objects }) {
  if (tiles.lacking) return `${tiles.lacking} more tiles of the random sample, then there are numbers.`;
  const doubtful = tiles.doubtful + objects.doubtful;
  const left = doubtful ? ` Doubtful ones (${doubtful}) count as not seen.` : "";
  const count = objects.lacking ? ` ${objects.lacking} more objects of the random sample, then there is a count.` : "";
  return `With 95 % intervals for the whole, what nobody has looked at included.${count}${left}`;
}

/** What is to be judged.
 *  @param {Next | null} next
 *  @param {string} queue
 *  @param {(voxel: number[]) => number} sliceOf the slice of the tomogram, from 1 */
export function nextText(next, queue, sliceOf) {
  const which = queue === "random" ? "random sample" : "where looking pays";
  if (!next) return `Nothing is left here (${which}).`;
  const where = next.voxel ? ` · slice ${sliceOf(next.voxel)}` : "";
  const what = next.kind === "unit" ? "Correct what is wrong in the tile" : `Is object ${next.number} right?`;
  return `${what}${where} · ${which}`;
}
