// What the slice viewer begins with; knows nothing of the page.

/** Whether slices are others than before: of another tomogram, or of another part of it.
 *  @param {{id: string, shape: number[]} | undefined} previous
 *  @param {{id: string, shape: number[]}} data */
export function isAnother(previous, data) {
  return !previous || previous.id !== data.id || `${previous.shape}` !== `${data.shape}`;
}

/** The state to begin with; a slice that is not there is replaced by the nearest one.
 *  @param {any} stored what was kept of this tomogram, or null
 *  @param {{shape: number[], threshold: number}} data
 *  @returns {any} */
export function beginning(stored, { shape: [depth], threshold }) {
  const state = {
    z: Math.floor(depth / 2), mode: "overlay", opacity: 60, style: "fill",
    black: 0, white: 255, invert: false, ...(stored ?? {}), threshold,
  };
  state.z = Math.min(Math.max(0, state.z), depth - 1);
  return state;
}
