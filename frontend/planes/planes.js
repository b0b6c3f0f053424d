// The viewer of three planes: it steps, zooms, windows and thresholds; only codes come from the server.
// A changed threshold alone is reported back, once the hand rests.

import { mounting } from "../shared/mount.js";
import { ACTS } from "./acts.js";
import { Comparison } from "./comparison.js";
import { fillControls, fillHelp } from "./controls.js";
import { clamped, PLANES } from "./geometry.js";
import { Editing } from "./editing/editing.js";
import { follow } from "./editing/pressing.js";
import { Figures } from "./figures.js";
import { Histogram } from "./histogram.js";
import { wishOf } from "./keys.js";
import { Notes } from "./notes.js";
import { Pane } from "./pane.js";
import { Readout } from "./readout.js";
import { Ruler } from "./ruler.js";
import { beginning, ordered } from "./state.js";
import { PlaneStore } from "./store.js";

const REPORT_AFTER_MS = 350;
const ASK_AGAIN_MS = 900;
const SOON_MS = 60;
const WRITTEN_IN = 'select, input:not([type="range"], [type="checkbox"])';

/** Take from the address what is asked for once, without a step that the way back would meet. */
function forgetPlace() {
  const address = new URL(location.href);
  for (const name of ["at", "object"]) address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
}

