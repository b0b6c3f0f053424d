// The comparison of two things, A and B: in false colour, by a line that is drawn aside, or side by side.

import { PLANES } from "./geometry.js";
import { chosenAfter, firstsOf, legendOf, MODES, settled } from "./sides.js";
import { PlaneStore } from "./store.js";
import { swipeLine } from "./swipe.js";

const REPORT_AFTER_MS = 350;

/**
 * @typedef {import("./sides.js").Comparable} Comparable
 * @typedef {import("./sides.js").Chosen} Chosen
 */

export class Comparison {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {PlaneStore | null} the planes of B */
    this.store = null;
    /** @type {PlaneStore | null} those of A, where it is not the result that is shown */
    this.first = null;
    /** @type {Chosen | null} */
    this.chosen = null;
    /** @type {Comparable[]} */
    this.offered = [];
    this.share = 0.5;
    this.panel = viewer.find(".compare");
    this.listen();
    this.lines = [...viewer.root.querySelectorAll(".pane[data-axis]")].map((element) => swipeLine(element, this));
  }

  /** Take what there is to compare with, and what was chosen before; undefined leaves the choice as it is.
   *  @param {Comparable[]} offered
   *  @param {Chosen | null} [chosen] */
  open(offered, chosen) {
    const isNew = JSON.stringify(offered) !== JSON.stringify(this.offered);
    this.offered = offered;
    if (isNew) this.offer();
    if (chosen !== undefined) this.choose(chosen);
    else if (this.chosen && !settled(this.chosen, offered, this.hasResult)) this.choose(null);
  }

  get hasResult() {
    return Boolean(this.viewer.data.score);
  }

  /** @param {string | null | undefined} wanted
   *  @returns {Comparable | undefined} */
  offeredAs(wanted) {
    return this.offered.find(({ id }) => id === wanted);
  }

  /** The result that is shown, as it is offered. */
  get result() {
    return this.offered.find(({ address }) => address === this.viewer.data.score);
  }

  /** Whether an annotation is one of the sides.
   *  @param {string | null} address of the annotation */
  shows(address) {
    return address !== null && [this.first, this.store].some((store) => store?.address.startsWith(`${address}/`));
  }

  /** @param {Chosen | null} chosen */
  async choose(chosen) {
    const { viewer } = this;
    this.chosen = settled(chosen, this.offered, this.hasResult);
    const wanted = [this.offeredAs(this.chosen?.from), this.offeredAs(this.chosen?.id)];
    this.close();
    const stores = wanted.map((side) => (side ? new PlaneStore(side.address, () => viewer.count()) : null));
    [this.first, this.store] = stores;
    try {
      await Promise.all(stores.map((store) => store?.learn()));
    } catch (error) {
      if (error instanceof Error && error.name !== "AbortError") viewer.fail(error.message);
      return;
    }
    if (stores[1] !== this.store || !viewer.state) return; // else the viewer begins, and shows it then
    if (stores.some((store) => store?.told.state === "making")) viewer.watch();
    viewer.refresh();
  }

  /** An annotation was changed: what is shown of it is fetched anew.
   *  @param {string | null} address
   *  @param {number} version */
  follow(address, version) {
    if (!this.shows(address)) return;
    for (const store of [this.first, this.store]) if (store?.told && store.address.startsWith(`${address}/`)) store.renew(version);
  }

  /** @param {Partial<Chosen>} changes */
  set(changes) {
    if (!this.chosen) return;
    this.chosen = { ...this.chosen, ...changes };
    this.show();
    this.report();
  }

  show() {
    this.fill();
    for (const pane of Object.values(this.viewer.panes)) pane.invalidate();
  }

  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.viewer.setStateValue?.("comparison", this.chosen), REPORT_AFTER_MS);
  }

  /** Write what is offered into the boxes. */
  offer() {
    const groups = /** @type {const} */ ([["Results", "score"], ["Annotations", "annotation"], ["Truths", "truth"]]);
    const options = (/** @type {Comparable[]} */ offered) => groups.flatMap(([label, kind]) => {
      const group = Object.assign(document.createElement("optgroup"), { label });
      group.append(...offered.filter((one) => one.kind === kind).map(({ id, name }) => new Option(name, id)));
      return group.childElementCount ? [group] : [];
    });
    const [a, b] = ["from", "id"].map((name) => this.panel.querySelector(`[data-compare="${name}"]`));
    a.replaceChildren(...(this.hasResult ? [new Option("The result", "")] : []), ...options(firstsOf(this.offered)));
    b.replaceChildren(new Option("Nothing", ""), ...options(this.offered));
  }

  fill() {
    const { chosen, panel, viewer } = this;
    const { overlay } = viewer.state;
    const other = this.offeredAs(chosen?.id);
    panel.hidden = !this.offered.length;
    panel.querySelector('[data-compare="id"]').value = chosen?.id ?? "";
    panel.querySelector('[data-compare="from"]').value = chosen?.from ?? "";
    panel.querySelector(".against").hidden = !chosen;
    this.arrange(chosen?.mode === "side");
    for (const line of this.lines) {
      line.hidden = chosen?.mode !== "swipe" || !overlay;
      line.style.left = `${100 * this.share}%`;
      line.setAttribute("aria-valuenow", `${Math.round(100 * this.share)}`);
    }
    const a = this.offeredAs(chosen?.from) ?? this.result;
    if (!chosen || !other || !a) return;
    for (const mode of MODES) {
      panel.querySelector(`[data-act="${mode}"]`).setAttribute("aria-pressed", `${chosen.mode === mode}`);
    }
    panel.querySelector(".firsts").hidden = !firstsOf(this.offered).length;
    panel.querySelector(".of-score").hidden = other.kind !== "score";
    panel.querySelector('[data-compare="threshold"]').value = chosen.threshold;
    panel.querySelector("output").value = chosen.threshold.toFixed(2);
    const lines = legendOf(a, other, viewer.state.threshold, chosen);
    panel.querySelector(".legend").replaceChildren(...lines.flatMap(([sign, text]) => {
      const [term, description] = [document.createElement("dt"), document.createElement("dd")];
      if (typeof sign === "string") term.textContent = sign;
      else term.style.background = `rgb(${sign.join(" ")})`;
      description.textContent = text;
      return [term, description];
    }));
  }

  /** Show one plane twice, with A and with B, or all as ever.
   *  @param {boolean} twice */
  arrange(twice) {
    const { root, panes } = this.viewer;
    const { other } = panes;
    root.classList.toggle("twice", twice);
    other.element.style.setProperty("--plane", `var(--of-${other.plane.axis})`);
    other.element.querySelector("b").textContent = other.plane.name;
    for (const axis of Object.keys(PLANES)) {
      panes[axis].element.classList.toggle("twin", panes[axis].plane === other.plane);
      this.panel.querySelector(`[data-act="twin-${axis}"]`).setAttribute("aria-pressed", `${axis === other.plane.axis}`);
    }
    this.panel.querySelector(".twins").hidden = !twice;
  }

  listen() {
    const options = { signal: this.viewer.listening.signal };
    this.panel.addEventListener("input", (/** @type {Event} */ event) => {
      const { dataset, value } = /** @type {HTMLInputElement} */ (event.target);
      const { state } = this.viewer;
      if (!state) return;
      if (dataset.compare === "threshold") return this.set({ threshold: +value });
      const before = this.chosen ?? { id: "", from: null, mode: MODES[0], threshold: state.threshold };
      const side = /** @type {"id" | "from"} */ (dataset.compare);
      this.choose({ ...chosenAfter(before, side, value || null, this.result?.id ?? null), threshold: state.threshold });
      this.viewer.set({ overlay: true });
      this.report();
    }, options);
  }

  /** Drop what was fetched. */
  close() {
    clearTimeout(this.reporting);
    for (const store of [this.first, this.store]) store?.close();
  }
}
