// What keys and buttons do to an annotation.

import { freeId } from "./palette.js";
import { copied, interpolated } from "./operations.js";
import { press } from "./pressing.js";
import { SIZED } from "./state.js";

/**
 * @typedef {import("./editing.js").Editing} Editing
 * @typedef {import("../pane.js").Pane} Pane
 * @typedef {{do: string, [more: string]: any}} Action
 */

/** Do something with the object that is chosen.
 *  @param {Editing} editing
 *  @param {(object: number) => void} act */
function withObject(editing, act) {
  const { object } = editing.holding;
  if (object === null || !editing.table.rows.has(object)) editing.say("Choose an object first.");
  else act(object);
}

/** Ask what the interpolation would fill, and show it.
 *  @param {Editing} editing
 *  @param {Pane} pane */
export async function previewed(editing, pane) {
  const { exchange, labels } = editing;
  if (!exchange || editing.holding.object === null) return;
  const operation = interpolated(editing.holding.object, pane.plane, labels.told.shape);
  const planes = Object.fromEntries(editing.panes
    .map((/** @type {Pane} */ one) => [one.plane.axis, one.over(labels, one.index)?.place])
    .filter(([, index]) => index !== undefined));
  editing.say("Interpolating …");
  try {
    const told = await exchange.client.post("preview", { operation, planes });
    if (!told.voxels) {
      editing.previewing = null;
      return editing.say("There is no gap between drawn slices of this plane.");
    }
    editing.previewing = { operation, pane };
    editing.draft.preview = told.planes;
    editing.say(`${told.voxels.toLocaleString("en")} voxels would be filled: Enter fills them, Esc does not.`);
    editing.redraw();
  } catch (error) {
    editing.say(/** @type {Error} */ (error).message || "Not connected.");
  }
}

/** End a preview; returns whether there was one.
 *  @param {Editing} editing
 *  @param {boolean} fills */
function endPreview(editing, fills) {
  const { previewing } = editing;
  if (!previewing) return false;
  editing.previewing = editing.draft.preview = null;
  editing.say("");
  editing.redraw();
  if (fills) editing.operate(previewing.operation);
  return true;
}

/** Copy the object to a neighbouring slice, and go there.
 *  @param {Editing} editing
 *  @param {Pane} pane
 *  @param {number} by */
function copyOn(editing, pane, by) {
  withObject(editing, (object) => {
    const source = editing.sliceOf(pane);
    const target = source + by;
    if (target < 0 || target >= editing.labels.told.shape[pane.plane.across]) return editing.say("There is no further slice.");
    editing.operate(copied(object, pane.plane, source, target));
    editing.viewer.go(pane, pane.index + by * editing.labels.told.place.bin);
  });
}

/** @type {Record<string, (editing: Editing, action: Action, pane: Pane) => boolean | void>} each returns false where
 *  it has no use for the action */
const DEEDS = {
  tool: (editing, action) => editing.perform(action),
  "toggle-tool": (editing, action) => editing.perform(action),
  resize: (editing, action) => SIZED.has(editing.holding.tool) ? editing.perform(action) : false,
  ball: (editing) => editing.perform({ do: "set", values: { ball: !editing.holding.ball } }),
  labels: (editing) => editing.perform({ do: "set", values: { labels: !editing.holding.labels } }),
  new: (editing) => {
    editing.choose(freeId(editing.table.rows));
    editing.say(`What you draw now is the new object ${editing.holding.object}.`);
  },
  hide: (editing) => withObject(editing, (object) => editing.perform({ do: "hide", object })),
  isolate: (editing) => withObject(editing, (object) => editing.perform({ do: "isolate", object })),
  delete: (editing) => withObject(editing, (object) => editing.operate({ kind: "delete", objects: [object] })),
  copy: (editing, { by }, pane) => copyOn(editing, pane, by),
  interpolate: (editing, _, pane) => withObject(editing, () => { previewed(editing, pane); }),
  press: (editing, { shiftKey, altKey }, pane) => press(editing.hand, pane, { shiftKey, altKey }),
  finish: (editing, _, pane) => {
    if (endPreview(editing, true)) return true;
    if (editing.holding.tool === "ruler") {
      editing.viewer.ruler.mark(pane);
      return true;
    }
    if (!editing.hand.stroke) return false;
    editing.hand.finish();
    return true;
  },
  "give-up": (editing) => endPreview(editing, false) || editing.hand.giveUp() || editing.viewer.ruler.clear(),
  "step-back": (editing) => editing.hand.stepBack(),
  undo: (editing) => editing.mayEdit() && editing.told?.undo ? editing.send("undo") : undefined,
  redo: (editing) => editing.mayEdit() && editing.told?.redo ? editing.send("redo") : undefined,
  "take-over": (editing) => {
    editing.exchange?.client.post("take").then((told) => editing.tell(told), (error) => editing.refused(error));
  },
};

/** Do what was asked for; returns whether there is such a thing to do.
 *  @param {Editing} editing
 *  @param {Action} action
 *  @param {Pane} pane the active one
 *  @returns {boolean} */
export function deed(editing, action, pane) {
  const act = DEEDS[action.do];
  if (!act) return false;
  const used = act(editing, action, pane);
  return used !== false;
}
