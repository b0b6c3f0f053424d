// Boxes in space; no page and no graphics card in sight.

/** @typedef {[number, number, number, number, number, number]} Bounds x0, x1, y0, y1, z0, z1 */

/** The corners of a box; bits 0, 1, 2 of the index tell which end in x, y, z.
 *  @param {Bounds} bounds */
export function corners(bounds) {
  return [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [bounds[i & 1], bounds[2 + ((i >> 1) & 1)], bounds[4 + ((i >> 2) & 1)]]);
}

/** The box around all of these boxes.
 *  @param {Bounds[]} all @returns {any} */
export function boundsOf(all) {
  return [0, 1, 2, 3, 4, 5].map((end) =>
    all.reduce((found, bounds) => (end % 2 ? Math.max : Math.min)(found, bounds[end]), end % 2 ? -Infinity : Infinity),
  );
}

/** Where the outer edges of a slice lie: coordinates are those of voxel centres, and the picture
 *  reaches half a voxel farther.
 *  @param {{shape: number[], edges: number[], first: number[]}} slices (z, y, x)
 *  @returns {number[]} x0, x1, y0, y1 */
export function sliceBorder({ shape: [, rows, columns], edges: [, dy, dx], first: [, y, x] }) {
  return [x - dx / 2, x + (columns - 0.5) * dx, y - dy / 2, y + (rows - 0.5) * dy];
}
