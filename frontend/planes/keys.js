// What each key does. Knows nothing of the page.

const FAR = 10;

/** Keys as they stand in the help, and what they do. */
export const SHORTCUTS = [
  ["← → ↑ ↓", "previous or next plane"],
  ["Page ↑ ↓", `${FAR} planes on`],
  ["Home End", "first or last plane"],
  ["Shift + arrows", "move the crosshair in the plane"],
  ["Shift + Page, Home", `by ${FAR} down and up, left and right (End)`],
  ["Tab", "to the next plane"],
  ["+ −", "zoom"],
  ["C", "centre the planes on the crosshair"],
  ["F", "fit the planes"],
  ["1 3", "one plane, three planes"],
  ["O", "result on or off"],
  ["S", "compare by difference, swipe, or side by side"],
  ["[ ]", "lower or higher threshold"],
  ["I", "invert"],
  ["R", "reset the window"],
  ["P", "panel on or off"],
  ["U", "ruler, and the values along it; Enter sets its ends at the crosshair"],
  ["A", "a note at the crosshair"],
  ["?", "this help"],
  ["Wheel", "step; with Ctrl zoom"],
  ["Drag", "move the plane"],
  ["Double click", "set the crosshair"],
];

/** @type {Record<string, number>} */
const STEPS = {
  ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1,
  PageDown: -FAR, PageUp: FAR, Home: -Infinity, End: Infinity,
};
/** @type {Record<string, number[]>} */
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  Home: [-FAR, 0], End: [FAR, 0], PageUp: [0, -FAR], PageDown: [0, FAR],
};
/** @type {Record<string, string>} */
const ACTS = {
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 1: "one", 3: "three", "?": "help", "[": "lower", "]": "higher",
  c: "centre", f: "fit", o: "overlay", i: "invert", r: "reset", p: "panel", s: "compare", u: "ruler", a: "note",
};

/** What a key asks for, null if nothing.
 *  @param {{key: string, shiftKey?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event
 *  @returns {{step: number} | {move: number[]} | {act: string} | null} */
export function wishOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  if (shiftKey && MOVES[key]) return { move: MOVES[key] };
  if (key in STEPS) return { step: STEPS[key] };
  const act = ACTS[key] ?? ACTS[key.toLowerCase()];
  return act ? { act } : null;
}
