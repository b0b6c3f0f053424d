// The row of tools over the planes, what they are set to, and what is told about the annotation.

import { deed } from "./deeds.js";
import { SHORTCUTS as REVIEWING } from "../review/texts.js";
import { SHORTCUTS } from "./keys.js";
import { SIZED } from "./state.js";

const VIEWING = new Set(["go-to", "hide", "isolate"]);
const BODIES = new Set(["body"]);
const OUTLINED = new Set(["brush", "eraser", "lasso", "polygon", "fill", "fill-3d"]);

export class Bar {
  /** @param {import("./editing.js").Editing} editing */
  constructor(editing) {
    this.editing = editing;
    /** @type {HTMLElement} */
    this.element = editing.viewer.find(".editing");
    const options = { signal: editing.viewer.listening.signal };
    for (const part of [this.element, editing.viewer.find(".labels-panel"), editing.viewer.find(".objects")]) {
      part.addEventListener("click", (/** @type {MouseEvent} */ event) => this.clicked(event), options);
      part.addEventListener("input", (/** @type {Event} */ event) => this.set(event), options);
    }
    const terms = [...SHORTCUTS, ...REVIEWING].flatMap(([keys, does]) => {
      const [term, description] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = keys;
      description.textContent = does;
      return [term, description];
    });
    editing.viewer.find(".help .drawing dl").append(...terms);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const { tool, deed: name, by } = button?.dataset ?? {};
    const { editing } = this;
    if (tool) editing.perform({ do: "tool", tool });
    else if (name) deed(editing, { do: name, by: Number(by) }, editing.viewer.active);
    else return;
    event.stopPropagation();
  }

  /** @param {Event} event */
  set(event) {
    const control = /** @type {HTMLInputElement} */ (event.target);
    const { hold } = control.dataset;
    if (!hold) return;
    /** @type {Record<string, any>} */
    const values = { checkbox: control.checked, range: +control.value };
    this.editing.perform({ do: "set", values: { [hold]: values[control.type] ?? control.value } });
  }

  /** Bring the state into the controls. */
  fill() {
    const { editing, element } = this;
    const { holding, told, viewer, exchange } = editing;
    const { editor } = told ?? {};
    const watching = Boolean(editor && !editor.you);
    const idle = watching || !exchange || exchange.lost;
    for (const button of viewer.root.querySelectorAll(".objects .acts button")) {
      button.disabled = idle && !VIEWING.has(button.dataset.act);
    }
    for (const button of element.querySelectorAll("button")) {
      const { tool, deed: name } = button.dataset;
      if (tool) button.setAttribute("aria-pressed", `${tool === holding.tool}`);
      if (tool && tool !== "select") button.disabled = idle;
      if (name === "undo" || name === "redo") button.disabled = idle || !told?.[name];
      if (name === "new") button.disabled = idle;
    }
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (viewer.root.querySelectorAll("[data-for]"))) {
      const sets = { size: SIZED, body: BODIES }[`${part.dataset.for}`] ?? OUTLINED;
      part.hidden = !sets.has(holding.tool);
    }
    for (const control of viewer.root.querySelectorAll("[data-hold]")) {
      const value = holding[/** @type {keyof typeof holding} */ (control.dataset.hold)];
      if (control.type === "checkbox") control.checked = value;
      else control.value = value;
    }
    for (const option of viewer.root.querySelectorAll("option.needs-scored")) option.disabled = !told?.scored;
    const edge = Math.min(...(viewer.images?.told?.voxel ?? [0])) * (told?.place?.bin ?? 1);
    const nm = edge ? ` · ${Math.round(holding.radius * edge)} nm` : "";
    viewer.find('[data-held="radius"]').value = `${holding.radius} px${nm}`;
    viewer.find('[data-held="opacity"]').value = `${holding.opacity} %`;
    const notice = viewer.find(".watching");
    notice.hidden = !watching;
    if (editor) {
      const since = new Date(editor.since * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      notice.querySelector("span").textContent = `${editor.owner} edits this annotation since ${since}. You can watch, or`;
    }
    viewer.find('button[data-act="ruler"]').setAttribute("aria-pressed", `${holding.tool === "ruler"}`);
    for (const pane of editing.panes) pane.element.classList.toggle("drawing", editing.draws);
  }

  /** @param {string} kind of what is told
   *  @param {string} text */
  status(kind, text) {
    const output = /** @type {HTMLOutputElement} */ (this.element.querySelector(".status"));
    output.value = text;
    output.dataset.kind = kind;
  }
}
