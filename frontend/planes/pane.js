// One plane on the screen: its view and its codes.

import { fitted, levelFor, revealing, scaleOf, scoredIndex, within, zoomed } from "./geometry.js";
import { attachHand } from "./hand.js";
import { drawMarks } from "./marks.js";
import { Painter } from "./painter.js";
import { comparisonLooks, labelLooks, looks } from "./shaders.js";
import { NotYet } from "./store.js";

const MOST_PIXELS = 2 ** 22;
const AHEAD = { active: 4, other: 1 };
const AHEAD_AFTER_MS = 15;

/**
 * @typedef {import("./geometry.js").View} View
 * @typedef {import("./store.js").Held} Held
 * @typedef {import("./store.js").PlaneStore} PlaneStore
 * @typedef {{place: number, level: number}} Over a plane of what lies over the tomogram, and its level
 */

export class Pane {
  /** @param {HTMLElement} element
   *  @param {import("./geometry.js").Plane} plane
   *  @param {any} viewer
   *  @param {boolean} isOther whether it shows B beside A */
  constructor(element, plane, viewer, isOther = false) {
    this.element = element;
    this.plane = plane;
    this.viewer = viewer;
    this.isOther = isOther;
    this.picture = /** @type {HTMLCanvasElement} */ (element.querySelector(".picture"));
    this.marks = /** @type {HTMLCanvasElement} */ (element.querySelector(".marks"));
    this.painter = new Painter(this.picture, () => this.invalidate());
    this.ticket = 0;
    this.step = 1;
    this.size = [0, 0];
    /** @type {Held | null} */
    this.grey = null;
    /** @type {Held | null} of the result */
    this.codes = null;
    /** @type {Held | null} of what it is compared with */
    this.otherCodes = null;
    /** @type {Held | null} of the annotation */
    this.ids = null;
    /** @type {number | null} what is asked of the browser */
    this.frame = null;
    this.scored = this.otherScored = 0;
    this.shown = -1;
    this.stale = true;
    /** Whether its plane, or what comes after it, is still to be asked for. */
    this.asking = false;
    /** @type {(() => void) | null} what is to be done once the plane is drawn */
    this.next = null;
    this.resize = new ResizeObserver(() => this.fitToScreen());
    this.resize.observe(element);
    attachHand(this, viewer.listening.signal);
  }

  /** What is seen of the plane: of two panes of a plane, the same.
   *  @returns {View | null} */
  get view() {
    return this.viewer.views[this.plane.axis] ?? null;
  }

  set view(view) {
    this.viewer.views[this.plane.axis] = view;
  }

  get told() {
    return this.viewer.images?.told;
  }

  get extent() {
    return within(this.plane, this.told.shape);
  }

  get edges() {
    return within(this.plane, this.told.voxel ?? [1, 1, 1]);
  }

  get index() {
    return this.viewer.state.at[this.plane.across];
  }

  fitToScreen() {
    this.size = [this.element.clientWidth, this.element.clientHeight];
    if (!this.told || !this.size[0]) return this.ask(false);
    if (!this.view || this.view.fitted) this.view = fitted(this.extent, this.edges, this.size);
    this.invalidate();
    this.load();
  }

  fit() {
    this.look(fitted(this.extent, this.edges, this.size));
  }

  /** @param {boolean} asking */
  ask(asking) {
    this.asking = asking;
    this.viewer.count();
  }

  /** Begin with another tomogram.
   *  @param {View | null} view */
  begin(view) {
    if (!this.isOther) this.view = view;
    this.grey = this.codes = this.otherCodes = this.ids = null;
    this.fitToScreen();
  }

  /** @param {View} view */
  look(view) {
    this.view = view;
    this.viewer.remember();
    for (const pane of this.viewer.panesOf(this.plane)) {
      pane.invalidate();
      pane.load();
    }
  }

  /** Show another plane.
   *  @param {import("./geometry.js").Plane} plane */
  turn(plane) {
    if (plane === this.plane) return;
    this.plane = plane;
    this.grey = null;
    this.fitToScreen();
  }

  /** @param {number} factor */
  zoomBy(factor, point = this.size.map((n) => n / 2)) {
    if (this.view) this.look(zoomed(this.view, this.extent, this.edges, this.size, factor, point));
  }

  /** Bring the crosshair into sight. */
  reveal(always = false) {
    if (!this.view || !this.size[0]) return;
    const place = within(this.plane, this.viewer.state.at).map((n) => n + 0.5);
    const { view } = this;
    this.view = always ? { ...view, centre: place, fitted: false } : revealing(view, this.edges, this.size, place);
    if (this.view !== view) this.stale = true;
    this.schedule(); // the crosshair may have moved
    this.load();
  }

