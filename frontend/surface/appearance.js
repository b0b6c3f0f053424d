// What the state of the 3D view looks like: the cut, the slice, the paper behind.

import { sliceBorder } from "./geometry.js";

const HAZE = 0.28;
/** @type {Record<string, number[]>} */
const PAPERS = { white: [255, 255, 255], black: [0, 0, 0] };

/** @param {any} view */
export function applyCut(view) {
  const { state, scene } = view;
  if (state.slice && state.together) scene.setCut(2, view.sliceAt(state.z), state.flipped);
  else if (state.cut === "off") scene.setCut(null);
  else scene.setCut("xyz".indexOf(state.cut), view.cutAt(state.cut), state.flipped);
}

/** Fetch the slice that is asked for, and show it if it still is.
 *  @param {any} view */
export async function loadSlice(view) {
  const { slice, z, opacity } = view.state;
  if (!slice) return view.scene.setSlice(null);
  const bytes = await view.images.get(z).catch((error) => view.note("slice", error.message));
  if (!bytes || z !== view.state.z || !view.state.slice || !view.scene) return;
  const [, rows, columns] = view.data.slices.shape;
  view.scene.setSlice({ bytes, columns, rows, edges: sliceBorder(view.data.slices), z: view.sliceAt(z), opacity: opacity / 100 });
  view.images.readAhead(z, 1, 2);
}

/** The background, as [r, g, b].
 *  @param {any} view @returns {number[]} */
export function paperOf(view) {
  const fixed = PAPERS[view.state.background];
  if (fixed) return fixed;
  const pen = /** @type {any} */ (new OffscreenCanvas(1, 1).getContext("2d"));
  pen.fillStyle = getComputedStyle(view.root).getPropertyValue("--st-background-color");
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

/** @param {any} view */
export function applyPaper(view) {
  const paper = paperOf(view);
  view.stage.style.background = `rgb(${paper})`;
  view.scene.setPaper(look(view, paper).ink, paper, HAZE);
}

/** How what is drawn over the scene shall look on a paper.
 *  @param {any} view @param {number[]} paper */
export function look(view, paper) {
  const { state, unit } = view;
  const bright = paper[0] + paper[1] + paper[2] > 380;
  return {
    box: state.box, axes: state.axes, scaleBar: state.scaleBar, unit, legend: view.legend,
    ink: bright ? "#28353b" : "#e6eded", paper: `rgb(${paper})`,
  };
}
