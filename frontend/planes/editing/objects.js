// The list of objects, of which only what is seen is in the page, and what is known about the chosen one.

import { found, NOT_JUDGED } from "./palette.js";

const ROW_PX = 30;
const BEYOND = 4;
const NEW_CLASS = "\u0000new";
const REST_MS = 250;

/**
 * @typedef {import("./palette.js").Row} Row
 * @typedef {{voxels: number, voxel: number[] | null}} Extent
 */

export class ObjectList {
  /** @param {import("./editing.js").Editing} editing */
  constructor(editing) {
    this.editing = editing;
    /** @type {HTMLElement} */
    this.element = editing.viewer.find(".objects");
    /** @type {HTMLElement} */
    this.list = this.find(".list");
    /** @type {Row[]} */
    this.rows = [];
    /** @type {{id: number, extent: Extent} | null} */
    this.known = null;
    this.ticket = 0;
    const options = { signal: editing.viewer.listening.signal };
    this.find("input[type=search]").addEventListener("input", () => this.fill(), options);
    this.list.addEventListener("scroll", () => this.fillRows(), options);
    this.element.addEventListener("click", (event) => this.clicked(event), options);
    this.element.addEventListener("change", (event) => this.edited(event), options);
    this.list.addEventListener("dblclick", () => this.goTo(), options);
    this.list.addEventListener("keydown", (event) => this.stepped(event), options);
  }

  /** @param {string} selector
   *  @returns {any} */
  find(selector) {
    return this.element.querySelector(selector);
  }

  /** Bring table and choice into the page. */
  fill() {
    const { table, holding } = this.editing;
    this.rows = found(table.rows, this.find("input[type=search]").value);
    const all = table.rows.size;
    this.find(".count").textContent = this.rows.length === all ? `${all}` : `${this.rows.length} of ${all}`;
    this.find(".rows").style.height = `${this.rows.length * ROW_PX}px`;
    this.fillRows();
    const row = holding.object === null ? null : table.rows.get(holding.object);
    const about = this.find(".about");
    about.hidden = !row;
    this.find(".nothing").hidden = Boolean(row);
    this.find(".nothing").textContent = holding.object === null
      ? "Click an object in a plane or in the list."
      : `Object ${holding.object} is new: draw it.`;
    if (!row) return;
    this.put("name", row.name);
    this.put("colour", row.colour);
    const classes = [...Object.keys(table.classes), NEW_CLASS];
    const choice = this.find('[data-field="class_name"]');
    choice.replaceChildren(...classes.map((name) => new Option(name === NEW_CLASS ? "New class …" : name, name)));
    this.put("class_name", row.class_name);
    const pressed = {
      hide: !holding.hidden.has(row.id), isolate: holding.isolated === row.id, lock: row.locked,
    };
    for (const [name, on] of Object.entries(pressed)) {
      this.find(`.about [data-act="${name}"]`).setAttribute("aria-pressed", `${on}`);
    }
    this.find(".size").textContent = `Object ${row.id} · ${row.origin}${this.countText(row.id)}`;
  }

  /** @param {string} field
   *  @param {string} value */
  put(field, value) {
    const control = this.find(`[data-field="${field}"]`);
    if (control.matches(":focus") && control.type === "text") return; // somebody types
    control.value = value;
  }

