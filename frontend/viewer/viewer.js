// The slice viewer: steps, zooms and thresholds without asking the server for more than bytes.
// Only a changed threshold is reported back, once the hand rests.

import { beginning, isAnother } from "./state.js";
import { decodeScore, greyTable, paintGrey, paintResult } from "./painting.js";
import { fillControls } from "./controls.js";
import { mounting } from "../shared/mount.js";
import { SliceCache } from "../shared/slices.js";
import { Stage } from "./stage.js";

const READ_AHEAD = 3;
const REPORT_AFTER_MS = 350;
const SPINNER_AFTER_MS = 150;

class Viewer {
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".stage");
    this.stage = new Stage(this.element);
    this.plain = document.createElement("canvas");
    this.marked = document.createElement("canvas");
    this.step = 1;
    this.listening = new AbortController();
    this.listen();
  }

  /** @returns {any} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  /** Take new data; a different tomogram or result drops what was fetched for the other one.
   *  The threshold is taken once: later ones are echoes of what was reported, and may be late. */
  show(data, setStateValue) {
    this.setStateValue = setStateValue;
    const previous = this.data;
    this.data = data;
    const [depth, height, width] = data.shape;
    const another = isAnother(previous, data);
    if (another) {
      this.grey = this.codes = null;
      this.state = beginning(this.remembered(), data);
      this.stage.fit(width, height, data.voxel);
    }
    this.stage.voxel = data.voxel;
    if (another || previous.slices !== data.slices) {
      this.images?.close();
      this.images = new SliceCache((z) => (z < depth ? data.slices.replace("{z}", z) : null), width * height);
    }
    if (another || previous.score?.url !== data.score?.url) {
      this.scores?.close();
      const { url, first, end } = data.score ?? { first: 0, end: 0 };
      this.scores = new SliceCache((z) => (first <= z && z < end ? url.replace("{z}", z) : null), width * height);
    }
    this.root.classList.toggle("compact", data.compact);
    for (const element of this.root.querySelectorAll(".needs-score")) element.hidden = !data.score;
    this.find('[data-set="z"]').max = depth - 1;
    fillControls(this);
    this.load();
  }

  remembered() {
    return JSON.parse(sessionStorage.getItem(`deepsxt.viewer.${this.data.id}.${this.data.shape}`) ?? "null");
  }

  remember() {
    const { threshold, ...rest } = this.state; // the threshold belongs to the server's state
    sessionStorage.setItem(`deepsxt.viewer.${this.data.id}.${this.data.shape}`, JSON.stringify(rest));
  }

  /** Fetch the current slice, paint it when it is here, then read ahead. */
  async load() {
    const z = this.state.z;
    const spinner = setTimeout(() => (this.find(".spinner").hidden = false), SPINNER_AFTER_MS);
    try {
      const [grey, codes] = await Promise.all([this.images.get(z), this.scores.get(z)]);
      if (z !== this.state.z) return;
      this.grey = grey;
      this.codes = codes;
      this.say("");
      this.paint();
      this.images.readAhead(z, this.step, READ_AHEAD);
      this.scores.readAhead(z, this.step, READ_AHEAD);
    } catch (error) {
      if (error.name !== "AbortError" && z === this.state.z) this.say(error.message);
    } finally {
      clearTimeout(spinner);
      if (z === this.state.z) this.find(".spinner").hidden = true;
    }
  }

  say(text) {
    const badge = this.find(".badge");
    badge.textContent = text;
    badge.hidden = !text;
  }

  /** Paint the bytes of the current slice into the two off-screen pictures. */
  paint() {
    if (!this.grey) return;
    const [, height, width] = this.data.shape;
    const picture = new ImageData(width, height);
    paintGrey(picture.data, this.grey, greyTable(this.state.black, this.state.white, this.state.invert));
    for (const canvas of [this.plain, this.marked]) Object.assign(canvas, { width, height });
    this.plain.getContext("2d").putImageData(picture, 0, 0);
    if (this.codes) paintResult(picture.data, this.codes, width, this.state);
    this.marked.getContext("2d").putImageData(picture, 0, 0);
    this.draw();
  }

  /** Bring the pictures that the layout asks for onto the screen. */
  draw() {
    if (!this.grey) return;
    const mode = this.data.score ? this.state.mode : "image";
    const layouts = { image: [this.plain], overlay: [this.marked], beside: [this.plain, this.marked] };
    this.stage.show(layouts[mode]);
    this.element.dataset.drawn = this.state.z;
  }

  /** Change what is shown; only what depends on the change is done again. */
  set(changes) {
    Object.assign(this.state, changes);
    const { state } = this;
    if ("black" in changes) state.white = Math.max(state.white, state.black + 1);
    if ("white" in changes) state.black = Math.min(state.black, state.white - 1);
    this.remember();
    fillControls(this);
    if ("z" in changes) this.load();
    else if ("mode" in changes) this.draw();
    else this.paint();
  }

  go(z) {
    const target = Math.min(this.data.shape[0] - 1, Math.max(0, z));
    if (target === this.state.z) return;
    this.step = target > this.state.z ? 1 : -1;
    this.set({ z: target });
  }

  value(code) {
    const [low, high] = this.data.range;
    return +(low + (code / 255) * (high - low)).toPrecision(4);
  }

  report() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.setStateValue("threshold", this.state.threshold), REPORT_AFTER_MS);
  }

  act(name) {
    const { z } = this.state;
    if (name === "previous") this.go(z - 1);
    if (name === "next") this.go(z + 1);
    if (name === "zoom-in") this.stage.zoomBy(1.5);
    if (name === "zoom-out") this.stage.zoomBy(1 / 1.5);
    if (name === "fit") this.stage.zoomBy(0);
    if (name === "reset") this.set({ black: 0, white: 255, invert: false });
    if (name === "full") document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen();
  }

  listen() {
    const options = { signal: this.listening.signal };
    this.root.addEventListener("input", ({ target }) => {
      const name = target.dataset.set;
      const value = target.type === "checkbox" ? target.checked : target.type === "range" ? +target.value : target.value;
      if (name === "z") return this.go(value);
      this.set({ [name]: value });
      if (name === "threshold") this.report();
    }, options);
    this.root.addEventListener("click", ({ target }) => {
      const { act, mode } = target.dataset ?? {};
      if (act) this.act(act);
      else if (mode && target.tagName === "BUTTON") this.set({ mode });
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

  pressed(event) {
    const { z } = this.state;
    const target = {
      ArrowLeft: z - 1, ArrowDown: z - 1, ArrowRight: z + 1, ArrowUp: z + 1,
      PageDown: z - 10, PageUp: z + 10, Home: 0, End: this.data.shape[0] - 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.go(target);
  }

  wheeled(event) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return this.stage.zoomBy(Math.exp(-event.deltaY / 300), this.stage.locate(event));
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY;
    this.turned = (this.turned ?? 0) + lines;
    const steps = Math.trunc(this.turned / 60);
    this.turned -= steps * 60;
    if (steps) this.go(this.state.z + steps);
  }

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
    const score = this.codes ? ` · score ${decodeScore(this.codes[i]).toFixed(2)}` : "";
    this.find(".cursor").textContent = inside ? `x ${x}, y ${y} px · value ≈ ${this.value(this.grey[i])}${score}` : "";
  }

  close() {
    this.listening.abort();
    this.stage.close();
    clearTimeout(this.reporting);
    this.images?.close();
    this.scores?.close();
  }
}

export default mounting(".viewer", Viewer);