  /** @param {PlaneStore} store
   *  @param {number[]} scale */
  levelOf(store, scale) {
    const most = { pixels: MOST_PIXELS, side: this.painter.largestSide };
    return levelFor(store.told.levels, this.plane, scale, most);
  }

  /** Where the plane of what lies over the tomogram is: null if there is none.
   *  @param {PlaneStore | null} store
   *  @param {number} index
   *  @returns {Over | null} */
  over(store, index) {
    if (!store?.told || !this.view) return null;
    const place = scoredIndex(store.told.place, store.told.shape, this.plane, index);
    if (place === null) return null;
    const scale = scaleOf(this.view, this.edges).map((n) => n * store.told.place.bin);
    return { place, level: this.levelOf(store, scale) };
  }

  /** The codes of a result, null until they are prepared.
   *  @param {PlaneStore} store
   *  @param {Over} over
   *  @returns {Promise<Held | null>} */
  async scoresOf(store, { level, place }) {
    try {
      return await store.get(this.plane, level, place);
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
      this.viewer.watch();
      return null;
    }
  }

  /** Fetch what is to be shown, draw it when it is here, then read ahead. */
  async load() {
    if (!this.told || !this.view || !this.size[0]) return;
    const { plane, index, viewer } = this;
    const ticket = ++this.ticket;
    this.ask(true);
    const level = this.levelOf(viewer.images, scaleOf(this.view, this.edges));
    const { labels } = viewer.editing;
    const { first: scores, comparison: { store: others } } = viewer;
    const [score, other, label] = [scores, others, labels].map((store) => this.over(store, index));
    const overs = /** @type {[PlaneStore, Over | null][]} */ ([[scores, score], [others, other], [labels, label]]);
    this.ahead("giveUp", level, overs);
    try {
      const [grey, codes, otherCodes, ids] = await Promise.all([
        viewer.images.get(plane, level, index),
        score && this.scoresOf(scores, score),
        other && this.scoresOf(others, other),
        label && labels.get(plane, label.level, label.place),
      ]);
      if (ticket !== this.ticket) return;
      const scored = scoredHere(scores, score, codes);
      const otherScored = scoredHere(others, other, otherCodes);
      const found = { grey, codes, otherCodes, ids, scored, otherScored };
      if (Object.entries(found).some(([name, value]) => this[/** @type {keyof typeof found} */ (name)] !== value)) this.stale = true;
      Object.assign(this, found, { shown: index });
      this.say("");
      this.schedule();
      this.next = () => {
        if (ticket !== this.ticket || !this.told) return;
        this.ahead("readAhead", level, overs);
        this.ask(false);
      };
      if (viewer.readout.pane === this) viewer.readout.refresh();
    } catch (error) {
      if (ticket !== this.ticket) return;
      this.ask(false);
      if (!(error instanceof Error) || error.name === "AbortError") return;
      if (error instanceof NotYet) viewer.watch();
      this.grey = null;
      this.say(error.message);
      this.invalidate();
    }
  }

  /** Where the next steps probably lead, the nearest first. */
  get likely() {
    const { index, step } = this;
    const count = this.viewer.active === this ? AHEAD.active : AHEAD.other;
    return [index, ...Array.from({ length: count }, (_, n) => index + (n + 1) * step), index - step];
  }

  /** @param {"giveUp" | "readAhead"} act
   *  @param {number} level
   *  @param {[PlaneStore, Over | null][]} overs */
  ahead(act, level, overs) {
    const { plane, likely, viewer } = this;
    viewer.images[act](plane, level, likely);
    for (const [store, over] of overs) {
      if (!over) continue;
      const { place, shape } = store.told;
      const there = likely.map((n) => scoredIndex(place, shape, plane, n)).filter((n) => n !== null);
      store[act](plane, over.level, there);
    }
  }

  /** @param {string} text */
  say(text) {
    const badge = /** @type {HTMLElement} */ (this.element.querySelector(".badge"));
    badge.textContent = text;
    badge.hidden = !text;
  }

