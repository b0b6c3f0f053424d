// Draws what the server does not have yet: the stroke in the hand, strokes on their way, previews.

import { scaleOf, toScreen } from "../geometry.js";
import { placeOf } from "./places.js";
import { ROUND, SIZED } from "./state.js";

/**
 * @typedef {import("../pane.js").Pane} Pane
 * @typedef {{kind: "path" | "outline", axis: string, index: number, points: number[][], radius: number,
 *   colour: string, erasing: boolean, ball?: boolean}} Stroke
 */

const SHARE = 0.6;
const CAP_PX = 4;

export class Draft {
  /** @param {import("./editing.js").Editing} editing */
  constructor(editing) {
    this.editing = editing;
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Record<string, number[][]> | null} runs of each plane: row, first column, length, id */
    this.preview = null;
    /** @type {{pane: Pane, place: number[]} | null} */
    this.pointer = null;
    /** @type {WeakMap<Pane, HTMLCanvasElement>} */
    this.canvases = new WeakMap();
  }

  /** @param {Pane} pane */
  canvasOf(pane) {
    let canvas = this.canvases.get(pane);
    if (!canvas) {
      canvas = document.createElement("canvas");
      canvas.className = "draft";
      canvas.setAttribute("aria-hidden", "true");
      pane.marks.before(canvas);
      this.canvases.set(pane, canvas);
    }
    return canvas;
  }

  /** @param {Pane} pane */
  draw(pane) {
    const { labels, holding } = this.editing;
    const canvas = this.canvasOf(pane);
    // A canvas that shows nothing is still laid over the plane, pixel by pixel.
    canvas.hidden = !labels?.told;
    if (canvas.hidden) return;
    const { width, height } = pane.picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const { view } = pane;
    if (!labels || !view) return;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { place } = labels.told;
    const index = pane.over(labels, pane.index)?.place;
    const screen = (/** @type {number[]} */ point) =>
      toScreen(view, pane.edges, pane.size, placeOf(pane.plane, point, place));
    const pixel = this.editing.pixelsPerVoxel(pane);
    this.editing.review.draw(context, pane, screen, index);
    if (this.preview) this.drawRuns(context, pane, screen);
    const here = this.strokes.filter(({ axis, index: at }) => axis === pane.plane.axis && at === index);
    for (const stroke of here) drawStroke(context, stroke, stroke.points.map(screen), stroke.radius * pixel);
    if (this.pointer?.pane === pane && SIZED.has(holding.tool)) {
      const at = toScreen(view, pane.edges, pane.size, this.pointer.place);
      drawTip(context, at, Math.max(1, (holding.radius + 0.5) * pixel), ROUND.has(holding.tool));
    }
  }

  /** @param {CanvasRenderingContext2D} context
   *  @param {Pane} pane
   *  @param {(point: number[]) => number[]} screen */
  drawRuns(context, pane, screen) {
    const runs = this.preview?.[pane.plane.axis];
    if (!runs) return;
    const { plane } = pane;
    const { bin } = /** @type {any} */ (this.editing.labels).told.place;
    const [width, height] = scaleOf(/** @type {any} */ (pane.view), pane.edges).map((n) => n * bin);
    context.fillStyle = `color-mix(in srgb, ${this.editing.colour} 55%, transparent)`;
    for (const [row, column, length] of runs) {
      const point = [0, 0, 0];
      [point[plane.v], point[plane.u]] = [row - 0.5, column - 0.5];
      const [x, y] = screen(point);
      context.fillRect(x, y, width * length, height);
    }
  }
}

/** @param {CanvasRenderingContext2D} context
 *  @param {Stroke} stroke
 *  @param {number[][]} points on the screen
 *  @param {number} radius on the screen */
function drawStroke(context, { kind, colour, erasing, index }, points, radius) {
  const ink = erasing ? "#ffffff" : colour;
  context.strokeStyle = context.fillStyle = `color-mix(in srgb, ${ink} ${100 * SHARE}%, transparent)`;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  if (kind === "path") {
    context.lineWidth = Math.max(1.5, 2 * radius);
    if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
    return context.stroke();
  }
  context.lineWidth = 1.5;
  context.closePath();
  context.globalAlpha = 0.45;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = ink;
  context.stroke();
  for (const [x, y] of points.length > 60 ? [] : points) context.fillRect(x - CAP_PX / 2, y - CAP_PX / 2, CAP_PX, CAP_PX);
  return index;
}

/** @param {CanvasRenderingContext2D} context
 *  @param {number[]} at
 *  @param {number} reach
 *  @param {boolean} round */
function drawTip(context, [x, y], reach, round) {
  for (const [colour, line] of /** @type {[string, number][]} */ ([["rgb(0 0 0 / 65%)", 3], ["#fff", 1.2]])) {
    Object.assign(context, { strokeStyle: colour, lineWidth: line });
    context.beginPath();
    if (round) context.arc(x, y, reach, 0, 2 * Math.PI);
    else context.rect(x - reach, y - reach, 2 * reach, 2 * reach);
    context.stroke();
  }
}
