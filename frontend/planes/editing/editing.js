// An annotation over the planes: what is shown of it, and what is done to it. The server decides.

import { within } from "../geometry.js";
import { Review } from "../review/review.js";
import { actionOf } from "./keys.js";
import { Bar } from "./bar.js";
import { Client, tabName } from "./client.js";
import { deed } from "./deeds.js";
import { Draft } from "./draft.js";
import { Exchange } from "./exchange.js";
import { Hand } from "./hand.js";
import { ObjectList } from "./objects.js";
import { changed, freeId, paletteOf } from "./palette.js";
import { shownAt, voxelOf } from "./places.js";
import { after, AT_FIRST } from "./state.js";
import { LabelStore } from "./store.js";

/**
 * @typedef {import("../pane.js").Pane} Pane
 * @typedef {import("./exchange.js").Told} Told
 * @typedef {import("./exchange.js").Answer} Answer
 */

const FIRST_COLOUR = "#ffb454";
// What tools and keys do without an annotation, too.
const VIEWING = new Set(["ruler", "select", "toggle-tool", "give-up", "finish"]);

export class Editing {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {any} the planes of the annotation; null while none is open */
    this.labels = null;
    /** @type {string | null} where it is */
    this.address = null;
    this.holding = AT_FIRST;
    /** @type {import("./palette.js").Table} */
    this.table = { classes: {}, rows: new Map() };
    this.palette = paletteOf(this.table.rows, new Set(), null);
    /** @type {Told | null} */
    this.told = null;
    /** @type {Exchange | null} */
    this.exchange = null;
    /** @type {{operation: import("./operations.js").Operation, pane: Pane} | null} what Enter would do */
    this.previewing = null;
    this.draft = new Draft(this);
    this.hand = new Hand(this);
    this.bar = new Bar(this);
    this.list = new ObjectList(this);
    this.review = new Review(this);
    window.addEventListener("pagehide", () => this.exchange?.client.post("leave", {}, true).catch(() => {}), {
      signal: viewer.listening.signal,
    });
  }

  /** @returns {Pane[]} */
  get panes() {
    return Object.values(this.viewer.panes);
  }

  /** Whether the hand on a plane holds a tool that draws. */
  get draws() {
    return this.holding.tool === "ruler" || (this.labels !== null && this.holding.tool !== "select");
  }

  /** The colour of what is drawn with. */
  get colour() {
    return this.table.rows.get(this.holding.object ?? 0)?.colour ?? FIRST_COLOUR;
  }

  /** Show another annotation, or none.
   *  @param {string | null} address
   *  @param {string} token
   *  @param {boolean} anew whether the planes under it are others than before
   *  @param {number | null} object to choose */
  async open(address, token, anew, object = null) {
    if (this.exchange) this.exchange.client.token = token;
    if (this.address === address && !anew) return;
    this.shut();
    this.address = address;
    this.viewer.root.classList.toggle("annotated", address !== null);
    if (!address) return this.refresh();
    const client = new Client(address, token, await tabName());
    const labels = new LabelStore(address, () => this.viewer.count());
    try {
      await labels.learn();
    } catch (error) {
      return this.viewer.fail(/** @type {Error} */ (error).message);
    }
    if (this.address !== address) return labels.close();
    this.labels = labels;
    this.exchange = new Exchange(client, this);
    this.exchange.version = labels.told.version;
    this.told = labels.told;
    if (this.viewer.state && !this.viewer.comparison.chosen) this.viewer.set({ overlay: false }); // the objects were made of it
    await this.readTable();
    if (object !== null && this.table.rows.has(object)) this.choose(object);
    this.exchange?.beat();
    this.refresh();
  }

  async readTable() {
    const { exchange } = this;
    const told = await exchange?.client.get("/objects").catch(() => null);
    if (!told || exchange !== this.exchange) return;
    this.table = { classes: told.classes, rows: new Map(told.objects.map((/** @type {any} */ row) => [row.id, row])) };
    this.repaint();
  }

  /** Draw with the colours and looks of now. */
  repaint() {
    const { hidden, isolated } = this.holding;
    this.palette = paletteOf(this.table.rows, hidden, isolated);
    this.list.fill();
    this.redraw();
  }

  redraw() {
    this.bar.fill();
    for (const pane of this.panes) pane.invalidate();
  }

  /** Fetch what the planes lack, and draw. */
  refresh() {
    this.repaint();
    if (this.viewer.state) for (const pane of this.panes) pane.load();
  }

  /** @param {{do: string, [more: string]: any}} action */
  perform(action) {
    const before = this.holding;
    this.holding = after(before, action);
    if (before.tool !== this.holding.tool) this.hand.giveUp();
    if (before.object !== this.holding.object) this.list.about();
    if (this.holding.hidden !== before.hidden || this.holding.isolated !== before.isolated) this.repaint();
    else {
      this.list.fill();
      this.redraw();
    }
  }

  /** @param {number} steps */
  resize(steps) {
    if (this.labels) this.perform({ do: "resize", steps });
  }

  /** @param {KeyboardEvent} event
   *  @param {Pane} pane
   *  @returns {boolean} whether the key was for the annotation */
  pressed(event, pane) {
    const action = actionOf(event);
    const wanted = action !== null && (this.labels !== null || VIEWING.has(action.tool ?? action.do));
    const reviewed = this.labels !== null && this.review.pressed(event);
    if (!reviewed && !(wanted && deed(this, action, pane))) return false;
    event.preventDefault();
    return true;
  }

  /** @param {number | null} object */
  choose(object) {
    this.perform({ do: "choose", object });
    this.viewer.readout.refresh();
  }

  /** Have an object to draw with, a new one if none is chosen. */
  needObject() {
    if (this.holding.object === null) this.choose(freeId(this.table.rows));
  }

  /** @returns {boolean} */
  mayEdit() {
    const { editor } = this.told ?? {};
    if (this.exchange?.lost) this.say("Not connected: nothing can be drawn now.");
    else if (editor && !editor.you) this.say(`${editor.owner} edits this annotation.`);
    else return this.exchange !== null;
    return false;
  }

  /** Send an operation.
   *  @param {import("./operations.js").Operation} operation
   *  @param {object | null} draft */
  operate(operation, draft = null) {
    if (this.mayEdit()) this.send("operations", { operation }, draft);
    else if (draft) this.done(draft);
  }

  /** @param {string} what
   *  @param {Record<string, any>} content
   *  @param {object | null} draft */
  send(what, content = {}, draft = null) {
    this.bar.status("saving", "Saving …");
    this.exchange?.send(what, content, draft);
  }

  /** @param {Answer} answer */
  async changed(answer) {
    const { labels, viewer } = this;
    const { version, undo, redo, rows, classes, box, voxels } = answer;
    const editor = { owner: "you", since: Date.now() / 1000, ...this.told?.editor, you: true };
    this.told = { .../** @type {Told} */ (this.told), version, undo, redo, editor };
    if (Object.keys(rows).length || Object.keys(classes).length) {
      this.table = changed(this.table, rows, classes);
      if (this.holding.object !== null && rows[this.holding.object] === null) this.choose(null);
      this.repaint();
    }
    const shown = this.panes.map((pane) => {
      const over = pane.over(labels, pane.index);
      return over && labels.key(pane.plane, over.level, over.place);
    });
    await labels.accept(box, version, shown);
    viewer.comparison.follow(this.address, version);
    await Promise.all(this.panes.map((pane) => pane.load()));
    if (box) this.list.about();
    this.review.changed();
    viewer.readout.refresh();
    viewer.root.dataset.version = `${version}`;
    this.bar.status("saved", voxels || !box ? "Saved" : "Nothing changed");
    this.bar.fill();
  }

  /** @param {object | null} stroke */
  done(stroke) {
    if (stroke) this.forget(stroke);
  }

  /** @param {object} stroke */
  forget(stroke) {
    this.draft.strokes = this.draft.strokes.filter((one) => one !== stroke);
    for (const pane of this.panes) this.draft.draw(pane);
  }

  /** @param {Error} error */
  refused(error) {
    this.review.busy = false;
    this.bar.status("refused", error.message);
  }

  /** Tell that the server is gone, and return how many strokes are lost with it.
   *  @param {number} waiting how many were on their way */
  lost(waiting) {
    const dropped = waiting + (this.hand.stroke === null ? 0 : 1);
    this.draft.strokes = [];
    this.hand.giveUp();
    this.redraw();
    this.bar.status("lost", dropped ? "Not connected. The last stroke was not kept." : "Not connected. All that was drawn is kept.");
    return dropped;
  }

  /** @param {Told} told
   *  @param {number} dropped
   *  @param {boolean} kept */
  found(told, dropped, kept) {
    this.told = { ...told, version: -1 }; // whatever it was, all is fetched anew
    this.tell(told);
    const text = !dropped ? "All that was drawn is kept." : kept ? "The last stroke was kept." : "The last stroke was not kept.";
    this.bar.status("saved", `Connected again. ${text}`);
  }

  /** Take what the server tells, maybe of another's changes.
   *  @param {Told} told */
  tell(told) {
    const renewed = told.version !== this.told?.version;
    this.told = told;
    if (this.exchange) this.exchange.version = told.version;
    this.viewer.root.dataset.version = `${told.version}`;
    if (renewed) {
      this.labels.renew(told.version);
      this.viewer.comparison.follow(this.address, told.version);
      this.readTable().then(() => this.list.about());
      this.review.changed();
      for (const pane of this.panes) pane.load();
    }
    this.bar.fill();
  }

  /** The id of the object under a place of a plane, 0 if there is none or it is not here yet.
   *  @param {Pane} pane
   *  @param {number[]} place columns first, in the tomogram */
  idAt(pane, place) {
    const { ids } = pane;
    const { told } = this.labels;
    if (!ids || pane.shown !== pane.index) return 0;
    const step = told.place.bin * told.levels[ids.level].factor;
    const [column, row] = within(pane.plane, told.place.first).map((first, i) => Math.floor((place[i] - first) / step));
    const inside = column >= 0 && row >= 0 && column < ids.columns && row < ids.rows;
    return inside ? ids.codes[row * ids.columns + column] : 0;
  }

  /** What the readout says of the object at a voxel of the tomogram.
   *  @param {Pane} pane
   *  @param {number[]} at */
  textAt(pane, at) {
    if (!this.labels?.told || pane.shown !== at[pane.plane.across]) return "";
    const id = this.idAt(pane, within(pane.plane, at).map((n) => n + 0.5));
    const row = this.table.rows.get(id);
    return row ? ` · ${row.name} (${row.class_name}, ${id})${this.list.countText(id)}` : "";
  }

  /** How many pixels of the screen the shortest edge of a voxel of the annotation has.
   *  @param {Pane} pane */
  pixelsPerVoxel({ told, view }) {
    return Math.min(...(told.voxel ?? [1, 1, 1])) * (view?.zoom ?? 1) * this.labels.told.place.bin;
  }

  /** Go to a voxel of the annotation.
   *  @param {number[]} voxel */
  goTo(voxel) {
    this.viewer.move(shownAt(voxel, this.labels.told.place));
  }

  /** The slice of the annotation that a pane shows.
   *  @param {Pane} pane */
  sliceOf(pane) {
    return voxelOf(this.viewer.state.at, this.labels.told.place)[pane.plane.across];
  }

  /** @param {string} text */
  say(text) {
    this.bar.status("told", text);
  }

  shut() {
    this.exchange?.close();
    this.labels?.close();
    this.exchange = this.labels = this.told = null;
    this.holding = { ...AT_FIRST };
    this.draft.strokes = [];
    this.draft.preview = null;
    this.table = { classes: {}, rows: new Map() };
    this.review.close();
    this.hand.body = null;
    for (const pane of this.panes) pane.ids = null;
  }

  close() {
    this.address = null;
    this.shut();
  }
}
