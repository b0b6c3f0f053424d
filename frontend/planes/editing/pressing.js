// Tools without a pointer: a key does at the crosshair what a press does, and what it draws follows the crosshair.

import { within } from "../geometry.js";

/**
 * @typedef {import("./hand.js").Hand} Hand
 * @typedef {import("../pane.js").Pane} Pane
 */

/** The middle of the voxel at the crosshair.
 *  @param {Hand} hand
 *  @param {Pane} pane */
function crosshair({ editing }, pane) {
  return within(pane.plane, editing.viewer.state.at).map((n) => n + 0.5);
}

/** Use the tool at the crosshair; a stroke ends by the next press.
 *  @param {Hand} hand
 *  @param {Pane} pane
 *  @param {{shiftKey: boolean, altKey: boolean}} keys */
export function press(hand, pane, keys) {
  const { editing, stroke } = hand;
  const { tool } = editing.holding;
  if (tool === "ruler") editing.viewer.ruler.mark(pane);
  else if (tool === "select") hand.picked(pane, crosshair(hand, pane));
  else if (stroke && tool !== "polygon") hand.finish();
  else hand.down(pane, { ...keys, buttons: 0 }, crosshair(hand, pane));
}

/** Draw on to where the crosshair is now.
 *  @param {Hand} hand
 *  @param {Pane} pane */
export function follow(hand, pane) {
  const { editing, stroke } = hand;
  if (!stroke || hand.pane !== pane || editing.holding.tool === "polygon") return;
  const point = hand.pointAt(pane, crosshair(hand, pane));
  if (!point || point[pane.plane.across] !== stroke.index) return;
  stroke.points.push(point);
  editing.draft.draw(pane);
}
