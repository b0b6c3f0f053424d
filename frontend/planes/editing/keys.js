// What keys do while an annotation is open. Knows nothing of the page.

/** Keys as they stand in the help, and what they do. */
export const SHORTCUTS = [
  ["V", "select an object"],
  ["B E", "brush, eraser; with Alt the other one"],
  ["2", "whole organelle: click in it; more by Shift, less by Alt + click"],
  ["D", "disc or ball"],
  ["[ ]", "smaller or larger; Shift + wheel too"],
  ["L G", "lasso, polygon; with Alt they erase"],
  ["Enter Esc", "end or give up a polygon or a preview"],
  ["K J", "fill in the slice, fill in 3D"],
  ["M X", "merge, split: two clicks"],
  ["Space", "back to the tool before"],
  ["Q", "use the tool at the crosshair: Shift + arrows draw, Q ends; with Alt as by the mouse"],
  ["N", "new object"],
  ["H Y", "hide, isolate the object"],
  [", .", "copy it to the slice before or after"],
  ["T", "interpolate it between drawn slices"],
  ["Delete", "delete the object"],
  ["W", "objects on or off"],
  ["Ctrl + Z", "undo; with Shift redo"],
];

/** @type {Record<string, {do: string, [more: string]: any}>} */
const ACTIONS = {
  " ": { do: "toggle-tool" }, "[": { do: "resize", steps: -1 }, "]": { do: "resize", steps: 1 },
  ",": { do: "copy", by: -1 }, ".": { do: "copy", by: 1 }, Delete: { do: "delete" }, Enter: { do: "finish" },
  Escape: { do: "give-up" }, Backspace: { do: "step-back" }, d: { do: "ball" }, n: { do: "new" }, h: { do: "hide" },
  y: { do: "isolate" }, t: { do: "interpolate" }, w: { do: "labels" },
};
/** @type {Record<string, import("./state.js").Tool>} */
const TOOLS = {
  v: "select", b: "brush", e: "eraser", l: "lasso", g: "polygon", k: "fill", j: "fill-3d", m: "merge", x: "split",
  u: "ruler", 2: "body",
};

/** What a key asks for, null if nothing.
 *  @param {{key: string, shiftKey?: boolean, ctrlKey?: boolean, metaKey?: boolean, altKey?: boolean}} event
 *  @returns {{do: string, [more: string]: any} | null} */
export function actionOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) {
    if (letter === "z" && !altKey) return { do: shiftKey ? "redo" : "undo" };
    return letter === "y" && !altKey && !shiftKey ? { do: "redo" } : null;
  }
  if (letter === "q") return { do: "press", shiftKey: Boolean(shiftKey), altKey: Boolean(altKey) };
  if (altKey) return null;
  if (letter in TOOLS) return { do: "tool", tool: TOOLS[letter] };
  return ACTIONS[letter] ?? null;
}
