// What the hand did, in the words of the core (docs/annotation.md). Knows nothing of the page.

import { PLANE_NAMES } from "./places.js";

/**
 * @typedef {import("./state.js").Holding} Holding
 * @typedef {import("../geometry.js").Plane} Plane
 * @typedef {{kind: string, [field: string]: any}} Operation
 * @typedef {{threshold: number, black: number, white: number}} Shown what limits refer to
 */

const LEAST_SNAP = 3;
const LEAST_STEP = 0.3;

/** Which voxels may change.
 *  @param {Holding} holding
 *  @param {Shown} shown
 *  @param {boolean} erasing
 *  @returns {{limits?: Record<string, any>}} */
export function limitsOf({ limit, overwrite, object }, { threshold, black, white }, erasing) {
  /** @type {Record<string, any>} */
  const limits = {};
  if (limit === "above") limits.score = [threshold, 1];
  if (limit === "below") limits.score = [-1, threshold];
  if (limit === "grey") limits.grey = [black, white];
  if (overwrite === "only" && object !== null) Object.assign(limits, { overwrite, only: [object] });
  if (overwrite === "empty" && !erasing) limits.overwrite = overwrite;
  return Object.keys(limits).length ? { limits } : {};
}

/** A path without points that tell nothing.
 *  @param {number[][]} points */
export function thinned(points) {
  /** @type {number[][]} */
  const kept = [];
  for (const point of points) {
    const last = kept.at(-1);
    if (!last || Math.hypot(...point.map((n, i) => n - last[i])) >= LEAST_STEP) kept.push(point);
  }
  return kept;
}

/** A stroke of the brush.
 *  @param {Holding} holding
 *  @param {Plane} plane
 *  @param {number[][]} points (z, y, x) */
export function brushOf({ radius, ball, limit }, plane, points) {
  return {
    kind: "brush", points: thinned(points), radius,
    ...(ball ? {} : { plane: PLANE_NAMES[plane.axis] }),
    ...(limit === "snap" ? { snap: Math.max(LEAST_SNAP, radius) } : {}),
  };
}

/** What lies within an outline.
 *  @param {Plane} plane
 *  @param {number[][]} points (z, y, x), all in one slice */
export function outlineOf(plane, points) {
  return {
    kind: "polygon", plane: PLANE_NAMES[plane.axis], index: points[0][plane.across],
    corners: thinned(points).map((point) => [point[plane.v], point[plane.u]]),
  };
}

/** Give to an object what a stroke covers, or take it from all.
 *  @param {Holding} holding
 *  @param {any} stroke
 *  @param {Shown} shown
 *  @param {boolean} erasing
 *  @returns {Operation} */
export function drawn(holding, stroke, shown, erasing) {
  const limits = limitsOf(holding, shown, erasing);
  return erasing ? { kind: "erase", stroke, ...limits } : { kind: "paint", object: holding.object, stroke, ...limits };
}

/** Fill from a voxel: in its slice, or in the box of the radius around it.
 *  @param {Holding} holding
 *  @param {Plane} plane
 *  @param {number[]} seed
 *  @param {number[]} shape of the annotation
 *  @param {Shown} shown
 *  @returns {Operation} */
export function filled(holding, plane, seed, shape, shown) {
  const limits = limitsOf(holding, shown, false);
  const { object, radius, tool } = holding;
  if (tool === "fill") return { kind: "fill slice", object, seed, plane: PLANE_NAMES[plane.axis], ...limits };
  const first = seed.map((n) => Math.max(0, n - radius));
  const end = seed.map((n, i) => Math.min(shape[i], n + radius + 1));
  return { kind: "fill box", object, seed, first, end, ...limits };
}

/** Fill the slices between those that an object is drawn in.
 *  @param {number} object
 *  @param {Plane} plane
 *  @param {number[]} shape
 *  @returns {Operation} */
export const interpolated = (object, plane, shape) => (
  { kind: "interpolate", object, plane: PLANE_NAMES[plane.axis], first: 0, last: shape[plane.across] - 1 }
);

/** Have an object in another slice as in this one.
 *  @param {number} object
 *  @param {Plane} plane
 *  @param {number} source
 *  @param {number} target
 *  @returns {Operation} */
export const copied = (object, plane, source, target) => (
  { kind: "copy slice", object, plane: PLANE_NAMES[plane.axis], source, target }
);

/** The whole organelle around a click, or the same one mended by another click.
 *  @param {{object: number, inside: number[][], outside: number[][]}} body with all its clicks
 *  @param {string} name of the class
 *  @returns {Operation} */
export const clicked = ({ object, inside, outside }, name) => (
  { kind: "click", object, inside, outside, ...(name.trim() ? { class_name: name.trim() } : {}) }
);