  fillRows() {
    const { holding } = this.editing;
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW_PX) - BEYOND);
    const last = Math.ceil((this.list.scrollTop + this.list.clientHeight) / ROW_PX) + BEYOND;
    this.find(".rows").replaceChildren(...this.rows.slice(first, last).map((row, n) => {
      const element = document.createElement("div");
      const shown = holding.isolated === null ? !holding.hidden.has(row.id) : holding.isolated === row.id;
      Object.assign(element, { className: "row", role: "option", ariaSelected: `${row.id === holding.object}` });
      element.dataset.object = `${row.id}`;
      element.style.top = `${(first + n) * ROW_PX}px`;
      element.classList.toggle("unseen", !shown);
      element.classList.toggle("judged-not", row.class_name === NOT_JUDGED);
      const swatch = document.createElement("i");
      swatch.style.background = row.colour;
      const name = document.createElement("span");
      name.textContent = row.name;
      const kind = document.createElement("small");
      kind.textContent = row.locked ? `${row.class_name} · locked` : row.class_name;
      const eye = document.createElement("b"); // for the mouse; H does it too
      Object.assign(eye, { textContent: shown ? "●" : "○", title: "Show or hide (H)", ariaHidden: "true" });
      eye.dataset.act = "hide";
      element.append(swatch, name, kind, eye);
      return element;
    }));
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const act = /** @type {HTMLElement | null} */ (target.closest("[data-act]"))?.dataset.act;
    const inList = target.closest(".row");
    const object = inList ? Number(/** @type {HTMLElement} */ (inList).dataset.object) : this.editing.holding.object;
    if (!act) return inList ? this.editing.choose(object) : undefined;
    event.stopPropagation();
    if (act === "hide" || act === "isolate") return this.editing.perform({ do: act, object });
    if (act === "go-to") return this.goTo();
    const row = this.editing.table.rows.get(object ?? 0);
    if (!row) return;
    if (act === "lock") this.edit({ locked: !row.locked });
    if (act === "delete") this.editing.operate({ kind: "delete", objects: [row.id] });
    if (["grow", "shrink", "smooth"].includes(act)) {
      this.editing.operate({ kind: act, object: row.id, radius: Number(this.find('[data-field="distance"]').value) });
    }
  }

  /** @param {Event} event */
  edited(event) {
    const control = /** @type {HTMLInputElement} */ (event.target);
    const { field } = control.dataset;
    const adding = this.find(".new-class");
    if (field === "class_name" && control.value === NEW_CLASS) {
      adding.hidden = false;
      return adding.focus();
    }
    if (field === "new-class") {
      const name = control.value.trim();
      Object.assign(adding, { hidden: true, value: "" });
      if (!name) return this.fill();
      if (!(name in this.editing.table.classes)) this.editing.operate({ kind: "edit class", name });
      return this.edit({ class_name: name });
    }
    if (field === "name" || field === "colour" || field === "class_name") this.edit({ [field]: control.value });
  }

  /** @param {Record<string, any>} fields of the chosen object */
  edit(fields) {
    const { object } = this.editing.holding;
    if (object !== null) this.editing.operate({ kind: "edit objects", objects: [object], ...fields });
  }

  /** Step through the list with the arrows.
   *  @param {KeyboardEvent} event */
  stepped(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") return this.goTo();
    if (!by || !this.rows.length) return;
    event.preventDefault();
    const now = this.rows.findIndex(({ id }) => id === this.editing.holding.object);
    const next = Math.min(this.rows.length - 1, Math.max(0, now + by));
    this.list.scrollTop = Math.min(this.list.scrollTop, next * ROW_PX);
    this.list.scrollTop = Math.max(this.list.scrollTop, (next + 1) * ROW_PX - this.list.clientHeight);
    this.editing.choose(this.rows[next].id);
  }

  /** Learn how large the chosen object is, once nothing changes for a moment. */
  about() {
    clearTimeout(this.resting);
    const ticket = ++this.ticket;
    const { object } = this.editing.holding;
    this.known = this.known?.id === object ? this.known : null;
    this.resting = setTimeout(async () => {
      const extent = await this.extentOf(object);
      if (ticket !== this.ticket) return;
      this.known = object !== null && extent ? { id: object, extent } : null;
      this.fill();
      this.editing.viewer.readout.refresh();
    }, REST_MS);
  }

  /** @param {number | null} object
   *  @returns {Promise<Extent | null>} */
  async extentOf(object) {
    const { exchange, table } = this.editing;
    if (object === null || !table.rows.has(object) || !exchange) return null;
    return exchange.client.get(`/objects/${object}`).catch(() => null);
  }

  /** @param {number} id */
  countText(id) {
    return this.known?.id === id ? ` · ${this.known.extent.voxels.toLocaleString("en")} voxels` : "";
  }

  async goTo() {
    const { object } = this.editing.holding;
    const extent = this.known?.id === object ? this.known?.extent : await this.extentOf(object);
    if (extent?.voxel) this.editing.goTo(extent.voxel);
  }
}
