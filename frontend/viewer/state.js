// What the preview of slices begins with; knows nothing of the page.

/** Whether slices are others than before: of another tomogram, or of another part of it.
 *  @param {{id: string, shape: number[]} | undefined} previous
 *  @param {{id: string, shape: number[]}} data */
export function isAnother(previous, data) {
  return !previous || previous.id !== data.id || `${previous.shape}` !== `${data.shape}`;
}

/** The slice to begin with; one that is not there is replaced by the nearest one.
 *  @param {number | null} stored what was kept of this tomogram
 *  @param {{shape: number[]}} data */
export function beginning(stored, { shape: [depth] }) {
  return Math.min(Math.max(0, stored ?? Math.floor(depth / 2)), depth - 1);
}
