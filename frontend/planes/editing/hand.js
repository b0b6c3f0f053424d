// The hand with a tool in it: from presses and moves to what is sent.

import { brushOf, clicked, drawn, filled, outlineOf } from "./operations.js";
import { freeId } from "./palette.js";
import { pointOf } from "./places.js";

/**
 * @typedef {import("../pane.js").Pane} Pane
 * @typedef {import("./draft.js").Stroke} Stroke
 */

const PEN_ERASER = 32;

export class Hand {
  /** @param {import("./editing.js").Editing} editing */
  constructor(editing) {
    this.editing = editing;
    /** @type {Stroke | null} what is being drawn */
    this.stroke = null;
    /** @type {Pane | null} */
    this.pane = null;
    /** @type {{object: number, seed: number[]} | null} the first of two clicks */
    this.first = null;
    /** @type {{object: number, inside: number[][], outside: number[][]} | null} the organelle that was clicked last */
    this.body = null;
  }

  /** @param {Pane} pane
   *  @param {number[]} place */
  pointAt(pane, place) {
    const { labels } = this.editing;
    const over = labels && pane.over(labels, pane.index);
    return over ? pointOf(pane.plane, place, over.place, labels.told.place) : null;
  }

  /** @param {Pane} pane
   *  @param {{altKey: boolean, shiftKey: boolean, buttons: number}} event
   *  @param {number[]} place */
  down(pane, event, place) {
    const { editing } = this;
    const { tool } = editing.holding;
    if (tool === "ruler") return editing.viewer.ruler.down(pane, place);
    const point = this.pointAt(pane, place);
    if (!point) return editing.say("There is no annotation here.");
    if (!editing.mayEdit()) return;
    const erasing = (tool === "eraser") !== (event.altKey || (event.buttons & PEN_ERASER) !== 0);
    if (tool === "brush" || tool === "eraser") this.begin(pane, "path", point, erasing);
    else if (tool === "lasso") this.begin(pane, "outline", point, erasing);
    else if (tool === "polygon") this.corner(pane, point, erasing);
    else if (tool === "body") this.grow(point, event.shiftKey, event.altKey);
    else if (tool === "merge" || tool === "split") this.click(pane, place, point);
    else this.fill(pane, point);
  }

  /** @param {Pane} pane
   *  @param {"path" | "outline"} kind
   *  @param {number[]} point
   *  @param {boolean} erasing */
  begin(pane, kind, point, erasing) {
    const { draft, holding } = this.editing;
    if (!erasing) this.editing.needObject();
    const { axis, across } = pane.plane;
    this.stroke = {
      kind, axis, index: point[across], points: [point], erasing,
      radius: holding.radius, colour: this.editing.colour, ball: holding.ball,
    };
    this.pane = pane;
    draft.strokes.push(this.stroke);
    draft.draw(pane);
  }

  /** @param {Pane} pane
   *  @param {number[]} point
   *  @param {boolean} erasing */
  corner(pane, point, erasing) {
    const { stroke } = this;
    if (!stroke || stroke.axis !== pane.plane.axis || stroke.index !== point[pane.plane.across]) {
      this.giveUp();
      return this.begin(pane, "outline", point, erasing);
    }
    const last = stroke.points[stroke.points.length - 1];
    // The second press of a double click ends it.
    if (Math.hypot(...point.map((n, i) => n - last[i])) * this.editing.pixelsPerVoxel(pane) < 4) return this.finish();
    stroke.points.push(point);
    this.editing.draft.draw(pane);
  }

