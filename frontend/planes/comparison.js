// The comparison of the result (A) with another one or with a truth (B): in false colour, or by a line that is drawn aside.

import { DIFFERENCE_RGB } from "./shaders.js";
import { PlaneStore } from "./store.js";

const REPORT_AFTER_MS = 350;
const LEAST_SHARE = 0.02;
const KEY_SHARE = 0.02;

/**
 * @typedef {{id: string, name: string, address: string, isTruth: boolean}} Comparable
 * @typedef {{id: string, mode: string, threshold: number}} Chosen mode: "difference" or "swipe"
 */

/** What the legend says, in lines of what is shown before a text: a letter or a colour.
 *  @param {Comparable} a
 *  @param {Comparable} b
 *  @param {number} threshold of A
 *  @param {Chosen} chosen
 *  @returns {[string | number[], string][]} */
export function legendOf(a, b, threshold, chosen) {
  const named = (/** @type {Comparable} */ { name, isTruth }, /** @type {number} */ above) =>
    isTruth ? name : `${name}, above ${above.toFixed(2)}`;
  const swipes = chosen.mode === "swipe";
  /** @type {[string, string][]} */
  const names = [["A", named(a, threshold)], ["B", named(b, chosen.threshold)]];
  if (swipes) return names;
  const { a: onlyA, b: onlyB, both } = DIFFERENCE_RGB;
  return [
    ...names,
    [onlyA, b.isTruth ? "only A: marked, not true" : "only A"],
    [onlyB, b.isTruth ? "only B: true, not marked" : "only B"],
    [both, "both"],
  ];
}

/** Where the line may lie, as a share of the width. */
export const heldShare = (/** @type {number} */ share) => Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));

export class Comparison {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {PlaneStore | null} the planes of B */
    this.store = null;
    /** @type {Chosen | null} */
    this.chosen = null;
    /** @type {Comparable[]} */
    this.offered = [];
    this.share = 0.5;
    this.panel = viewer.find(".compare");
    this.listen();
    /** @type {HTMLElement[]} */
    this.lines = [...viewer.root.querySelectorAll(".pane")].map((element) => this.line(element));
  }

  /** Take what there is to compare with, and what was chosen before; undefined leaves the choice as it is.
   *  @param {Comparable[]} offered
   *  @param {Chosen | null} [chosen] */
  open(offered, chosen) {
    const isNew = JSON.stringify(offered) !== JSON.stringify(this.offered);
    this.offered = offered;
    if (isNew) this.offer();
    if (chosen !== undefined) this.choose(chosen);
    else if (this.chosen && !this.other) this.choose(null);
  }

  /** @returns {Comparable | undefined} B */
  get other() {
    return this.offered.find(({ id }) => id === this.chosen?.id);
  }

  /** @param {Chosen | null} chosen */
  async choose(chosen) {
    const { viewer } = this;
    this.chosen = chosen;
    const { other } = this;
    if (!other) this.chosen = null;
    else if (other.isTruth) this.chosen = { .../** @type {Chosen} */ (chosen), threshold: 0 };
    this.store?.close();
    const store = other ? new PlaneStore(other.address, () => viewer.count()) : null;
    this.store = store;
    try {
      await store?.learn();
    } catch (error) {
      if (error instanceof Error && error.name !== "AbortError") viewer.fail(error.message);
      return;
    }
    if (store !== this.store || !viewer.state) return; // else the viewer begins, and shows it then
    if (store?.told.state === "making") viewer.watch();
    viewer.refresh();
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

  /** Write what is offered into the box. */
  offer() {
    const groups = [["Results", false], ["Truths", true]].map(([label, isTruth]) => {
      const group = Object.assign(document.createElement("optgroup"), { label });
      group.append(...this.offered.filter((one) => one.isTruth === isTruth).map(({ id, name }) => new Option(name, id)));
      return group;
    });
    const box = this.panel.querySelector("select");
    box.replaceChildren(new Option("Nothing", ""), ...groups.filter((group) => group.childElementCount));
  }

  fill() {
    const { chosen, other, panel, viewer } = this;
    const a = this.offered.find(({ address }) => address === viewer.data.score);
    panel.querySelector("select").value = chosen?.id ?? "";
    panel.querySelector(".against").hidden = !chosen;
    const swipes = chosen?.mode === "swipe";
    for (const line of this.lines) {
      line.hidden = !swipes || !viewer.state.overlay;
      line.style.left = `${100 * this.share}%`;
      line.setAttribute("aria-valuenow", `${Math.round(100 * this.share)}`);
    }
    if (!chosen || !other || !a) return;
    for (const mode of ["difference", "swipe"]) {
      panel.querySelector(`[data-act="${mode}"]`).setAttribute("aria-pressed", `${chosen.mode === mode}`);
    }
    panel.querySelector(".of-score").hidden = other.isTruth;
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

  listen() {
    const options = { signal: this.viewer.listening.signal };
    this.panel.addEventListener("input", (/** @type {Event} */ event) => {
      const { dataset, value } = /** @type {HTMLInputElement} */ (event.target);
      const { state } = this.viewer;
      if (!state) return;
      if (dataset.compare === "threshold") return this.set({ threshold: +value });
      const { mode = "difference" } = this.chosen ?? {};
      this.choose(value ? { id: value, mode, threshold: state.threshold } : null);
      this.viewer.set({ overlay: true });
      this.report();
    }, options);
  }

  /** The line of a plane that hand and keys draw aside.
   *  @param {HTMLElement} pane
   *  @returns {HTMLElement} */
  line(pane) {
    const line = document.createElement("div");
    line.className = "swipe";
    line.tabIndex = 0;
    line.hidden = true;
    const told = { role: "slider", "aria-label": "Line between A and B", "aria-valuemin": "0", "aria-valuemax": "100" };
    for (const [name, value] of Object.entries(told)) line.setAttribute(name, value);
    line.append(...["A", "B"].map((letter) => Object.assign(document.createElement("span"), { textContent: letter })));
    const move = (/** @type {number} */ share) => {
      this.share = heldShare(share);
      this.show();
    };
    const options = { signal: this.viewer.listening.signal };
    line.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      line.setPointerCapture(event.pointerId);
    }, options);
    line.addEventListener("pointermove", (event) => {
      if (!line.hasPointerCapture(event.pointerId)) return;
      event.stopPropagation();
      const box = pane.getBoundingClientRect();
      move((event.clientX - box.left) / box.width);
    }, options);
    line.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!steps) return;
      event.preventDefault();
      event.stopPropagation();
      move(this.share + steps * KEY_SHARE);
    }, options);
    pane.append(line);
    return line;
  }

  close() {
    clearTimeout(this.reporting);
    this.store?.close();
  }
}
