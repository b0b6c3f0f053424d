// What is drawn over a plane: the crosshair, which shows where the other planes lie, and a scale bar.

import { scaleBar, toScreen } from "./geometry.js";

/** Each plane's colour, in its corner and where it cuts the others; told apart by all eyes. */
export const COLOURS = { z: "#4fd1c5", y: "#f6b73c", x: "#b39dfb" };

const GAP_PX = 9;
const BESIDE_PX = 9;
const BAR_SHARE = 0.28;

/** @param {HTMLCanvasElement} canvas as large as the plane's
 *  @param {{plane: import("./geometry.js").Plane, view: import("./geometry.js").View, edges: number[],
 *    size: number[], at: number[], known: boolean, ratio: number, crosshair: boolean}} pane */
export function drawMarks(canvas, { plane, view, edges, size, at, known, ratio, crosshair }) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size[0], size[1]);
  // Lines through the whole plane get an edge: a blurred shadow of them costs as much as the plane.
  context.shadowBlur = 0;
  if (crosshair) drawCrosshair(context, plane, toScreen(view, edges, size, [at[plane.u] + 0.5, at[plane.v] + 0.5]), size);
  context.shadowColor = "rgb(0 0 0 / 85%)";
  context.shadowBlur = 3;
  drawBar(context, scaleBar(view.zoom, size[0] * BAR_SHARE, known), size);
}

/** Write beside a point: right of it, or left of it where there is no room.
 *  @param {CanvasRenderingContext2D} context
 *  @param {string} text
 *  @param {number[]} point
 *  @param {number} width of the plane */
export function writeBeside(context, text, [x, y], width) {
  const { width: needed } = context.measureText(text);
  context.fillText(text, x + BESIDE_PX + needed > width ? x - BESIDE_PX - needed : x + BESIDE_PX, y);
}

/** @param {CanvasRenderingContext2D} context
 *  @param {import("./geometry.js").Plane} plane
 *  @param {number[]} point
 *  @param {number[]} size */
function drawCrosshair(context, plane, [x, y], [width, height]) {
  const colour = (/** @type {number} */ place) => COLOURS[/** @type {const} */ (["z", "y", "x"])[place]];
  const line = (/** @type {string} */ stroke, /** @type {number[][]} */ ...ends) => {
    context.beginPath();
    for (const [a, b, c, d] of ends) {
      context.moveTo(a, b);
      context.lineTo(c, d);
    }
    for (const [colour, width] of /** @type {[string, number][]} */ ([["rgb(0 0 0 / 45%)", 3], [stroke, 1]])) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.stroke();
    }
  };
  const [px, py] = [Math.round(x) + 0.5, Math.round(y) + 0.5];
  line(colour(plane.u), [px, 0, px, py - GAP_PX], [px, py + GAP_PX, px, height]);
  line(colour(plane.v), [0, py, px - GAP_PX, py], [px + GAP_PX, py, width, py]);
}

/** @param {CanvasRenderingContext2D} context
 *  @param {{width: number, text: string}} bar
 *  @param {number[]} size */
function drawBar(context, { width, text }, [, height]) {
  context.fillStyle = "#fff";
  context.fillRect(14, height - 18, width, 4);
  context.font = "600 12.5px system-ui, sans-serif";
  context.fillText(text, 14, height - 24);
}
