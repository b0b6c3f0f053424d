// The ruler: a line that the hand draws in a plane, its length, and the values along it.

import { formatLength } from "../shared/lengths.js";
import { save } from "../shared/saving.js";
import { distance } from "./editing/places.js";
import { toScreen, within } from "./geometry.js";
import { writeBeside } from "./marks.js";
import { csvOf, plotOf } from "./profile.js";

/** @typedef {import("./pane.js").Pane} Pane */

export class Ruler {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {{axis: string, index: number, ends: number[][]} | null} ends are places in the plane, columns first */
    this.line = null;
    /** @type {{axis: string, index: number, end: number[]} | null} where Enter has begun one */
    this.begun = null;
    this.held = false;
    /** @type {import("./profile.js").Columns | null} */
    this.columns = null;
    /** @type {HTMLElement} */
    this.panel = viewer.find(".profile");
  }

  /** @param {Pane} pane
   *  @param {number[]} place */
  down(pane, place) {
    this.clear();
    this.held = true;
    this.line = { axis: pane.plane.axis, index: pane.index, ends: [place, place] };
  }

  /** Follow the pointer; returns whether a line is in the hand.
   *  @param {Pane} pane
   *  @param {number[]} place */
  moved(pane, place) {
    const { line } = this;
    if (!this.held || !line || line.axis !== pane.plane.axis) return false;
    line.ends = [line.ends[0], place];
    pane.schedule();
    return true;
  }

  /** Returns whether a line was in the hand. */
  up() {
    if (!this.held) return false;
    this.held = false;
    if (this.line && this.line.ends[0] === this.line.ends[1]) this.clear();
    else this.learn();
    return true;
  }

  /** Let go of the line in the hand. */
  giveUp() {
    if (this.held) this.clear();
  }

  /** Begin or end a line at the crosshair.
   *  @param {Pane} pane */
  mark(pane) {
    const { axis } = pane.plane;
    const end = within(pane.plane, this.viewer.state.at).map((n) => n + 0.5);
    const { begun } = this;
    this.clear();
    if (begun?.axis === axis && begun.index === pane.index && `${begun.end}` !== `${end}`) {
      this.line = { axis, index: pane.index, ends: [begun.end, end] };
      this.learn();
    } else this.begun = { axis, index: pane.index, end };
    pane.schedule();
  }

  /** Take the line away; returns whether there was one. */
  clear() {
    const was = this.line !== null || this.begun !== null;
    this.line = this.begun = this.columns = null;
    this.held = false;
    this.panel.hidden = true;
    for (const pane of Object.values(this.viewer.panes)) pane.schedule();
    return was;
  }

  /** Ask for the values along the line, and show them. */
  async learn() {
    const { line, viewer } = this;
    if (!line) return;
    const [from, to] = line.ends.map(([u, v]) => `${v.toFixed(3)},${u.toFixed(3)}`);
    const score = viewer.data.score ? `&score=${viewer.data.score.split("/").at(-2)}` : "";
    const place = viewer.data.display.replace(/display$/, `profile/${line.axis}/${line.index}`);
    const response = await fetch(`${place}?from=${from}&to=${to}${score}`).catch(() => null);
    if (line !== this.line) return;
    this.columns = response?.ok ? await response.json() : null;
    this.panel.hidden = false;
    this.fill(response && !response.ok ? await response.text() : "The server does not answer.");
  }

  /** @param {string} problem what is said where there are no values */
  fill(problem = "") {
    const { line, columns, panel, viewer } = this;
    if (!line || panel.hidden) return;
    const { plane } = viewer.panes[line.axis];
    const pane = viewer.panes[line.axis];
    const find = (/** @type {string} */ selector) => /** @type {any} */ (panel.querySelector(selector));
    find(".of").textContent = `${plane.name} ${line.index + 1}, ${this.text(pane)}`;
    find(".nothing").textContent = columns ? "" : problem;
    find("svg").innerHTML = columns ? plotOf(columns, viewer.state.threshold) : "";
    for (const act of ["profile-copy", "profile-save"]) find(`[data-act="${act}"]`).disabled = !columns;
  }

  get csv() {
    return this.columns ? csvOf(this.columns) : "";
  }

  /** Give the table to the clipboard; where the page may not, as a file. */
  async copy() {
    try {
      await navigator.clipboard.writeText(this.csv);
      /** @type {HTMLElement} */ (this.panel.querySelector(".nothing")).textContent = "Copied.";
    } catch {
      this.save(); // over plain HTTP there is no clipboard
    }
  }

  save() {
    save(new Blob([this.csv], { type: "text/csv" }), "profile.csv");
  }

  /** The length of the line.
   *  @param {Pane} pane */
  text(pane) {
    const [a, b] = this.line?.ends ?? [[0, 0], [0, 0]];
    const length = distance(a, b, pane.edges);
    return pane.told.voxel ? formatLength(length) : `${length.toFixed(1)} px`;
  }

  /** @param {CanvasRenderingContext2D} context
   *  @param {Pane} pane */
  draw(context, pane) {
    const { axis, index, ends } = this.line ?? { ...this.begun, ends: this.begun ? [this.begun.end] : [] };
    if (axis !== pane.plane.axis || index !== pane.index || !pane.view) return;
    const view = pane.view;
    const [a, b] = ends.map((place) => toScreen(view, pane.edges, pane.size, place));
    for (const [colour, width] of /** @type {[string, number][]} */ ([["rgb(0 0 0 / 70%)", 4], ["#ffe08a", 1.6]])) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.beginPath();
      context.moveTo(a[0], a[1]);
      if (b) context.lineTo(b[0], b[1]);
      else context.arc(a[0], a[1], 4, 0, 2 * Math.PI);
      context.stroke();
    }
    if (!b) return;
    Object.assign(context, { font: "600 13px system-ui, sans-serif", fillStyle: "#ffe08a", shadowColor: "#000", shadowBlur: 4 });
    writeBeside(context, this.text(pane), [b[0], b[1] - 8], pane.size[0]);
  }
}
