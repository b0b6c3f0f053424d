// Pictures of what is in sight, and views for films; the server draws both from the file's values.

import { save } from "../shared/saving.js";
import { toPlane } from "./geometry.js";

const WIDTHS = { least: 64, most: 2400 };
const GAP_PX = 4; // between two pictures of a plane

/**
 * @typedef {import("./pane.js").Pane} Pane
 * @typedef {{view: number[], width: number}} Sight row, column, row, column of what is in sight; its width on the screen
 * @typedef {{first: string | null, other: string | null, chosen: import("./sides.js").Chosen | null,
 *   limits: {threshold: number, low: number | null}, line: number, annotation: string | null, style: string,
 *   holding: import("./editing/state.js").Holding}} Over what lies over the tomogram: addresses of A and B, how they are
 *   compared, the thresholds of A, the share of what is in sight left of the line, the annotation and how it is drawn
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

/** How the server names what lies over a tomogram, by the address of its planes.
 *  @param {string | null} address */
export const nameOf = (address) => address?.replace(/^.*?tomograms\/[^/]+\//, "").replace(/\/display$/, "");

/** What the server is told to draw, as its `PlaneShot` has it.
 *  @param {{plane: {axis: string}}} pane
 *  @param {number} index
 *  @param {Sight} sight
 *  @param {any} state of the viewer
 *  @param {Over} over */
export function shotOf({ plane }, index, { view, width }, state, over) {
  const { first, other, chosen, limits, line, annotation, holding } = over;
  /** @type {Record<string, any>} */
  const look = { width_px: width, black: state.black, white: state.white, invert: state.invert };
  /** @type {Record<string, any>} */
  const shot = { axis: plane.axis, index, view: view.map((n) => +n.toFixed(2)), look };
  if (first && state.overlay) {
    shot.first = nameOf(first);
    Object.assign(look, { style: state.style, opacity: state.opacity / 100, ...limits });
    if (other && chosen) {
      const { mode, threshold } = chosen;
      shot.other = nameOf(other);
      Object.assign(look, { compare: mode, other_threshold: threshold, share: line });
      if (mode === "side") look.width_px = Math.min(WIDTHS.most, 2 * width + GAP_PX);
    }
  }
  if (annotation && holding.labels) {
    shot.annotation = annotation.split("/").at(-1);
    Object.assign(look, { label_style: over.style, label_opacity: holding.opacity / 100 });
    Object.assign(shot, { hidden: [...holding.hidden], only: holding.isolated ?? 0 });
  }
  return shot;
}

/** A shot as the server reads it in the address of a picture.
 *  @param {any} shot
 *  @param {{ratio: number, caption: boolean}} wish */
export function queryOf({ axis, index, look, ...rest }, { ratio, caption }) {
  const query = new URLSearchParams({ ratio: `${ratio}`, caption: caption ? "1" : "0" });
  for (const [name, value] of Object.entries({ ...look, ...rest })) {
    if (typeof value === "boolean") query.set(name, value ? "1" : "0");
    else if (value !== null && value !== undefined && `${value}`) query.set(name, `${value}`);
  }
  return `${query}`;
}

export class Figures {
  /** @param {any} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.panel = viewer.find(".figures");
    this.wish = { ratio: 2, caption: true };
    const options = { signal: viewer.listening.signal };
    this.panel.addEventListener("input", (/** @type {Event} */ event) => {
      const { dataset: { figure = "" }, type, checked, value } = /** @type {HTMLInputElement} */ (event.target);
      Object.assign(this.wish, { [figure]: type === "checkbox" ? checked : +value });
      this.fill();
    }, options);
    this.panel.addEventListener("click", (/** @type {Event} */ event) => {
      const { figure } = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset ?? {};
      if (figure === "png" || figure === "svg") this.picture(figure);
      else if (figure === "key" || figure === "sweep") this.report(figure);
    }, options);
  }

  /** What the active plane shows, as the server draws it; null where nothing of it is in sight. */
  shot() {
    const { state, data, editing, comparison, first, firstLimits, active: pane } = this.viewer;
    const sight = pane.told && sightOf(pane);
    if (!sight) return null;
    const line = toPlane(pane.view, pane.edges, pane.size, [comparison.share * pane.size[0], 0])[0];
    const [, c0, , c1] = sight.view;
    return shotOf(pane, pane.index, sight, state, {
      first: first ? first.address : data.score, other: comparison.store?.address ?? null, chosen: comparison.chosen,
      limits: firstLimits, line: Math.min(1, Math.max(0, (line - c0) / (c1 - c0))), annotation: editing.address,
      style: comparison.shows(editing.address) ? "outline" : editing.holding.style, holding: editing.holding,
    });
  }

  fill() {
    const { panel, viewer, wish } = this;
    const { active } = viewer;
    for (const control of panel.querySelectorAll("[data-figure]:is(input, select)")) {
      const value = wish[/** @type {keyof typeof wish} */ (control.dataset.figure)];
      if (control.type === "checkbox") control.checked = value;
      else control.value = value;
    }
    panel.querySelector("[data-figure='sweep']").textContent = `Film through ${active.plane.axis} …`;
    panel.querySelector("h4 span").textContent = `${active.plane.name}, as in sight`;
  }

  /** @param {string} text */
  say(text) {
    this.panel.querySelector(".said").value = text;
  }

  /** Have the page keep the view for a film, or make one through all its planes.
   *  @param {"key" | "sweep"} kind */
  report(kind) {
    const plane = this.shot();
    if (!plane) return this.say("Nothing of the plane is in sight.");
    this.say(kind === "key" ? "Added. The button Film shows all." : "");
    this.viewer.setTriggerValue?.("film", { kind, plane });
  }

  /** @param {"png" | "svg"} ending */
  async picture(ending) {
    const { viewer } = this;
    const shot = this.shot();
    if (!shot) return this.say("Nothing of the plane is in sight.");
    this.say("Drawing …");
    const place = viewer.data.display.replace(/display$/, `figure/${shot.axis}/${shot.index}.${ending}`);
    try {
      const response = await fetch(`${place}?${queryOf(shot, this.wish)}`);
      if (!response.ok) throw new Error((await response.text()) || "The picture could not be drawn.");
      const name = /filename="(.+)"/.exec(`${response.headers.get("Content-Disposition")}`)?.[1];
      save(await response.blob(), name ?? `slice.${ending}`);
      this.say("");
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
    }
  }
}
