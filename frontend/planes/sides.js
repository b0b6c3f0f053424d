// What the two sides of a comparison are called, and how they are told apart. Knows nothing of the page.

import { DIFFERENCE_RGB } from "./shaders.js";

const LEAST_SHARE = 0.02;

/**
 * @typedef {{id: string, name: string, address: string, kind: "score" | "annotation" | "truth"}} Comparable
 * @typedef {{id: string, from: string | null, mode: string, threshold: number}} Chosen `id` of B; `from` is that of A,
 *   null the result that is shown; mode: "difference", "swipe" or "side"
 */

export const MODES = ["difference", "swipe", "side"];

/** The way to compare after another one. */
export const nextMode = (/** @type {string | undefined} */ mode) => MODES[(MODES.indexOf(`${mode}`) + 1) % MODES.length];

/** What the legend says, in lines of what is shown before a text: a letter or a colour.
 *  @param {Comparable} a
 *  @param {Comparable} b
 *  @param {number} threshold of A
 *  @param {Chosen} chosen
 *  @returns {[string | number[], string][]} */
export function legendOf(a, b, threshold, chosen) {
  const named = (/** @type {Comparable} */ { name, kind }, /** @type {number} */ above) =>
    kind === "score" ? `${name}, above ${above.toFixed(2)}` : name;
  /** @type {[string, string][]} */
  const names = [["A", named(a, threshold)], ["B", named(b, chosen.threshold)]];
  if (chosen.mode !== "difference") return names;
  const { a: onlyA, b: onlyB, both } = DIFFERENCE_RGB;
  const isTruth = b.kind === "truth";
  return [
    ...names,
    [onlyA, isTruth ? "only A: marked, not true" : "only A"],
    [onlyB, isTruth ? "only B: true, not marked" : "only B"],
    [both, "both"],
    ["▨", "not compared: not scored, or not judged"],
  ];
}

/** What can be A besides the result that is shown: the annotations.
 *  @param {Comparable[]} offered */
export const firstsOf = (offered) => offered.filter(({ kind }) => kind === "annotation");

/** The choice as it can be kept: A is an annotation that is there, or the result if there is one; what has no
 *  threshold has that of a mask. Null if there is nothing to compare, or a thing is compared with itself alone.
 *  @param {Chosen | null} chosen
 *  @param {Comparable[]} offered
 *  @param {boolean} hasResult
 *  @returns {Chosen | null} */
export function settled(chosen, offered, hasResult) {
  const other = offered.find(({ id }) => id === chosen?.id);
  if (!chosen || !other) return null;
  const firsts = firstsOf(offered).filter(({ id }) => id !== other.id);
  const from = firsts.find(({ id }) => id === chosen.from)?.id ?? (hasResult ? null : firsts[0]?.id);
  if (from === undefined) return null;
  const mode = MODES.includes(chosen.mode) ? chosen.mode : MODES[0];
  return { id: other.id, from, mode, threshold: other.kind === "score" ? chosen.threshold : 0 };
}

/** The choice after another side was chosen; what was there gives way to the other side.
 *  @param {Chosen} before
 *  @param {"id" | "from"} side
 *  @param {string | null} value
 *  @param {string | null} result id of the result that is shown */
export function chosenAfter(before, side, value, result) {
  const after = { ...before, [side]: value };
  if (value === null || after.from !== after.id) return after;
  return side === "from" ? { ...after, id: before.from ?? result ?? "" } : { ...after, from: before.id };
}

/** Where the line may lie, as a share of the width. */
export const heldShare = (/** @type {number} */ share) => Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));
