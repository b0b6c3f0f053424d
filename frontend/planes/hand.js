// The hand on a plane: wheel, drag, two fingers, double click and keys.

import { Fingers } from "./fingers.js";
import { panned, toPlane } from "./geometry.js";

const DRAG_PX = 3;
const WHEEL_PX = 60;

/** @param {import("./pane.js").Pane} pane
 *  @param {AbortSignal} signal */
export function attachHand(pane, signal) {
  const { element, viewer } = pane;
  /** @type {{from: number[], moving: boolean} | null} */
  let held = null;
  let turned = 0;
  const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ act, options = {}) => element.addEventListener(name, act, { signal, ...options });
  const point = (/** @type {MouseEvent} */ event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const place = (/** @type {MouseEvent} */ event) => toPlane(/** @type {any} */ (pane.view), pane.edges, pane.size, point(event));

  const fingers = new Fingers();

  on("focus", () => viewer.activate(pane));
  on("keydown", (event) => viewer.pressed(event, pane));
  on("dblclick", (event) => pane.view && !viewer.editing.draws && viewer.point(pane.plane, place(event)));
  on("wheel", (event) => {
    event.preventDefault();
    if (!pane.view) return;
    if (event.ctrlKey || event.metaKey) return pane.zoomBy(Math.exp(-event.deltaY / 300), point(event));
    // With Shift, some browsers turn the wheel sideways.
    const turn = event.deltaY || event.deltaX;
    turned += event.deltaMode === WheelEvent.DOM_DELTA_LINE ? turn * 33 : turn;
    const steps = Math.trunc(turned / WHEEL_PX);
    turned -= steps * WHEEL_PX;
    if (!steps) return;
    if (event.shiftKey || event.altKey) viewer.editing.resize(-steps);
    else viewer.go(pane, pane.index + steps);
  }, { passive: false });
  on("pointerdown", (event) => {
    if (!pane.view) return;
    element.setPointerCapture(event.pointerId);
    viewer.activate(pane);
    if (fingers.down(event, point(event)) > 1) {
      viewer.editing.hand.giveUp();
      viewer.ruler.giveUp();
      held = null;
    } else if (event.button === 0 && viewer.editing.draws) viewer.editing.hand.down(pane, event, place(event));
    else if (event.button < 2) held = { from: [event.clientX, event.clientY], moving: false };
  });
  on("pointermove", (event) => {
    if (!pane.view) return;
    const two = fingers.move(event, point(event));
    if (two) {
      pane.look(panned(pane.view, pane.extent, pane.edges, two.shift));
      return pane.zoomBy(two.stretch, two.middle);
    }
    if (viewer.editing.hand.moved(pane, event, place)) return;
    if (!held) return viewer.readout.over(pane, place(event));
    const now = [event.clientX, event.clientY];
    const { from } = held;
    const delta = now.map((n, i) => n - from[i]);
    if (!held.moving && Math.hypot(...delta) < DRAG_PX) return;
    held = { from: now, moving: true };
    element.classList.add("moving");
    pane.look(panned(pane.view, pane.extent, pane.edges, delta));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    on(name, (event) => {
      fingers.up(event);
      if (name === "pointercancel") {
        viewer.editing.hand.giveUp();
        viewer.ruler.giveUp();
      } else if (!viewer.editing.hand.up(pane) && held && !held.moving && event.button === 0) {
        viewer.editing.hand.picked(pane, place(event));
      }
      held = null;
      element.classList.remove("moving");
    });
  }
  on("pointerleave", () => {
    viewer.readout.leave();
    viewer.editing.hand.left();
  });
}
