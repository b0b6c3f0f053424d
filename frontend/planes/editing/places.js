// Where an annotation lies in its tomogram, and what of it a plane shows. Knows nothing of the page.
//
// A place of the annotation counts its voxels, and whole numbers are their centres, as in the core.

/**
 * @typedef {import("../geometry.js").Plane} Plane
 * @typedef {{first: number[], bin: number}} Placing where an annotation lies, in voxels of the tomogram
 * @typedef {[number, number, number, number, number, number]} Box first voxel (z, y, x), and one beyond the last
 */

/** What the core calls the planes.
 *  @type {Record<string, string>} */
export const PLANE_NAMES = { z: "xy", y: "xz", x: "yz" };

const rounded = (/** @type {number} */ n) => Math.round(n * 100) / 100;

/** A place in the tomogram, whose voxel k reaches from k to k + 1, as one of the annotation.
 *  @param {number[]} place
 *  @param {number[]} first of the annotation, along the same axes
 *  @param {number} bin */
export const inAnnotation = (place, first, bin) => place.map((at, i) => rounded((at - first[i]) / bin - 0.5));

/** The voxel of the annotation at a voxel of the tomogram.
 *  @param {number[]} at
 *  @param {Placing} placing */
export const voxelOf = (at, { first, bin }) => at.map((n, i) => Math.floor((n - first[i]) / bin));

/** The voxel of the tomogram in the middle of a voxel of the annotation.
 *  @param {number[]} at
 *  @param {Placing} placing */
export const shownAt = (at, { first, bin }) => at.map((n, i) => first[i] + n * bin + Math.floor(bin / 2));

/** A place in a plane with the index of the slice, as a point (z, y, x) of the annotation.
 *  @param {Plane} plane
 *  @param {number[]} place columns first, in the tomogram
 *  @param {number} index of the slice in the annotation
 *  @param {Placing} placing
 *  @returns {number[]} */
export function pointOf(plane, [u, v], index, { first, bin }) {
  const point = [0, 0, 0];
  point[plane.across] = index;
  [point[plane.u], point[plane.v]] = inAnnotation([u, v], [first[plane.u], first[plane.v]], bin);
  return point;
}

/** A point of the annotation as a place of a plane in the tomogram, columns first.
 *  @param {Plane} plane
 *  @param {number[]} point
 *  @param {Placing} placing */
export const placeOf = (plane, point, { first, bin }) =>
  [plane.u, plane.v].map((axis) => first[axis] + (point[axis] + 0.5) * bin);

/** The part of a plane that a box lies in, in pixels of its level; null if it does not touch the plane.
 *  @param {Box} box
 *  @param {Plane} plane
 *  @param {number} index of the plane in its level
 *  @param {{shape: number[], factor: number}} level
 *  @returns {{rows: [number, number], columns: [number, number]} | null} */
export function touched(box, plane, index, { shape, factor }) {
  const shown = index * factor; // a coarser plane shows the first of its voxels
  if (shown < box[plane.across] || shown >= box[plane.across + 3]) return null;
  /** @type {(axis: number) => [number, number]} */
  const range = (axis) => [
    Math.floor(box[axis] / factor), Math.min(shape[axis], Math.ceil(box[axis + 3] / factor)),
  ];
  return { rows: range(plane.v), columns: range(plane.u) };
}

/** Put a part into a plane, as a new plane.
 *  @template {{codes: Uint8Array | Uint16Array, columns: number}} P
 *  @param {P} plane
 *  @param {{rows: [number, number], columns: [number, number]}} part
 *  @param {Uint16Array} codes
 *  @returns {P} */
export function patched(plane, { rows, columns }, codes) {
  const width = columns[1] - columns[0];
  for (let row = rows[0]; row < rows[1]; row++) {
    const from = (row - rows[0]) * width;
    plane.codes.set(codes.subarray(from, from + width), row * plane.columns + columns[0]);
  }
  return { ...plane };
}

/** The distance between two places of a plane, in nm, or in voxels where their size is not known.
 *  @param {number[]} from
 *  @param {number[]} to
 *  @param {number[]} edges of a voxel */
export const distance = (from, to, edges) => Math.hypot(...from.map((at, i) => (to[i] - at) * edges[i]));
