// The hand on a plane: wheel, drag, double click and keys.

import { panned, toPlane } from "./geometry.js";

const DRAG_PX = 3;
const WHEEL_PX = 60;

/** @param {import("./pane.js").Pane} pane
 *  @param {AbortSignal} signal */
export function attachHand(pane, signal) {
  const { element, plane, viewer } = pane;
  /** @type {{from: number[], moving: boolean} | null} */
  let held = null;
  let turned = 0;
  const on = (name, act, options = {}) => element.addEventListener(name, act, { signal, ...options });
  const point = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const place = (event) => toPlane(pane.view, pane.edges, pane.size, point(event));

  on("focus", () => viewer.activate(pane));
  on("keydown", (event) => viewer.pressed(event, pane));
  on("dblclick", (event) => pane.view && viewer.point(plane, place(event)));
  on("wheel", (event) => {
    event.preventDefault();
    if (!pane.view) return;
    if (event.ctrlKey || event.metaKey) return pane.zoomBy(Math.exp(-event.deltaY / 300), point(event));
    turned += event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
    const steps = Math.trunc(turned / WHEEL_PX);
    turned -= steps * WHEEL_PX;
    if (steps) viewer.go(pane, pane.index + steps);
  }, { passive: false });
  on("pointerdown", (event) => {
    if (event.button !== 0 || !pane.view) return;
    held = { from: [event.clientX, event.clientY], moving: false };
    element.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    if (!pane.view) return;
    if (!held) return viewer.readout.over(pane, place(event));
    const now = [event.clientX, event.clientY];
    const delta = now.map((n, i) => n - held.from[i]);
    if (!held.moving && Math.hypot(...delta) < DRAG_PX) return;
    held = { from: now, moving: true };
    element.classList.add("moving");
    pane.look(panned(pane.view, pane.extent, pane.edges, delta));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    on(name, () => {
      held = null;
      element.classList.remove("moving");
    });
  }
  on("pointerleave", () => viewer.readout.leave());
}
