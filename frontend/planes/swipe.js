// The line between A and B that hand and keys draw aside.

import { heldShare } from "./sides.js";

const KEY_SHARE = 0.02;

/** Put a line over a plane.
 *  @param {HTMLElement} pane
 *  @param {import("./comparison.js").Comparison} comparison
 *  @returns {HTMLElement} */
export function swipeLine(pane, comparison) {
  const line = document.createElement("div");
  line.className = "swipe";
  line.tabIndex = 0;
  line.hidden = true;
  const told = { role: "slider", "aria-label": "Line between A and B", "aria-valuemin": "0", "aria-valuemax": "100" };
  for (const [name, value] of Object.entries(told)) line.setAttribute(name, value);
  line.append(...["A", "B"].map((letter) => Object.assign(document.createElement("span"), { textContent: letter })));
  const move = (/** @type {number} */ share) => {
    comparison.share = heldShare(share);
    comparison.show();
  };
  const options = { signal: comparison.viewer.listening.signal };
  line.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    line.setPointerCapture(event.pointerId);
  }, options);
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    event.stopPropagation();
    const box = pane.getBoundingClientRect();
    move((event.clientX - box.left) / box.width);
  }, options);
  line.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!steps) return;
    event.preventDefault();
    event.stopPropagation();
    move(comparison.share + steps * KEY_SHARE);
  }, options);
  pane.append(line);
  return line;
}
