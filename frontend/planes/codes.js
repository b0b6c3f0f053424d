// What codes stand for, and the window that they are shown in. Knows nothing of the page.

/**
 * @typedef {{dtype: string, scale: number, offset: number, has_invalid: boolean, exact: boolean}} Coding
 * @typedef {{black: number, white: number}} Window in values
 */

const LEAST_SHARE = 1e-3;
const BEYOND = 0.15;

/** The value that a code stands for, null where it stands for none.
 *  @param {number} code
 *  @param {Coding} coding */
export const meaningOf = (code, coding) =>
  coding.has_invalid && code === 0 ? null : code * coding.scale + coding.offset;

/** The code, not whole, of a value.
 *  @param {number} value
 *  @param {Coding} coding */
export const codeOf = (value, coding) => (value - coding.offset) / coding.scale;

/** The lowest score code above a threshold in [-1, 1): as Score.threshold_code does it. */
export const thresholdCode = (/** @type {number} */ threshold) => Math.floor((threshold + 1) * 127.5) + 1;

/** The score in [-1, 1] that a code stands for. */
export const decodeScore = (/** @type {number} */ code) => (code * 2) / 255 - 1;

/** A value as people read it. */
export const shown = (/** @type {number} */ value) => (Number.isInteger(value) ? `${value}` : `${+value.toPrecision(5)}`);

/** What the histogram spans: the range of the values and some more.
 *  @param {number[]} range */
export function spanOf([low, high]) {
  const more = (high - low) * BEYOND;
  return [low - more, high + more];
}

/** The part of a window that a hand takes at a place, all in shares of the span.
 *  @param {number} at
 *  @param {number} black
 *  @param {number} white
 *  @returns {"black" | "white" | "both"} */
export function takenPart(at, black, white) {
  const near = Math.min(0.06, (white - black) / 3);
  if (at < black + near) return "black";
  if (at > white - near) return "white";
  return "both";
}

/** The window after a part of it was moved; its ends never meet.
 *  @param {Window} before
 *  @param {"black" | "white" | "both"} part
 *  @param {number} by in values
 *  @param {number[]} span that it stays in
 *  @returns {Window} */
export function movedWindow(before, part, by, [low, high]) {
  const least = (high - low) * LEAST_SHARE;
  if (part === "both") {
    const held = Math.min(high - before.white, Math.max(low - before.black, by));
    return { black: before.black + held, white: before.white + held };
  }
  if (part === "black") {
    return { ...before, black: Math.min(before.white - least, Math.max(low, before.black + by)) };
  }
  return { ...before, white: Math.max(before.black + least, Math.min(high, before.white + by)) };
}
