// Pictures of what is in sight, and films through the planes; the server draws them from the file's values.

import { save } from "../shared/saving.js";
import { toPlane } from "./geometry.js";

const WIDTHS = { least: 64, most: 2400 };
const FILM = { gif: { perSecond: 12, widest: 640 }, mp4: { perSecond: 30, widest: 1280 } };
// What a pixel of a film takes: GIF a measured share of a byte a frame, MP4 at most a byte a second.
const GIF_SHARE = 0.5;

/**
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {{view: number[], width: number}} Sight row, column, row, column of what is in sight; its width on the screen
 * @typedef {{format: "gif" | "mp4", seconds: number}} Wish
 */

/** The part of a plane that is on the screen; null if none is.
 *  @param {{view: import("./geometry.js").View | null, edges: number[], size: number[], extent: number[]}} pane
 *  @returns {Sight | null} */
export function sightOf({ view, edges, size, extent }) {
  if (!view) return null;
  const [low, high] = [[0, 0], size].map((corner) => toPlane(view, edges, size, corner).map((n, i) => Math.min(extent[i], Math.max(0, n))));
  if (low.some((n, i) => n >= high[i])) return null;
  const width = Math.round((high[0] - low[0]) * edges[0] * view.zoom);
  return { view: [low[1], low[0], high[1], high[0]], width: Math.min(WIDTHS.most, Math.max(WIDTHS.least, width)) };
}

/** What the server is told to draw.
 *  @param {Sight} sight
 *  @param {any} state of the viewer
 *  @param {{score: string | null, annotation: string | null, holding: import("./editing/state.js").Holding}} over addresses
 *  @param {{ratio: number, caption: boolean, width?: number}} wish */
export function figureQuery({ view, width }, state, { score, annotation, holding }, wish) {
  const query = new URLSearchParams({
    view: view.map((n) => n.toFixed(2)).join(","), width_px: `${wish.width ?? width}`, ratio: `${wish.ratio}`,
    black: `${state.black}`, white: `${state.white}`, invert: state.invert ? "1" : "0", caption: wish.caption ? "1" : "0",
  });
  const add = (/** @type {Record<string, any>} */ more) => {
    for (const [name, value] of Object.entries(more)) if (value !== null && value !== "") query.set(name, `${value}`);
  };
  if (score && state.overlay) {
    const { style, threshold, low, opacity } = state;
    add({ score: score.split("/").at(-2), style, threshold, low, opacity: opacity / 100 });
  }
  if (annotation && holding.labels) {
    const { style, opacity, hidden, isolated } = holding;
    add({ annotation: annotation.split("/").at(-1), label_style: style, label_opacity: opacity / 100 });
    add({ hidden: [...hidden].join(","), only: isolated });
  }
  return `${query}`;
}

/** The slices of a film, evenly through all, and how it runs.
 *  @param {number} count of slices
 *  @param {Wish} wish
 *  @returns {{indices: number[], perSecond: number}} */
export function framesOf(count, { format, seconds }) {
  const frames = Math.max(1, Math.min(count, Math.round(seconds * FILM[format].perSecond)));
  const indices = Array.from({ length: frames }, (_, n) => Math.round((n * (count - 1)) / Math.max(1, frames - 1)));
  return { indices, perSecond: frames / seconds };
}

/** What a film will be, in words.
 *  @param {number} count of slices
 *  @param {Sight & {height: number}} sight
 *  @param {Wish} wish */
export function filmWords(count, sight, wish) {
  const { indices } = framesOf(count, wish);
  const width = Math.min(sight.width, FILM[wish.format].widest);
  const height = Math.round((sight.height * width) / sight.width);
  const each = width * height;
  const megabytes = (wish.format === "gif" ? each * indices.length * GIF_SHARE : each * wish.seconds) / 1e6;
  const size = `${wish.format === "gif" ? "about" : "at most"} ${megabytes < 1 ? "1" : Math.round(megabytes)} MB`;
  return `${indices.length} slices of ${width} × ${height} px, ${size}`;
}