  /** Follow the pointer; returns whether a tool is at work.
   *  @param {Pane} pane
   *  @param {PointerEvent} event
   *  @param {(event: PointerEvent) => number[]} placeOfEvent */
  moved(pane, event, placeOfEvent) {
    const { draft, draws, viewer } = this.editing;
    if (viewer.ruler.moved(pane, placeOfEvent(event))) return true;
    draft.pointer = draws ? { pane, place: placeOfEvent(event) } : null;
    const { stroke } = this;
    if (!stroke || this.pane !== pane || this.editing.holding.tool === "polygon") {
      if (draws) draft.draw(pane);
      return false;
    }
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const point = this.pointAt(pane, placeOfEvent(one));
      if (!point || point[pane.plane.across] !== stroke.index) continue;
      stroke.points.push(point);
    }
    draft.draw(pane);
    return true;
  }

  /** End a stroke; returns whether there was one.
   *  @param {Pane} pane */
  up(pane) {
    if (this.editing.viewer.ruler.up()) return true;
    if (this.editing.holding.tool === "polygon") return true;
    if (!this.stroke || this.pane !== pane) return this.editing.draws;
    this.finish();
    return true;
  }

  /** Send what was drawn. */
  finish() {
    const { stroke, pane, editing } = this;
    this.stroke = null;
    if (!stroke || !pane) return;
    if (stroke.kind === "outline" && stroke.points.length < 3) return editing.forget(stroke);
    const { plane } = pane;
    const shape = stroke.kind === "path" ? brushOf(editing.holding, plane, stroke.points) : outlineOf(plane, stroke.points);
    editing.operate(drawn(editing.holding, shape, editing.viewer.state, stroke.erasing), stroke);
  }

  /** Take back the last corner of a polygon. */
  stepBack() {
    if (!this.stroke || !this.pane) return false;
    this.stroke.points.pop();
    if (this.stroke.points.length) this.editing.draft.draw(this.pane);
    else this.giveUp();
    return true;
  }

  giveUp() {
    const { stroke } = this;
    const was = stroke !== null || this.first !== null;
    this.stroke = this.first = null;
    if (stroke) this.editing.forget(stroke);
    return was;
  }

  left() {
    const { draft } = this.editing;
    const pane = draft.pointer?.pane;
    draft.pointer = null;
    if (pane) draft.draw(pane);
  }

  /** @param {Pane} pane
   *  @param {number[]} place */
  picked(pane, place) {
    const { editing } = this;
    if (!editing.labels?.told) return;
    editing.choose(editing.idAt(pane, place) || null);
  }

  /** @param {Pane} pane
   *  @param {number[]} point */
  fill(pane, point) {
    const { editing } = this;
    editing.needObject();
    const { shape } = editing.labels.told;
    const seed = point.map(Math.round);
    editing.operate(filled(editing.holding, pane.plane, seed, shape, editing.viewer.state));
  }

  /** Find the organelle around a click; with Shift or Alt, mend the last one by what is in it or is not.
   *  @param {number[]} point
   *  @param {boolean} more
   *  @param {boolean} less */
  grow(point, more, less) {
    const { editing, body } = this;
    const voxel = point.map(Math.round);
    if (!editing.told?.scored) return editing.say("Organelles are found by a result, and this annotation knows none.");
    if ((more || less) && !body) return editing.say("Click in an organelle first.");
    if (editing.exchange?.working) return editing.say("Still looking for the one before …");
    const object = freeId(editing.table.rows);
    if (object === null) return editing.say("There is no id left.");
    if (body && less) body.outside.push(voxel);
    else if (body && more) body.inside.push(voxel);
    else this.body = { object, inside: [voxel], outside: [] };
    const found = /** @type {NonNullable<typeof body>} */ (this.body);
    editing.choose(found.object);
    editing.operate(clicked(found, editing.holding.bodyClass));
  }

  /** One of the two clicks that merge or split.
   *  @param {Pane} pane
   *  @param {number[]} place
   *  @param {number[]} point */
  click(pane, place, point) {
    const { editing, first } = this;
    const object = editing.idAt(pane, place);
    if (!object) return editing.say("There is no object here.");
    const splits = editing.holding.tool === "split";
    const seed = point.map(Math.round);
    if (!first) {
      this.first = { object, seed };
      editing.choose(object);
      return editing.say(splits ? "Click where the other part is." : "Click the object to merge into this one.");
    }
    if (splits !== (object === first.object)) {
      return editing.say(splits ? "That is another object. Click a place of the same." : "That is the same object.");
    }
    this.first = null;
    const operation = splits
      ? { kind: "split", object, seeds: [first.seed, seed] }
      : { kind: "merge", objects: [first.object, object] };
    editing.operate(operation);
  }
}