class Planes {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.listening = new AbortController();
    /** @type {any} the planes of the tomogram, once there are any */
    this.images = null;
    /** @type {any} those of its result */
    this.scores = null;
    /** @type {any} what is looked at, once something is */
    this.state = null;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.watching = null;
    this.readout = new Readout(this.find(".readout"), this);
    this.histogram = new Histogram(this.find(".histogram"), this);
    this.editing = new Editing(this);
    this.ruler = new Ruler(this);
    this.notes = new Notes(this);
    this.figures = new Figures(this);
    this.comparison = new Comparison(this);
    fillHelp(this.find(".help"));
    /** @type {Record<string, Pane>} */
    this.panes = {};
    /** @type {Record<string, import("./geometry.js").View | null>} of each plane */
    this.views = {};
    try {
      for (const [axis, plane] of Object.entries(PLANES)) {
        this.panes[axis] = new Pane(this.find(`.pane[data-axis="${axis}"]`), plane, this);
      }
      this.panes.other = new Pane(this.find(".pane.other"), PLANES.z, this, true);
    } catch (error) {
      this.fail(/** @type {Error} */ (error).message);
      return;
    }
    /** @type {any} the pane that keys go to */
    this.active = this.panes.z;
    this.listen();
  }

  /** @param {string} selector
   *  @returns {any} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  /** @param {string} text */
  fail(text) {
    const problem = this.find(".problem");
    problem.textContent = text;
    problem.hidden = !text;
  }

  /** Take new data; another tomogram or result drops what was fetched for the other one.
   *  The threshold is taken once: later ones are echoes of what was reported, and may be late.
   *  @param {any} data
   *  @param {(name: string, value: any) => void} setStateValue
   *  @param {(name: string, value: any) => void} setTriggerValue */
  show(data, setStateValue, setTriggerValue) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    if (!this.active) return;
    const before = this.data;
    this.data = data;
    const another = before?.display !== data.display || `${before?.version}` !== `${data.version}`;
    const otherScore = another || before?.score !== data.score;
    if (another) {
      this.images?.close();
      this.images = new PlaneStore(data.display, () => this.count());
    }
    if (otherScore) {
      this.scores?.close();
      this.scores = data.score ? new PlaneStore(data.score, () => this.count()) : null;
      for (const element of this.root.querySelectorAll(".needs-score")) {
        /** @type {HTMLElement} */ (element).hidden = !data.score;
      }
      if (another) this.ruler.clear();
      this.begin(another);
    }
    this.comparison.open(data.comparable, another ? data.comparison : undefined);
    this.notes.open(data.notes, data.token);
    this.editing.open(data.annotation, data.token, another, data.object);
  }

  /** Learn what there is, and show it.
   *  @param {boolean} another whether the tomogram is another one */
  async begin(another) {
    const { images, scores } = this;
    try {
      await Promise.all([another && images.learn(), scores?.learn()]);
    } catch (error) {
      if (error instanceof Error && error.name !== "AbortError") this.fail(error.message);
      return;
    }
    if (images !== this.images || scores !== this.scores) return;
    this.fail("");
    if (another) {
      const kept = JSON.parse(sessionStorage.getItem(this.memory) ?? "null");
      this.state = beginning(kept, images.told, this.data);
      // What was set before would be lost.
      for (const part of this.root.querySelectorAll("[inert]")) part.removeAttribute("inert");
      // Who steps on and loads again stays where they went, and the way back leads back.
      forgetPlace();
      if (this.data.at) {
        this.state.at = this.data.at;
        if (kept) kept.views = null; // it may lie beside what was looked at
      }
      if (this.comparison.chosen) this.state.overlay = true;
      else if (this.data.annotation) this.state.overlay = false; // the objects were made of it
      fillControls(this); // the layout decides the sizes
      const views = kept?.version === this.state.version ? kept.views : null;
      for (const pane of Object.values(this.panes)) pane.begin(views?.[pane.plane.axis] ?? null);
      this.histogram.draw();
      this.notes.fill();
    }
    if (this.shownStores.some((store) => store.told.state === "making")) this.watch();
    this.refresh();
  }

  get memory() {
    return `deepsxt.planes.${this.data.id}`;
  }

  remember() {
    const { threshold, low, ...rest } = this.state; // these belong to the server's state
    sessionStorage.setItem(this.memory, JSON.stringify({ ...rest, views: this.views }));
  }

  /** The planes of the tomogram, its result, and what that is compared with: those that are known.
   *  @returns {PlaneStore[]} */
  get shownStores() {
    return [this.images, this.scores, this.comparison.first, this.comparison.store].filter((store) => store?.told);
  }

  /** The planes of A: of the result, or of what is compared instead. */
  get first() {
    return this.comparison.first ?? this.scores;
  }

  /** Above which scores A is marked, and between which faintly. */
  get firstLimits() {
    const { threshold, low } = this.state;
    return this.comparison.first ? { threshold: 0, low: null } : { threshold, low };
  }

  /** @param {import("./geometry.js").Plane} plane */
  panesOf(plane) {
    return Object.values(this.panes).filter((pane) => pane.plane === plane);
  }

  /** Tell how much is on its way or still to be asked for; at 0 the viewer rests. */
  count() {
    const asking = Object.values(this.panes).filter((pane) => pane.asking).length;
    const stores = [...this.shownStores, ...[this.editing.labels].filter(Boolean)];
    const pending = stores.reduce((sum, store) => sum + store.pending.size, 0);
    this.root.dataset.outstanding = `${asking + pending + (this.watching ? 1 : 0)}`;
  }

  /** Ask how far the planes are prepared until they are. */
  watch() {
    this.watching ??= setTimeout(async () => {
      this.watching = null;
      const waiting = this.shownStores.filter((store) => store.told.state === "making");
      await Promise.all(waiting.map((store) => store.learn())).catch(() => {});
      if (this.listening.signal.aborted || !this.images?.told) return;
      const still = this.shownStores;
      for (const store of waiting) if (store.told.state === "ready") store.held.clear();
      if (still.some((store) => store.told.state === "making")) this.watch();
      this.refresh();
      this.count();
    }, ASK_AGAIN_MS);
    this.count();
  }

  refresh() {
    const { state, progress, problem } = this.images.told;
    const making = state === "making" ? `Preparing XZ and YZ: ${Math.round(progress * 100)} %` : problem;
    this.find(".making").textContent = making;
    fillControls(this);
    for (const pane of Object.values(this.panes)) pane.load();
    this.readout.refresh();
  }

  /** Change what the shader does; nothing is fetched.
   *  @param {Record<string, any>} changes */
  set(changes) {
    Object.assign(this.state, changes);
    const { black, white } = this.state;
    if ("black" in changes && black >= white) this.state.white = black;
    else if (black >= white) this.state.black = white;
    Object.assign(this.state, ordered(this.state));
    this.remember();
    fillControls(this);
    this.histogram.draw();
    this.ruler.fill();
    for (const pane of Object.values(this.panes)) pane.invalidate();
    if ("threshold" in changes || "low" in changes) this.report();
  }

  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => {
      for (const name of ["threshold", "low"]) this.setStateValue?.(name, this.state[name]);
    }, REPORT_AFTER_MS);
  }

  /** Step to a plane across the axis of a pane.
   *  @param {Pane} pane
   *  @param {number} index */
  go(pane, index) {
    const { across } = pane.plane;
    const target = Math.min(pane.told.shape[across] - 1, Math.max(0, index));
    if (target === pane.index) return;
    pane.step = target > pane.index ? 1 : -1;
    this.move(this.state.at.map((/** @type {number} */ n, /** @type {number} */ i) => (i === across ? target : n)));
  }

  /** Set the crosshair at a place of a plane.
   *  @param {import("./geometry.js").Plane} plane
   *  @param {number[]} place */
  point(plane, [u, v]) {
    const at = [...this.state.at];
    [at[plane.u], at[plane.v]] = [u, v];
    this.move(clamped(at, this.images.told.shape));
  }

  /** @param {number[]} at */
  async move(at) {
    const before = this.state.at;
    this.state.at = at;
    this.remember();
    const panes = Object.values(this.panes);
    const crossed = panes.filter(({ plane: { u, v } }) => at[u] !== before[u] || at[v] !== before[v]);
    const stepped = panes.filter((pane) => !crossed.includes(pane) && at[pane.plane.across] !== before[pane.plane.across]);
    // The plane first: what only says where it lies would hold it up.
    const loading = Promise.all(stepped.map((pane) => pane.load()));
    await Promise.race([loading, new Promise((done) => setTimeout(done, SOON_MS))]);
    if (this.listening.signal.aborted) return;
    fillControls(this);
    for (const pane of crossed) pane.reveal();
    this.readout.refresh();
  }

  /** @param {Pane} pane */
  activate(pane) {
    this.active = pane;
    this.panes.other.turn(pane.plane);
    if (this.state) fillControls(this);
  }

  /** @param {KeyboardEvent} event
   *  @param {Pane} pane */
  pressed(event, pane) {
    if (this.state && this.editing.pressed(event, pane)) return;
    const wish = wishOf(event);
    if (event.key === "Escape" && !this.find(".help").hidden) this.act("help");
    if (!wish || !this.state) return;
    event.preventDefault();
    if ("step" in wish) this.go(pane, pane.index + wish.step);
    else if ("act" in wish) this.act(wish.act);
    else {
      const { u, v } = pane.plane;
      this.point(pane.plane, [this.state.at[u] + wish.move[0], this.state.at[v] + wish.move[1]]);
      follow(this.editing.hand, pane);
    }
  }

  /** @param {string | undefined} name */
  act(name) {
    if (this.state) ACTS[`${name}`]?.(this);
  }

  listen() {
    const options = { signal: this.listening.signal };
    this.root.addEventListener("input", ({ target }) => {
      const control = /** @type {HTMLInputElement} */ (target);
      if (!this.state || !control.matches("[data-set], .stepper input")) return;
      if (control.matches(".stepper input")) return this.go(this.active, +control.value);
      /** @type {Record<string, any>} */
      const values = { checkbox: control.checked, range: +control.value };
      this.set({ [`${control.dataset.set}`]: values[control.type] ?? control.value });
    }, options);
    this.root.addEventListener("click", ({ target }) => {
      this.act(/** @type {HTMLElement} */ (target).closest("button")?.dataset.act);
    }, options);
    // Keys that a control has no use for itself.
    this.root.addEventListener("keydown", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (target.closest(".pane") || target.matches(WRITTEN_IN)) return;
      if (target.matches("button") && [" ", "Enter"].includes(event.key)) return;
      if (this.state && this.editing.pressed(event, this.active)) return;
      const wish = wishOf(event);
      if (event.key === "Escape" || (wish && "act" in wish)) this.pressed(event, this.active);
    }, options);
  }

  close() {
    this.listening.abort();
    clearTimeout(this.reporting);
    clearTimeout(this.watching ?? 0);
    this.images?.close();
    this.scores?.close();
    this.comparison.close();
    this.editing.close();
    for (const pane of Object.values(this.panes)) pane.close();
  }
}

export default mounting(".planes", Planes);
