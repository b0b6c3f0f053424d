// The 3D view: everything but the choice of objects stays in the browser, and only that is
// reported back, so that the table can follow.

import { SliceCache } from "./slices.js";
import { columnsOf, ownColour, valueScale } from "./surface/colours.js";
import { describe } from "./surface/card.js";
import { fetchMesh } from "./surface/mesh.js";
import { canMakeMp4, turntable } from "./surface/movie.js";
import { overlay } from "./surface/overlay.js";
import { fillPanels } from "./surface/panels.js";
import { save, savePng, saveSvg } from "./surface/picture.js";
import { SurfaceScene } from "./surface/scene.js";
import { CHOSEN, FADED, HIDDEN, Looks, PLAIN } from "./surface/shading.js";

const views = new WeakMap();
const REPORT_AFTER_MS = 120;
const CLICK_PX = 5;
const HAZE = 0.28;
const KEYS = { r: "reset", f: "frame", h: "hide", i: "isolate", a: "all", Escape: "escape" };
const FIRST = {
  colour: "object", cut: "off", at: { x: 500, y: 500, z: 500 }, flipped: false,
  slice: false, z: null, opacity: 100, together: false,
  background: "page", projection: "parallel", box: true, axes: true, scaleBar: true,
  ratio: "2", transparent: false, film: canMakeMp4() ? "mp4" : "gif", seconds: 6, hidden: [], camera: null,
};

