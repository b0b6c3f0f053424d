// Where voxels lie on the screen: three planes, each with a view of its own. Knows nothing of the page.
//
// Places in a plane count voxels along its columns (u) and rows (v); voxel k reaches from k to k + 1.
// A view's zoom is in screen pixels per nm, or per voxel where the voxel size is not known.

import { formatLength, roundLength } from "../shared/lengths.js";

/**
 * @typedef {"z" | "y" | "x"} Axis
 * @typedef {{axis: Axis, name: string, across: number, u: number, v: number}} Plane
 * @typedef {{zoom: number, centre: number[], fitted: boolean}} View
 * @typedef {{shape: number[], factor: number}} Level
 */

/** What lies across each axis; `across`, `u` and `v` are places in (z, y, x).
 *  @type {Record<Axis, Plane>} */
export const PLANES = {
  z: { axis: "z", name: "XY", across: 0, u: 2, v: 1 },
  y: { axis: "y", name: "XZ", across: 1, u: 2, v: 0 },
  x: { axis: "x", name: "YZ", across: 2, u: 1, v: 0 },
};

const MOST_PX_PER_VOXEL = 48;
const LEAST_OF_FIT = 0.5;
const MARGIN_PX = 24;

/** The two values of a plane in a triple (z, y, x), columns first. */
export const within = (/** @type {Plane} */ plane, /** @type {number[]} */ triple) => [triple[plane.u], triple[plane.v]];

/** Screen pixels per voxel along columns and rows. */
export const scaleOf = (/** @type {View} */ view, /** @type {number[]} */ edges) => edges.map((edge) => edge * view.zoom);

/** The view that shows all of a plane.
 *  @param {number[]} extent voxels along columns and rows
 *  @param {number[]} edges of a voxel along both
 *  @param {number[]} size of the screen
 *  @returns {View} */
export function fitted(extent, edges, size) {
  const zoom = Math.min(...extent.map((n, i) => Math.max(1, size[i]) / (n * edges[i])));
  return { zoom, centre: extent.map((n) => n / 2), fitted: true };
}

/** The place under a point of the screen.
 *  @param {View} view
 *  @param {number[]} edges
 *  @param {number[]} size
 *  @param {number[]} point
 *  @returns {number[]} */
export function toPlane(view, edges, size, point) {
  const scale = scaleOf(view, edges);
  return point.map((px, i) => view.centre[i] + (px - size[i] / 2) / scale[i]);
}

/** The point of the screen over a place.
 *  @param {View} view
 *  @param {number[]} edges
 *  @param {number[]} size
 *  @param {number[]} place
 *  @returns {number[]} */
export function toScreen(view, edges, size, place) {
  const scale = scaleOf(view, edges);
  return place.map((at, i) => size[i] / 2 + (at - view.centre[i]) * scale[i]);
}

/** The view zoomed by a factor; what is under `point` stays there.
 *  @param {View} view
 *  @param {number[]} extent
 *  @param {number[]} edges
 *  @param {number[]} size
 *  @param {number} factor
 *  @param {number[]} point
 *  @returns {View} */
export function zoomed(view, extent, edges, size, factor, point) {
  const least = fitted(extent, edges, size).zoom * LEAST_OF_FIT;
  const most = MOST_PX_PER_VOXEL / Math.min(...edges);
  const zoom = Math.min(Math.max(least, most), Math.max(least, view.zoom * factor));
  const at = toPlane(view, edges, size, point);
  const share = view.zoom / zoom;
  const centre = view.centre.map((value, i) => at[i] + (value - at[i]) * share);
  return { zoom, centre: held(centre, extent), fitted: false };
}

/** The view moved by pixels of the screen.
 *  @param {View} view
 *  @param {number[]} extent
 *  @param {number[]} edges
 *  @param {number[]} delta
 *  @returns {View} */
export function panned(view, extent, edges, delta) {
  const scale = scaleOf(view, edges);
  return { ...view, centre: held(view.centre.map((at, i) => at - delta[i] / scale[i]), extent), fitted: false };
}

const held = (/** @type {number[]} */ centre, /** @type {number[]} */ extent) => centre.map((at, i) => Math.min(extent[i], Math.max(0, at)));

/** The view, moved onto a place if that is not on the screen.
 *  @param {View} view
 *  @param {number[]} edges
 *  @param {number[]} size
 *  @param {number[]} place
 *  @returns {View} */
export function revealing(view, edges, size, place) {
  const seen = toScreen(view, edges, size, place).every((px, i) => px >= MARGIN_PX && px <= size[i] - MARGIN_PX);
  return seen || view.fitted ? view : { ...view, centre: [...place] };
}

/** The level to draw a plane from: the finest that is not too large, but none finer than a screen needs
 *  once a plane is too large. What is not too large is averaged by the shader, so that each step shows.
 *  @param {Level[]} levels
 *  @param {Plane} plane
 *  @param {number[]} scale screen pixels per voxel
 *  @param {{pixels: number, side: number}} most
 *  @returns {number} */
export function levelFor(levels, plane, scale, most) {
  for (const [n, { shape, factor }] of levels.entries()) {
    const [columns, rows] = within(plane, shape);
    if (Math.max(columns, rows) > most.side) continue;
    if (columns * rows <= most.pixels || 2 * factor * Math.min(...scale) > 1) return n;
  }
  return levels.length - 1;
}

/** The plane of a level that holds voxel `index` of the finest one.
 *  @param {number} index
 *  @param {Level} level
 *  @param {Plane} plane */
export const indexAt = (index, { shape, factor }, plane) =>
  Math.min(shape[plane.across] - 1, Math.floor(index / factor));

/** The plane of a score under plane `index` of the tomogram, null where nothing was scored.
 *  @param {{first: number[], bin: number}} place
 *  @param {number[]} shape of the score
 *  @param {Plane} plane
 *  @param {number} index */
export function scoredIndex(place, shape, plane, index) {
  const there = Math.floor((index - place.first[plane.across]) / place.bin);
  return there >= 0 && there < shape[plane.across] ? there : null;
}

/** A scale bar of up to `width` pixels, and what stands at it.
 *  @param {number} zoom
 *  @param {number} width
 *  @param {boolean} known */
export function scaleBar(zoom, width, known) {
  const length = roundLength(width / zoom);
  return { width: length * zoom, text: known ? formatLength(length) : `${length} px` };
}

/** A voxel within a shape, nearest to what was asked for.
 *  @param {number[]} at
 *  @param {number[]} shape */
export const clamped = (at, shape) => at.map((n, i) => Math.min(shape[i] - 1, Math.max(0, Math.floor(n))));