  /** Have the picture drawn anew, not its marks alone. */
  invalidate() {
    this.stale = true;
    this.schedule();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    if (!this.told || !this.view || !this.size[0]) return;
    const { viewer, view, edges, plane } = this;
    const ratio = window.devicePixelRatio || 1;
    const size = this.size.map((n) => Math.round(n * ratio));
    for (const canvas of [this.picture, this.marks]) {
      if (canvas.width === size[0] && canvas.height === size[1]) continue;
      [canvas.width, canvas.height] = size;
      this.stale = true;
    }
    const { at, crosshair } = viewer.state;
    this.picture.hidden = !this.grey;
    if (this.grey && this.stale) {
      this.painter.take("grey", this.grey);
      if (this.codes) this.painter.take("score", this.codes);
      if (this.otherCodes) this.painter.take("other", this.otherCodes);
      if (this.ids) this.painter.take("label", this.ids);
      this.painter.takePalette(viewer.editing.palette);
      this.painter.draw({
        size, ratio, centre: view.centre, extent: this.extent, scale: scaleOf(view, edges).map((n) => n * ratio),
        factor: this.told.levels[this.grey.level].factor, ...scorePlace(this), ...otherPlace(this, size[0]), ...labelPlace(this),
        ...looks({ ...viewer.state, ...viewer.firstLimits }, this.told.coding),
      });
    }
    this.stale = false;
    this.element.dataset.drawn = this.grey ? `${this.shown}` : "";
    viewer.editing.draft.draw(this);
    // The picture first, then what may come next.
    if (this.next) setTimeout(this.next, AHEAD_AFTER_MS);
    this.next = null;
    drawMarks(this.marks, { plane, view, edges, at, ratio, crosshair, size: this.size, known: this.told.voxel !== null });
    for (const drawer of [viewer.notes, viewer.ruler]) drawer.draw(this.marks.getContext("2d"), this);
  }

  close() {
    this.resize.disconnect();
    cancelAnimationFrame(this.frame ?? 0);
    this.painter.close();
  }
}

/** Whether there is a result (0 no, or not yet), and it lies here (1) or elsewhere (2).
 *  @param {PlaneStore | null} store
 *  @param {Over | null} over
 *  @param {Held | null} codes */
function scoredHere(store, over, codes) {
  if (!store?.told || (over && !codes)) return 0;
  return over ? 1 : 2;
}

/** What the shader is told about what the result is compared with.
 *  @param {Pane} pane
 *  @param {number} width in pixels
 *  @returns {Record<string, number | number[]>} */
function otherPlace(pane, width) {
  const { otherCodes, otherScored, isOther, viewer: { comparison } } = pane;
  const { chosen, share } = comparison;
  const looks = { otherScored, ...comparisonLooks(chosen, chosen?.mode !== "side" ? share : isOther ? 0 : 1, width) };
  if (!otherCodes || !comparison.store?.told) return looks;
  const { first, end, factor } = placing(pane, comparison.store.told, otherCodes);
  const otherUnjudged = comparison.store.told.unjudged ?? -1;
  return { ...looks, otherUnjudged, otherFirst: first, otherEnd: end, otherFactor: factor };
}

/** What the shader is told about the place of the result.
 *  @param {Pane} pane
 *  @returns {Record<string, number | number[]>} */
function scorePlace(pane) {
  const { codes, scored, viewer } = pane;
  const told = viewer.first?.told;
  if (!codes || !told) return { scored: told ? scored : 0 }; // another side was chosen, and is not known yet
  const { first, end, factor } = placing(pane, told, codes);
  return { scored, unjudged: told.unjudged ?? -1, scoreFirst: first, scoreEnd: end, scoreFactor: factor };
}

/** What the shader is told about the annotation.
 *  @param {Pane} pane
 *  @returns {Record<string, number | number[]>} */
function labelPlace(pane) {
  const { ids, viewer: { editing, comparison } } = pane;
  if (!ids || !editing.labels?.told) return { labelStyle: 0 };
  const { first, end, factor } = placing(pane, editing.labels.told, ids);
  const { holding } = editing;
  // What is compared stays to be seen below.
  const style = comparison.shows(editing.address) ? "outline" : holding.style;
  return { ...labelLooks({ ...holding, style }), labelFirst: first, labelEnd: end, labelFactor: factor };
}

/** Where a plane over the tomogram's lies in it.
 *  @param {Pane} pane
 *  @param {{place: import("./editing/places.js").Placing, shape: number[], levels: {factor: number}[]}} told
 *  @param {Held} held */
function placing({ plane }, { place, shape, levels }, { level }) {
  const first = within(plane, place.first);
  const end = within(plane, shape).map((n, i) => first[i] + n * place.bin);
  return { first, end, factor: place.bin * levels[level].factor };
}
