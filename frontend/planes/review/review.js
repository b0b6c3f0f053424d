// A review of the annotation: shows what is to be judged next, takes the verdict, tells what follows.

import { placeOf, shownAt } from "../editing/places.js";
import { coverageText, nextText, noteText, rowsOf, wishOf } from "./texts.js";

const REST_MS = 300;
const SHARE_OF_PANE = { unit: 0.85, object: 0.35 };

/**
 * @typedef {import("../pane.js").Pane} Pane
 * @typedef {import("./texts.js").Next} Next
 * @typedef {import("./texts.js").State} State
 */

export class Review {
  /** @param {import("../editing/editing.js").Editing} editing */
  constructor(editing) {
    this.editing = editing;
    this.on = false;
    /** @type {"unit" | "object"} */
    this.kind = "unit";
    this.queue = "random";
    /** @type {State | null} */
    this.state = null;
    /** @type {Next | null} */
    this.next = null;
    this.ticket = 0;
    this.busy = false;
    const options = { signal: editing.viewer.listening.signal };
    editing.viewer.root.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-review]");
      if (button) this.perform(`${/** @type {HTMLElement} */ (button).dataset.review}`);
    }, options);
    this.find(".queue").addEventListener("change", (/** @type {any} */ { target }) => {
      [this.kind, this.queue] = target.value.split(" ");
      this.refresh();
    }, options);
  }

  /** @param {string} selector */
  find(selector) {
    return this.editing.viewer.find(`.review ${selector}`);
  }

  /** @param {KeyboardEvent} event
   *  @returns {boolean} whether the key was for the review */
  pressed(event) {
    const wish = wishOf(event, this.on && this.state !== null, this.kind);
    if (wish) this.perform(wish);
    return wish !== null;
  }

  /** @param {string} wish */
  perform(wish) {
    const { editing } = this;
    if (wish === "toggle") {
      this.on = !this.on;
      this.fill();
      if (this.on) this.refresh();
      editing.redraw();
    } else if (wish === "show") this.show();
    else if (wish === "plan") this.plan();
    else if (wish === "anew") {
      this.state = this.next = null;
      this.fill();
    } else this.judge(wish);
  }

  plan() {
    const class_name = this.find(".class").value || null;
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    this.busy = true;
    this.editing.operate({ kind: "plan review", class_name, threshold: this.editing.viewer.state.threshold, seed });
  }

  /** @param {string} verdict */
  judge(verdict) {
    const { next, queue, editing } = this;
    if (!next || this.busy || (verdict === "wrong" && next.kind === "unit")) return;
    const numbers = next.kind === "unit" ? { units: [next.number] } : { objects: [next.number] };
    this.busy = editing.mayEdit();
    if (this.busy) editing.send("operations", { operation: { kind: "judge", ...numbers, verdict, queue } });
  }

  /** Something was changed, by a verdict, by a tool, or taken back. */
  changed() {
    clearTimeout(this.resting);
    if (this.on) this.resting = setTimeout(() => this.refresh(), this.busy ? 0 : REST_MS);
  }

  async refresh() {
    const ticket = ++this.ticket;
    const told = await this.editing.exchange?.client.get(`/review?kind=${this.kind}&queue=${this.queue}`).catch(() => null);
    if (!told || ticket !== this.ticket) return;
    const before = this.next;
    Object.assign(this, { state: told.state, next: told.next, busy: false });
    this.fill();
    if (told.next && (before?.kind !== told.next.kind || before?.number !== told.next.number)) this.show();
    this.editing.redraw();
  }

  /** Bring what is judged next into sight. */
  show() {
    const { next, editing } = this;
    if (!next?.voxel || !next.box) return;
    if (next.kind === "object") editing.choose(next.number);
    editing.goTo(next.voxel);
    const { place } = editing.labels.told;
    const pane = editing.viewer.panes.z;
    const [low, high] = [next.box.slice(0, 3), next.box.slice(3)].map((corner) => corner.map((n) => n - 0.5));
    const [first, end] = [low, high].map((corner) => placeOf(pane.plane, corner, place));
    const zoom = Math.min(...pane.size.map((/** @type {number} */ px, /** @type {number} */ i) => SHARE_OF_PANE[next.kind] * px / ((end[i] - first[i]) * pane.edges[i])));
    pane.look({ zoom, centre: first.map((n, i) => (n + end[i]) / 2), fitted: false });
    pane.element.focus({ preventScroll: true });
  }

  /** The outline of what is judged.
   *  @param {CanvasRenderingContext2D} context
   *  @param {Pane} pane
   *  @param {(point: number[]) => number[]} screen
   *  @param {number | undefined} index of the slice of the annotation */
  draw(context, { plane }, screen, index) {
    const box = this.on && this.next?.box;
    if (!box || index === undefined || index < box[plane.across] || index >= box[plane.across + 3]) return;
    const [[x0, y0], [x1, y1]] = [box.slice(0, 3), box.slice(3)].map((corner) => screen(corner.map((n) => n - 0.5)));
    for (const [colour, line] of /** @type {[string, number][]} */ ([["rgb(0 0 0 / 70%)", 4], ["#ffe08a", 1.6]])) {
      Object.assign(context, { strokeStyle: colour, lineWidth: line });
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }

  /** Bring what is known into the page. */
  fill() {
    const { editing, on, state, next, kind, queue } = this;
    const { viewer, table } = editing;
    viewer.find('[data-review="toggle"]').setAttribute("aria-pressed", `${on}`);
    viewer.find(".review").hidden = !on;
    const acts = viewer.find(".verdicts");
    acts.hidden = !on || !state;
    this.find(".begin").hidden = state !== null;
    this.find(".under-way").hidden = state === null;
    if (!state) {
      const classes = [...new Set([...table.rows.values()].map((row) => row.class_name))];
      const chosen = this.find(".class").value;
      this.find(".class").replaceChildren(new Option("All objects", ""), ...classes.map((name) => new Option(name, name)));
      this.find(".class").value = classes.includes(chosen) ? chosen : "";
      return;
    }
    const { place } = editing.labels.told;
    acts.querySelector(".next").textContent = nextText(next, queue, (voxel) => shownAt(voxel, place)[0] + 1);
    acts.querySelector('[data-review="wrong"]').hidden = kind === "unit";
    for (const button of acts.querySelectorAll("button")) button.disabled = !next;
    const coverage = kind === "unit" ? state.tiles : state.objects;
    this.find(".queue").value = `${kind} ${queue}`;
    this.find(".of").textContent = state.class ?? "all objects";
    this.find("progress").value = coverage.all
      ? (coverage.right + coverage.corrected + coverage.wrong + coverage.doubtful) / coverage.all : 1;
    this.find(".coverage").textContent = coverageText(coverage, kind);
    this.find(".note").textContent = noteText(state);
    this.find("tbody").replaceChildren(...rowsOf(state).map(({ title, value, interval, machine }) => {
      const row = document.createElement("tr");
      row.title = machine ? `Without the review: ${machine}` : "";
      const [name, number] = [document.createElement("th"), document.createElement("td")];
      const range = document.createElement("small");
      Object.assign(name, { textContent: title, scope: "row" });
      number.textContent = value;
      range.textContent = interval;
      number.append(range);
      row.append(name, number);
      return row;
    }));
  }

  close() {
    clearTimeout(this.resting);
    Object.assign(this, { on: false, state: null, next: null, busy: false });
    this.fill();
  }
}