export class Figures {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.panel = viewer.find(".figures");
    this.wish = { ratio: 2, caption: true, format: /** @type {"gif" | "mp4"} */ ("mp4"), seconds: 8 };
    if (!("VideoEncoder" in window)) {
      this.wish.format = "gif"; // on this computer or over HTTPS alone
      this.panel.querySelector("option[value='mp4']").disabled = true;
    }
    /** @type {AbortController | null} */
    this.filming = null;
    const options = { signal: viewer.listening.signal };
    this.panel.addEventListener("input", (/** @type {Event} */ event) => {
      const { dataset: { figure = "" }, type, checked, value } = /** @type {HTMLInputElement} */ (event.target);
      Object.assign(this.wish, { [figure]: type === "checkbox" ? checked : figure === "format" ? value : +value });
      this.fill();
    }, options);
    this.panel.addEventListener("click", (/** @type {Event} */ event) => {
      const { figure } = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset ?? {};
      if (figure === "png" || figure === "svg") this.picture(figure);
      else if (figure === "film") this.film();
      else if (figure === "stop") this.filming?.abort();
    }, options);
  }

  /** @param {Pane} pane
   *  @param {number} index
   *  @param {"png" | "svg"} ending
   *  @param {{ratio: number, caption: boolean, width?: number}} wish */
  address(pane, index, ending, wish) {
    const { state, data, editing } = this.viewer;
    const sight = sightOf(pane);
    if (!sight) return null;
    const over = { score: data.score, annotation: editing.address, holding: editing.holding };
    const place = data.display.replace(/display$/, `figure/${pane.plane.axis}/${index}.${ending}`);
    return `${place}?${figureQuery(sight, state, over, wish)}`;
  }

  fill() {
    const { panel, viewer, wish } = this;
    const { active } = viewer;
    const sight = active.told && sightOf(active);
    for (const control of panel.querySelectorAll("[data-figure]:is(input, select)")) {
      const value = wish[/** @type {keyof typeof wish} */ (control.dataset.figure)];
      if (control.type === "checkbox") control.checked = value;
      else control.value = value;
    }
    panel.querySelector("[data-held='seconds']").value = `${wish.seconds} s`;
    panel.querySelector("[data-figure='film']").textContent = `Film through ${active.plane.axis}`;
    panel.querySelector("h4 span").textContent = `${active.plane.name}, as in sight`;
    panel.querySelector(".compared").hidden = !viewer.comparison.chosen;
    if (!sight || this.filming) return;
    const [r0, c0, r1, c1] = sight.view;
    const height = (sight.width * (r1 - r0) * active.edges[1]) / ((c1 - c0) * active.edges[0]);
    this.say(filmWords(active.told.shape[active.plane.across], { ...sight, height }, wish));
  }

  /** @param {string} text */
  say(text) {
    this.panel.querySelector(".said").value = text;
  }

  /** @param {string} address
   *  @param {AbortSignal} [signal] */
  async drawn(address, signal) {
    const response = await fetch(address, { signal });
    if (!response.ok) throw new Error((await response.text()) || "The picture could not be drawn.");
    return response;
  }

  /** @param {"png" | "svg"} ending */
  async picture(ending) {
    const { active } = this.viewer;
    const address = this.address(active, active.index, ending, this.wish);
    if (!address) return this.say("Nothing of the plane is in sight.");
    this.say("Drawing …");
    try {
      const response = await this.drawn(address);
      const name = /filename="(.+)"/.exec(`${response.headers.get("Content-Disposition")}`)?.[1];
      save(await response.blob(), name ?? `slice.${ending}`);
      this.fill();
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    }
  }

  /** Make a film in the background: the planes stay usable, and it shows what was set when it began. */
  async film() {
    const { viewer, panel, wish: { format, seconds, caption } } = this;
    const { active } = viewer;
    const sight = active.told && sightOf(active);
    if (!sight || this.filming) return;
    const filming = new AbortController();
    viewer.listening.signal.addEventListener("abort", () => filming.abort());
    this.filming = filming;
    const { indices, perSecond } = framesOf(active.told.shape[active.plane.across], { format, seconds });
    const width = Math.min(sight.width, FILM[format].widest);
    const addresses = indices.map((index) => `${this.address(active, index, "png", { ratio: 1, caption, width })}`);
    const bar = panel.querySelector("progress");
    const busy = (/** @type {boolean} */ is) => {
      bar.hidden = panel.querySelector("[data-figure='stop']").hidden = !is;
      panel.querySelector("[data-figure='film']").disabled = is;
    };
    busy(true);
    let told = "";
    try {
      const { writerOf } = await import("../shared/film.js");
      let writer = null;
      for (const [n, address] of addresses.entries()) {
        const bitmap = await createImageBitmap(await (await this.drawn(address, filming.signal)).blob());
        const size = [bitmap.width, bitmap.height].map((edge) => 2 * Math.floor(edge / 2));
        const canvas = Object.assign(document.createElement("canvas"), { width: size[0], height: size[1] });
        /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(bitmap, 0, 0);
        writer ??= await writerOf(format, size, perSecond);
        await writer.add(canvas, size, n);
        bar.value = (n + 1) / addresses.length;
        this.say(`Slice ${n + 1} of ${addresses.length}; you can go on meanwhile.`);
      }
      const film = await writer?.finish();
      if (film) {
        save(film, `film_${active.plane.name}.${format}`);
        told = `Saved: ${(film.size / 1e6).toFixed(1)} MB.`;
      }
    } catch (error) {
      told = filming.signal.aborted ? "" : /** @type {Error} */ (error).message;
    } finally {
      this.filming = null;
      busy(false);
      if (told) this.say(told);
      else this.fill();
    }
  }
}
