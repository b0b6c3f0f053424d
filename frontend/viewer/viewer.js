// The preview of slices: steps and zooms without asking the server for more than bytes.

import { formatLength } from "../shared/lengths.js";
import { mounting } from "../shared/mount.js";
import { SliceCache } from "../shared/slices.js";
import { paintGrey } from "./painting.js";
import { Stage } from "./stage.js";
import { beginning, isAnother } from "./state.js";

const READ_AHEAD = 3;
const SPINNER_AFTER_MS = 150;

class Viewer {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.element = /** @type {HTMLElement} */ (root.querySelector(".stage"));
    this.stage = new Stage(this.element);
    this.picture = document.createElement("canvas");
    this.step = 1;
    this.z = this.turned = 0;
    /** @type {any} what the page gave */
    this.data = null;
    /** @type {SliceCache | null} */
    this.images = null;
    /** @type {Uint8Array | null} the slice that is shown */
    this.grey = null;
    /** @type {number[] | null} */
    this.grabbed = null;
    this.listening = new AbortController();
    this.listen();
  }

  /** @param {string} selector
   *  @returns {any} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  /** Take new data; a different tomogram drops what was fetched for the other one.
   *  @param {any} data */
  show(data) {
    const previous = this.data;
    this.data = data;
    const [depth, height, width] = data.shape;
    const another = isAnother(previous, data);
    if (another) {
      this.grey = null;
      this.z = beginning(JSON.parse(sessionStorage.getItem(this.memory) ?? "null"), data);
      this.stage.fit(width, height, data.voxel);
    }
    this.stage.voxel = data.voxel;
    if (another || previous.slices !== data.slices) {
      this.images?.close();
      this.images = new SliceCache((z) => (z < depth ? data.slices.replace("{z}", z) : null), width * height);
    }
    this.fillControls();
    this.load();
  }

  get memory() {
    return `deepsxt.preview.${this.data.id}`;
  }

  fillControls() {
    const { z, data } = this;
    const depth = data.shape[0];
    Object.assign(this.find('[data-set="z"]'), { max: depth - 1, value: z });
    const height = data.voxel && depth > 1 ? ` · z = ${formatLength(z * data.voxel[0])}` : "";
    this.find(".position").value = `Slice ${z + 1} of ${depth}${height}`;
    this.find('[data-act="previous"]').disabled = z === 0;
    this.find('[data-act="next"]').disabled = z === depth - 1;
  }

  /** Fetch the current slice, paint it when it is here, then read ahead. */
  async load() {
    const { z, images } = this;
    if (!images) return;
    const spinner = setTimeout(() => (this.find(".spinner").hidden = false), SPINNER_AFTER_MS);
    try {
      const grey = await images.get(z);
      if (z !== this.z) return;
      this.grey = grey;
      this.say("");
      this.paint();
      images.readAhead(z, this.step, READ_AHEAD);
    } catch (error) {
      if (error instanceof Error && error.name !== "AbortError" && z === this.z) this.say(error.message);
    } finally {
      clearTimeout(spinner);
      if (z === this.z) this.find(".spinner").hidden = true;
    }
  }

  /** @param {string} text */
  say(text) {
    const badge = this.find(".badge");
    badge.textContent = text;
    badge.hidden = !text;
  }

  /** Bring the bytes of the current slice onto the screen. */
  paint() {
    if (!this.grey) return;
    const [, height, width] = this.data.shape;
    const picture = new ImageData(width, height);
    paintGrey(picture.data, this.grey);
    Object.assign(this.picture, { width, height });
    this.picture.getContext("2d")?.putImageData(picture, 0, 0);
    this.stage.show(this.picture);
    this.element.dataset.drawn = `${this.z}`;
  }

  /** @param {number} z */
  go(z) {
    const target = Math.min(this.data.shape[0] - 1, Math.max(0, z));
    if (target === this.z) return;
    this.step = target > this.z ? 1 : -1;
    this.z = target;
    sessionStorage.setItem(this.memory, JSON.stringify(target));
    this.fillControls();
    this.load();
  }

  /** @param {number} code */
  value(code) {
    const [low, high] = this.data.range;
    return +(low + (code / 255) * (high - low)).toPrecision(4);
  }

  /** @param {string} name */
  act(name) {
    const { z } = this;
    if (name === "previous") this.go(z - 1);
    if (name === "next") this.go(z + 1);
    if (name === "zoom-in") this.stage.zoomBy(1.5);
    if (name === "zoom-out") this.stage.zoomBy(1 / 1.5);
    if (name === "fit") this.stage.zoomBy(0);
    if (name === "full") document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen();
  }

  listen() {
    const options = { signal: this.listening.signal };
    this.find('[data-set="z"]').addEventListener("input", (/** @type {any} */ { target }) => this.go(+target.value), options);
    this.root.addEventListener("click", (/** @type {any} */ { target }) => {
      const { act } = target.dataset ?? {};
      if (act) this.act(act);
    }, options);
    this.element.addEventListener("keydown", (event) => this.pressed(event), options);
    this.element.addEventListener("wheel", (event) => this.wheeled(event), { ...options, passive: false });
    this.element.addEventListener("dblclick", () => this.act("fit"), options);
    this.element.addEventListener("pointerdown", (event) => {
      if (event.target === this.stage.canvas) this.grabbed = this.stage.locate(event);
    }, options);
    this.element.addEventListener("pointermove", (event) => this.moved(event), options);
    window.addEventListener("pointerup", () => {
      this.grabbed = null;
      this.element.classList.remove("moving");
    }, options);
    this.element.addEventListener("pointerleave", () => (this.find(".cursor").textContent = ""), options);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { z } = this;
    /** @type {Record<string, number>} */
    const targets = {
      ArrowLeft: z - 1, ArrowDown: z - 1, ArrowRight: z + 1, ArrowUp: z + 1,
      PageDown: z - 10, PageUp: z + 10, Home: 0, End: this.data.shape[0] - 1,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.go(target);
  }

  /** @param {WheelEvent} event */
  wheeled(event) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return this.stage.zoomBy(Math.exp(-event.deltaY / 300), this.stage.locate(event));
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
    this.turned += lines;
    const steps = Math.trunc(this.turned / 60);
    this.turned -= steps * 60;
    if (steps) this.go(this.z + steps);
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (!this.grey) return;
    const at = this.stage.locate(event);
    if (this.grabbed && this.stage.zoom > 1) {
      this.element.classList.add("moving");
      return this.stage.drag(this.grabbed, at);
    }
    const [, height, width] = this.data.shape;
    const [x, y] = at.map(Math.floor);
    const inside = x >= 0 && y >= 0 && x < width && y < height;
    const i = y * width + x;
    this.find(".cursor").textContent = inside ? `x ${x}, y ${y} px · value ≈ ${this.value(this.grey[i])}` : "";
  }

  close() {
    this.listening.abort();
    this.stage.close();
    this.images?.close();
  }
}

export default mounting(".viewer", Viewer);