export default function mount(component) {
  const { parentElement, data, setStateValue } = component;
  let view = views.get(parentElement);
  if (!view) {
    view = new SurfaceView(parentElement.querySelector(".view3d"));
    views.set(parentElement, view);
  }
  view.show(data, setStateValue);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class SurfaceView {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector(".stage");
    this.listening = new AbortController();
    this.resizing = new ResizeObserver(() => this.scene?.resize());
    this.resizing.observe(this.stage);
    this.listen();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  /** Take new data. Its choice of objects counts where it is news: an echo of what was reported
   *  may come late. */
  show(data, setStateValue) {
    this.setStateValue = setStateValue;
    const previous = this.data;
    this.data = data;
    const another = previous?.levels.at(-1) !== data.levels.at(-1);
    if (another) this.chosen = data.chosen;
    else if (`${previous.chosen}` !== `${data.chosen}` && `${data.chosen}` !== this.reported) this.chosen = data.chosen;
    if (another) this.open();
    else this.paint();
  }

  // --- Loading ---------------------------------------------------------------------------------

  async open() {
    this.shut();
    this.state = { ...FIRST, z: Math.floor(this.data.slices.shape[0] / 2), ...this.remembered() };
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.find(".failed").hidden = true;
    this.root.classList.remove("flat");
    try {
      for (const [at, address] of this.data.levels.entries()) {
        const last = at === this.data.levels.length - 1;
        const mesh = await fetchMesh(address, { signal, onProgress: (got, all) => this.tell(got, all) });
        if (signal.aborted) return;
        if (!this.scene) this.begin(mesh.head);
        this.scene.add(last ? "full" : "coarse", mesh);
      }
      this.tell(1, 1);
    } catch (error) {
      if (!signal.aborted) this.fail(error.message);
    }
  }

  /** Make the scene for a surface of which the head is known. */
  begin(head) {
    this.objects = head.objects;
    this.unit = head.unit;
    this.rows = new Map(head.objects.object.map((id, row) => [id, row]));
    const fresh = document.createElement("canvas"); // one that has lost its context stays lost
    this.find("canvas").replaceWith(fresh);
    this.looks = new Looks(this.rows.size);
    try {
      this.scene = new SurfaceScene(fresh, this.looks, boundsOf(head.objects.bounds), (level) => this.drawn(level));
    } catch (error) {
      throw new Error(`This browser shows no 3D graphics (${error.message}).`);
    }
    fresh.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (!this.scene?.closed) this.fail("The graphics card gave up the 3D view.");
    });
    this.scene.resize();
    this.scene.cameras.parallel = this.state.projection === "parallel";
    if (this.state.camera) this.scene.cameras.state = this.state.camera;
    else this.scene.cameras.fit();
    const { url, shape: [depth, height, width] } = this.data.slices;
    this.images = new SliceCache((z) => (z < depth ? url.replace("{z}", z) : null), width * height);
    this.apply(Object.keys(FIRST));
  }

  tell(got, all) {
    const badge = this.find(".loading");
    badge.hidden = got >= all;
    badge.firstElementChild.textContent = `${(got / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`;
    badge.lastElementChild.value = got / all;
  }

  /** Say why there is no 3D view, and show a picture that the server draws. */
  fail(reason) {
    this.shut();
    this.find(".loading").hidden = true;
    this.find(".failed").hidden = false;
    this.root.classList.add("flat");
    this.find(".failed p").textContent = `No 3D view: ${reason}`;
    const picture = this.find(".failed img");
    picture.hidden = true;
    picture.onload = () => (picture.hidden = false);
    picture.src = new URL(this.data.picture, document.baseURI);
  }

  shut() {
    this.loading?.abort();
    this.filming?.abort();
    this.images?.close();
    this.scene?.close();
    this.scene = null;
    delete this.stage.dataset.drawn;
  }

  // --- What is shown ---------------------------------------------------------------------------

  remembered() {
    return JSON.parse(localStorage.getItem(`deepsxt.surface.${this.data.id}`) ?? "{}");
  }

  remember() {
    const state = { ...this.state, camera: this.scene.cameras.state };
    try {
      localStorage.setItem(`deepsxt.surface.${this.data.id}`, JSON.stringify(state));
    } catch {
      // A full storage costs the memory of the view, not the view.
    }
  }

  set(changes) {
    if (!this.scene) return;
    Object.assign(this.state, changes);
    this.apply(Object.keys(changes));
    this.remember();
  }

  /** Bring what depends on these parts of the state onto the screen. */
  apply(changed) {
    const { state, scene } = this;
    const any = (...names) => names.some((name) => changed.includes(name));
    if (any("projection")) scene.cameras.parallel = state.projection === "parallel";
    if (any("colour")) this.loadValues();
    if (any("colour", "hidden")) this.paint();
    if (any("slice", "z", "opacity")) this.loadSlice();
    if (any("cut", "at", "flipped", "slice", "z", "together")) this.applyCut();
    if (any("background")) this.applyPaper();
    fillPanels(this);
    scene.invalidate();
  }

  get bounds() {
    return this.scene.bounds;
  }

  /** Where the cut is along an axis, in units. */
  cutAt(axis) {
    const place = "xyz".indexOf(axis);
    const [low, high] = this.bounds.slice(2 * place, 2 * place + 2);
    return low + ((high - low) * this.state.at[axis]) / 1000;
  }

  sliceAt(z) {
    return this.data.slices.first[0] + z * this.data.slices.edges[0];
  }

  applyCut() {
    const { state, scene } = this;
    if (state.slice && state.together) scene.setCut(2, this.sliceAt(state.z), state.flipped);
    else if (state.cut === "off") scene.setCut(null);
    else scene.setCut("xyz".indexOf(state.cut), this.cutAt(state.cut), state.flipped);
  }

  async loadSlice() {
    const { slice, z, opacity } = this.state;
    if (!slice) return this.scene.setSlice(null);
    const bytes = await this.images.get(z).catch((error) => this.note("slice", error.message));
    if (!bytes || z !== this.state.z || !this.state.slice || !this.scene) return;
    const { shape: [, rows, columns], edges: [, dy, dx], first: [, y, x] } = this.data.slices;
    // Coordinates are those of voxel centres: the picture reaches half a voxel farther.
    const edges = [x - dx / 2, x + (columns - 0.5) * dx, y - dy / 2, y + (rows - 0.5) * dy];
    this.scene.setSlice({ bytes, columns, rows, edges, z: this.sliceAt(z), opacity: opacity / 100 });
    this.images.readAhead(z, 1, 2);
  }

  /** The background and what is legible on it, as [r, g, b]. */
  get paper() {
    const fixed = { white: [255, 255, 255], black: [0, 0, 0] }[this.state.background];
    if (fixed) return fixed;
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    pen.fillStyle = getComputedStyle(this.root).getPropertyValue("--st-background-color");
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  applyPaper() {
    const { paper } = this;
    this.stage.style.background = `rgb(${paper})`;
    this.scene.setPaper(this.look(paper).ink, paper, HAZE);
  }

  look(paper) {
    const { state, unit } = this;
    const bright = paper[0] + paper[1] + paper[2] > 380;
    return {
      box: state.box, axes: state.axes, scaleBar: state.scaleBar, unit, legend: this.legend,
      ink: bright ? "#28353b" : "#e6eded", paper: `rgb(${paper})`,
    };
  }

  svg() {
    this.scene.cameras.prepare(); // a camera that has just been turned does not know its place yet
    return overlay(this.scene.cameras, ...this.scene.size, this.look(this.paper));
  }

  drawn(level) {
    const { scene, state } = this;
    scene.box.visible = state.box;
    this.find(".over").innerHTML = this.svg();
    this.stage.dataset.drawn = level;
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => this.scene && this.remember(), 400);
  }

  // --- Objects: colours, choice, hiding ----------------------------------------------------------

  get ids() {
    return this.objects.object;
  }

  /** The values that colours stand for, or null; those of measurements are fetched once. */
  get values() {
    return this.objects[this.state.colour] ?? null;
  }

  async loadValues() {
    const { colour } = this.state;
    this.note("colour", "");
    if (colour === "object" || this.objects[colour]) return;
    this.note("colour", "Measuring the objects …");
    try {
      const answer = await fetch(new URL(this.data.measurements, document.baseURI), { signal: this.loading.signal });
      if (!answer.ok) throw new Error(await answer.text());
      const columns = columnsOf(await answer.text());
      const places = this.ids.map((id) => columns.object.indexOf(id));
      for (const [name, values] of Object.entries(columns)) {
        this.objects[name] ??= places.map((at) => values[at] ?? NaN);
      }
      this.note("colour", this.objects[colour] ? "" : "This was not measured here.");
      this.paint();
    } catch (error) {
      if (error.name !== "AbortError") this.note("colour", `Not measured: ${error.message}`);
    }
  }

  note(panel, content) {
    const note = this.find(`[data-note="${panel}"]`);
    if (note) note.textContent = content;
  }

  paint() {
    if (!this.scene) return;
    const values = this.state.colour === "object" ? null : this.values;
    const scale = values && valueScale(values);
    const quantity = this.data.quantities.find((each) => each.column === this.state.colour);
    this.legend = scale && { title: quantity.title, marks: scale.marks, byFactors: scale.byFactors };
    const [hidden, chosen] = [new Set(this.state.hidden), new Set(this.chosen)];
    this.ids.forEach((id, row) => {
      const colour = scale ? scale.colour(values[row]) : ownColour(this.data.palette, id);
      const code = hidden.has(id) ? HIDDEN : !chosen.size ? PLAIN : chosen.has(id) ? CHOSEN : FADED;
      this.looks.set(row, colour, code);
    });
    this.looks.send();
    describe(this.find(".card"), this, quantity);
    fillPanels(this);
    this.scene.invalidate();
  }

  choose(ids) {
    this.chosen = ids;
    this.reported = `${ids}`;
    this.paint();
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.setStateValue("chosen", ids), REPORT_AFTER_MS);
  }

  clicked(event) {
    const [x, y] = this.locate(event);
    const row = this.scene.pick(x, y);
    const id = row === null ? null : this.ids[row];
    const more = event.shiftKey || event.ctrlKey || event.metaKey;
    if (id === null) return more || this.choose([]);
    const others = this.chosen.filter((each) => each !== id);
    if (more) this.choose(others.length < this.chosen.length ? others : [...others, id]);
    else this.choose([id]);
  }

  hovered(event) {
    const tip = this.find(".tip");
    const [x, y] = this.locate(event);
    const row = event.buttons || event.target !== this.find("canvas") ? null : this.scene.pick(x, y, true);
    tip.hidden = row === null;
    this.stage.classList.toggle("over-object", row !== null);
    if (row === null) return;
    tip.textContent = `Object ${this.ids[row]}`;
    tip.style.translate = `${x + 14}px ${y + 14}px`;
  }

  locate(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left - this.stage.clientLeft, event.clientY - box.top - this.stage.clientTop];
  }

  /** The bounds of objects, of those that are shown where none is chosen. */
  framed() {
    const hidden = new Set(this.state.hidden);
    const wanted = this.chosen.length ? this.chosen : this.ids.filter((id) => !hidden.has(id));
    const bounds = wanted.map((id) => this.objects.bounds[this.rows.get(id)]).filter(Boolean);
    return bounds.length ? boundsOf(bounds) : this.bounds;
  }

  act(name) {
    const { scene, state } = this;
    if (name === "retry") return this.open();
    if (name === "full") return document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen();
    if (!scene) return;
    if (name === "reset") scene.cameras.fit();
    if (name === "frame") scene.cameras.fit(this.framed(), null);
    if (name === "hide" && this.chosen.length) {
      this.set({ hidden: [...new Set([...state.hidden, ...this.chosen])] });
      this.choose([]);
    }
    if (name === "isolate" && this.chosen.length) {
      this.set({ hidden: this.ids.filter((id) => !this.chosen.includes(id)) });
      this.choose([]);
    }
    if (name === "all") this.set({ hidden: [] });
    if (name === "escape") this.panel ? this.openPanel(null) : this.choose([]);
    if (name === "png" || name === "svg") this.savePicture(name);
    if (name === "film") this.saveFilm();
    if (name === "stop") this.filming.abort();
    scene.invalidate();
  }

  async savePicture(kind) {
    const { state, scene, data } = this;
    const paper = state.transparent ? null : `rgb(${this.paper})`;
    if (state.transparent) scene.shared.hazeShare.value = 0; // there is nothing to fade into
    try {
      await { png: savePng, svg: saveSvg }[kind](scene, this.svg(), +state.ratio, paper, data.name);
    } finally {
      this.applyPaper();
    }
  }

  async saveFilm() {
    this.filming = new AbortController();
    const [bar, stop] = [this.find('.panel[data-for="picture"] progress'), this.find('[data-act="stop"]')];
    const show = (busy) => {
      bar.hidden = stop.hidden = !busy;
      this.find('[data-act="film"]').disabled = busy;
    };
    show(true);
    try {
      const { film: format, seconds } = this.state;
      const blob = await turntable(this.scene, () => this.svg(), {
        format, seconds, paper: `rgb(${this.paper})`, signal: this.filming.signal,
        onProgress: (share) => (bar.value = share),
      });
      if (blob) save(blob, `${this.data.name}.${format}`);
    } catch (error) {
      this.note("picture", error.message);
    } finally {
      show(false);
    }
  }

  // --- Hands -----------------------------------------------------------------------------------

  openPanel(name) {
    this.panel = this.panel === name ? null : name;
    fillPanels(this);
  }

  listen() {
    const options = { signal: this.listening.signal };
    this.root.addEventListener("click", ({ target }) => {
      const { panel, act, set, value } = target.closest("button")?.dataset ?? {};
      if (panel) this.openPanel(panel);
      else if (act) this.act(act);
      else if (set) this.set({ [set]: value });
    }, options);
    this.root.addEventListener("input", ({ target }) => {
      const name = target.dataset.set;
      const value = target.type === "checkbox" ? target.checked : target.type === "range" ? +target.value : target.value;
      this.set(name === "at" ? { at: { ...this.state.at, [this.state.cut]: value } } : { [name]: value });
    }, options);
    this.stage.addEventListener("keydown", (event) => {
      const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey || event.target !== this.stage) return;
      event.preventDefault();
      event.stopPropagation(); // the page has shortcuts of its own
      this.act(act);
    }, options);
    this.stage.addEventListener("pointerdown", (event) => {
      this.pressed = event.target === this.find("canvas") && event.button === 0 ? [event.clientX, event.clientY] : null;
      this.find(".tip").hidden = true;
    }, options);
    this.stage.addEventListener("pointerup", (event) => {
      const [x, y] = this.pressed ?? [Infinity, Infinity];
      this.pressed = null;
      if (this.scene && Math.hypot(event.clientX - x, event.clientY - y) < CLICK_PX) this.clicked(event);
    }, options);
    this.stage.addEventListener("dblclick", ({ target }) => {
      if (target === this.find("canvas") && this.chosen.length) this.act("frame");
    }, options);
    this.stage.addEventListener("pointermove", (event) => {
      if (this.hovering || !this.scene) return;
      this.hovering = requestAnimationFrame(() => {
        this.hovering = null;
        if (this.scene) this.hovered(event);
      });
    }, options);
    this.stage.addEventListener("pointerleave", () => (this.find(".tip").hidden = true), options);
  }

  close() {
    this.listening.abort();
    this.resizing.disconnect();
    clearTimeout(this.reporting);
    clearTimeout(this.remembering);
    this.shut();
  }
}

/** The bounds of all of these bounds. */
function boundsOf(all) {
  return [0, 1, 2, 3, 4, 5].map((end) =>
    all.reduce((found, bounds) => (end % 2 ? Math.max : Math.min)(found, bounds[end]), end % 2 ? -Infinity : Infinity),
  );
}
