// Notes at places of the tomogram: a list of them, and pins in the planes. The server keeps them.

import { formatLength } from "../shared/lengths.js";
import { toScreen } from "./geometry.js";
import { writeBeside } from "./marks.js";

/**
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {{id: number, at: number[], text: string}} Note
 */

const NEAR = 4;
const COLOUR = "#ff9ecb";
const LONGEST_SHOWN = 32;

/** How strongly a pin shows in a plane some planes away: 1 in its own one, 0 far off. */
export const nearness = (/** @type {number} */ away) => Math.max(0, 1 - Math.abs(away) / NEAR);

export class Notes {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Note[]} */
    this.notes = [];
    /** @type {string | null} */
    this.address = null;
    /** @type {Note | null} what was deleted last */
    this.deleted = null;
    this.panel = viewer.find(".notes");
    this.box = this.panel.querySelector("input");
    const options = { signal: viewer.listening.signal };
    this.panel.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const text = this.box.value.trim();
      if (text && viewer.state) this.add(viewer.state.at, text);
    }, options);
    this.panel.addEventListener("click", (/** @type {Event} */ event) => this.clicked(event), options);
  }

  /** @param {string} address
   *  @param {string} token */
  open(address, token) {
    this.token = token;
    if (address === this.address) return;
    this.address = address;
    this.notes = [];
    this.deleted = null;
    this.panel.querySelector("a").href = `${address}.csv`;
    this.ask("");
  }

  /** Ask for something, and show all notes there are then; returns whether it was done.
   *  @param {string} below
   *  @param {RequestInit} options */
  async ask(below, options = {}) {
    const { address } = this;
    const headers = { "Content-Type": "application/json", "X-DeepSXT-Token": `${this.token}` };
    const response = await fetch(`${address}${below}`, { ...options, headers }).catch(() => null);
    if (address !== this.address) return false;
    if (response?.ok) this.notes = (await response.json()).notes;
    const problem = response && !response.ok ? await response.text() : "The server does not answer; nothing was changed.";
    this.fill(response?.ok ? "" : problem);
    return Boolean(response?.ok);
  }

  /** @param {number[]} at
   *  @param {string} text */
  async add(at, text) {
    this.deleted = null;
    if (await this.ask("", { method: "POST", body: JSON.stringify({ at, text }) })) this.box.value = "";
  }

  /** @param {Event} event */
  async clicked(event) {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const note = this.notes.find(({ id }) => `${id}` === button?.dataset.note);
    if (button?.dataset.deed === "restore" && this.deleted) this.add(this.deleted.at, this.deleted.text);
    else if (!note) return;
    else if (button?.dataset.deed === "delete") {
      if (await this.ask(`/${note.id}`, { method: "DELETE" })) this.deleted = note;
      this.fill();
    } else this.viewer.move([...note.at]);
  }

  /** @param {string} problem */
  fill(problem = "") {
    const voxel = this.viewer.images?.told?.voxel;
    const rows = this.notes.map((note) => {
      const row = document.createElement("li");
      const [go, gone] = ["go", "delete"].map((deed) => {
        const button = Object.assign(document.createElement("button"), { type: "button" });
        Object.assign(button.dataset, { deed, note: `${note.id}` });
        return button;
      });
      const place = document.createElement("small");
      place.textContent = voxel ? `z ${formatLength(note.at[0] * voxel[0])}` : `z ${note.at[0]}`;
      go.append(note.text, place);
      go.title = `Go to x ${note.at[2]}, y ${note.at[1]}, z ${note.at[0]}`;
      gone.textContent = "×";
      gone.setAttribute("aria-label", `Delete the note ${note.text}`);
      row.append(go, gone);
      return row;
    });
    this.panel.querySelector("ul").replaceChildren(...rows);
    this.panel.querySelector(".count").textContent = this.notes.length ? `${this.notes.length}` : "";
    this.panel.querySelector("a").hidden = !this.notes.length;
    this.panel.querySelector(".problem-told").textContent = problem;
    this.panel.querySelector("[data-deed='restore']").hidden = !this.deleted;
    for (const pane of Object.values(this.viewer.panes)) pane.schedule();
  }

  /** @param {CanvasRenderingContext2D} context
   *  @param {Pane} pane */
  draw(context, pane) {
    const { plane, view } = pane;
    if (!view) return;
    for (const { at, text } of this.notes) {
      const share = nearness(at[plane.across] - pane.index);
      if (!share) continue;
      const [x, y] = toScreen(view, pane.edges, pane.size, [at[plane.u] + 0.5, at[plane.v] + 0.5]);
      context.globalAlpha = share;
      Object.assign(context, { fillStyle: COLOUR, strokeStyle: "#1d1020", lineWidth: 1, shadowColor: "#000", shadowBlur: 3 });
      context.beginPath();
      context.moveTo(x, y);
      context.arc(x, y - 11, 5, 0.8 * Math.PI, 0.2 * Math.PI);
      context.closePath();
      context.fill();
      context.stroke();
      if (share === 1) {
        context.font = "600 12.5px system-ui, sans-serif";
        const label = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN - 1)}…` : text;
        writeBeside(context, label, [x, y - 7], pane.size[0]);
      }
    }
    context.globalAlpha = 1;
  }
}
