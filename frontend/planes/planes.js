// The viewer of three planes: it steps, zooms, windows and thresholds; only codes come from the server.
// A changed threshold alone is reported back, once the hand rests.

import { mounting } from "../shared/mount.js";
import { ACTS } from "./acts.js";
import { fillControls, fillHelp } from "./controls.js";
import { clamped, PLANES } from "./geometry.js";
import { Histogram } from "./histogram.js";
import { wishOf } from "./keys.js";
import { Pane } from "./pane.js";
import { Readout } from "./readout.js";
import { beginning, placeAsked } from "./state.js";
import { PlaneStore } from "./store.js";

const REPORT_AFTER_MS = 350;
const ASK_AGAIN_MS = 900;

class Planes {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.listening = new AbortController();
    this.readout = new Readout(this.find(".readout"), this);
    this.histogram = new Histogram(this.find(".histogram"), this);
    fillHelp(this.find(".help"));
    /** @type {Record<string, Pane>} */
    this.panes = {};
    try {
      for (const [axis, plane] of Object.entries(PLANES)) {
        this.panes[axis] = new Pane(this.find(`.pane[data-axis="${axis}"]`), plane, this);
      }
    } catch (error) {
      this.fail(error.message);
      return;
    }
    this.active = this.panes.z;
    this.listen();
  }

  /** @returns {any} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  fail(text) {
    const problem = this.find(".problem");
    problem.textContent = text;
    problem.hidden = !text;
  }

  /** Take new data; another tomogram or result drops what was fetched for the other one.
   *  The threshold is taken once: later ones are echoes of what was reported, and may be late. */
  show(data, setStateValue) {
    this.setStateValue = setStateValue;
    if (!this.active) return;
    const before = this.data;
    this.data = data;
    const another = before?.display !== data.display || `${before?.version}` !== `${data.version}`;
    const otherScore = another || before?.score !== data.score;
    if (another) {
      this.images?.close();
      this.images = new PlaneStore(data.display);
    }
    if (otherScore) {
      this.scores?.close();
      this.scores = data.score ? new PlaneStore(data.score) : null;
      for (const element of this.root.querySelectorAll(".needs-score")) {
        /** @type {HTMLElement} */ (element).hidden = !data.score;
      }
      this.begin(another);
    }
  }

  /** Learn what there is, and show it. */
  async begin(another) {
    const { images, scores } = this;
    try {
      await Promise.all([another && images.learn(), scores?.learn()]);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error.message);
      return;
    }
    if (images !== this.images || scores !== this.scores) return;
    this.fail("");
    if (another) {
      const kept = JSON.parse(sessionStorage.getItem(this.memory) ?? "null");
      this.state = beginning(kept, images.told, this.data.threshold);
      const asked = placeAsked(location.href, this.data.id, images.told.shape);
      if (asked) {
        this.state.at = asked.at;
        if (kept) kept.views = null; // it may lie beside what was looked at
        history.replaceState(history.state, "", asked.rest);
      }
      fillControls(this); // the layout decides the sizes
      const views = kept?.version === this.state.version ? kept.views : null;
      for (const pane of Object.values(this.panes)) pane.begin(views?.[pane.plane.axis] ?? null);
      this.histogram.draw();
    }
    if ([images, scores].some((store) => store?.told.state === "making")) this.watch();
    this.refresh();
  }

  get memory() {
    return `deepsxt.planes.${this.data.id}`;
  }

  remember() {
    const { threshold, ...rest } = this.state; // the threshold belongs to the server's state
    const views = Object.fromEntries(Object.values(this.panes).map((pane) => [pane.plane.axis, pane.view]));
    sessionStorage.setItem(this.memory, JSON.stringify({ ...rest, views }));
  }

  /** Ask how far the planes are prepared until they are. */
  watch() {
    this.watching ??= setTimeout(async () => {
      this.watching = null;
      const { images, scores } = this;
      const waiting = [images, scores].filter((store) => store?.told.state === "making");
      await Promise.all(waiting.map((store) => store.learn())).catch(() => {});
      if (images !== this.images || scores !== this.scores) return;
      for (const store of waiting) if (store.told.state === "ready") store.held.clear();
      if (waiting.some((store) => store.told.state === "making")) this.watch();
      this.refresh();
    }, ASK_AGAIN_MS);
  }

  refresh() {
    const { state, progress, problem } = this.images.told;
    const making = state === "making" ? `Preparing XZ and YZ: ${Math.round(progress * 100)} %` : problem;
    this.find(".making").textContent = making;
    fillControls(this);
    for (const pane of Object.values(this.panes)) pane.load();
    this.readout.refresh();
  }

  /** Change what the shader does; nothing is fetched. */
  set(changes) {
    Object.assign(this.state, changes);
    const { black, white } = this.state;
    if ("black" in changes && black >= white) this.state.white = black;
    else if (black >= white) this.state.black = white;
    this.remember();
    fillControls(this);
    this.histogram.draw();
    for (const pane of Object.values(this.panes)) pane.invalidate();
    if ("threshold" in changes) this.report();
  }

  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.setStateValue("threshold", this.state.threshold), REPORT_AFTER_MS);
  }

  /** Step to a plane across the axis of a pane. */
  go(pane, index) {
    const { across } = pane.plane;
    const target = Math.min(pane.told.shape[across] - 1, Math.max(0, index));
    if (target === pane.index) return;
    pane.step = target > pane.index ? 1 : -1;
    this.move(this.state.at.map((n, i) => (i === across ? target : n)));
  }

  /** Set the crosshair at a place of a plane. */
  point(plane, [u, v]) {
    const at = [...this.state.at];
    [at[plane.u], at[plane.v]] = [u, v];
    this.move(clamped(at, this.images.told.shape));
  }

  move(at) {
    const before = this.state.at;
    this.state.at = at;
    this.remember();
    fillControls(this);
    for (const pane of Object.values(this.panes)) {
      const { across, u, v } = pane.plane;
      if (at[u] !== before[u] || at[v] !== before[v]) pane.reveal();
      else if (at[across] !== before[across]) pane.load();
    }
    this.readout.refresh();
  }

  activate(pane) {
    this.active = pane;
    if (this.state) fillControls(this);
  }

  pressed(event, pane) {
    const wish = wishOf(event);
    if (event.key === "Escape" && !this.find(".help").hidden) this.act("help");
    if (!wish || !this.state) return;
    event.preventDefault();
    if ("step" in wish) this.go(pane, pane.index + wish.step);
    else if ("act" in wish) this.act(wish.act);
    else {
      const { u, v } = pane.plane;
      this.point(pane.plane, [this.state.at[u] + wish.move[0], this.state.at[v] + wish.move[1]]);
    }
  }

  act(name) {
    if (this.state) ACTS[name]?.(this);
  }

  listen() {
    const options = { signal: this.listening.signal };
    this.root.addEventListener("input", ({ target }) => {
      const control = /** @type {HTMLInputElement} */ (target);
      if (!this.state) return;
      if (control.matches(".stepper input")) return this.go(this.active, +control.value);
      const values = { checkbox: control.checked, range: +control.value };
      this.set({ [control.dataset.set]: values[control.type] ?? control.value });
    }, options);
    this.root.addEventListener("click", ({ target }) => {
      this.act(/** @type {HTMLElement} */ (target).closest("button")?.dataset.act);
    }, options);
    // Keys that a control has no use for itself.
    this.root.addEventListener("keydown", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (target.closest(".pane") || target.matches("select")) return;
      const wish = wishOf(event);
      if (event.key === "Escape" || (wish && "act" in wish)) this.pressed(event, this.active);
    }, options);
  }

  close() {
    this.listening.abort();
    clearTimeout(this.reporting);
    clearTimeout(this.watching);
    this.images?.close();
    this.scores?.close();
    for (const pane of Object.values(this.panes)) pane.close();
  }
}

export default mounting(".planes", Planes);
