// The canvas: puts a picture where zoom and pan want it.

import { drawScaleBar } from "./painting.js";

const MOST_ZOOM = 40;

export class Stage {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.width = this.height = this.zoom = 1;
    this.centre = [0.5, 0.5];
    /** @type {number[] | null} */
    this.voxel = null;
    this.canvas = /** @type {HTMLCanvasElement} */ (element.querySelector("canvas"));
    /** @type {HTMLCanvasElement | null} */
    this.picture = null;
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(element);
  }

  /** Fit slices of width × height pixels; `voxel` holds their edges (z, y, x) in nm, or is null.
   *  @param {number} width
   *  @param {number} height
   *  @param {number[] | null} voxel */
  fit(width, height, voxel) {
    Object.assign(this, { width, height, voxel });
    this.zoom = 1;
    this.centre = [width / 2, height / 2];
  }

  /** @param {HTMLCanvasElement} picture */
  show(picture) {
    this.picture = picture;
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.element.clientWidth * ratio);
    this.canvas.height = Math.round(this.element.clientHeight * ratio);
    if (!this.canvas.width || !this.picture) return;
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const { width, height } = this.canvas;
    const [sx, sy] = this.scale();
    context.imageSmoothingEnabled = sx < 2;
    context.imageSmoothingQuality = "high";
    const [left, top] = [width / 2 - this.centre[0] * sx, height / 2 - this.centre[1] * sy];
    context.drawImage(this.picture, left, top, this.width * sx, this.height * sy);
    drawScaleBar(context, sx, this.voxel?.[2], ratio);
  }

  /** Canvas pixels per slice pixel, along x and y (they differ where the voxels do). */
  scale() {
    const { width, height } = this.canvas;
    const [, ny, nx] = this.voxel ?? [1, 1, 1];
    const fit = Math.min(width / this.width, height / ((this.height * ny) / nx));
    return [fit * this.zoom, (fit * this.zoom * ny) / nx];
  }

  /** The point of the slice under a mouse event, in slice pixels.
   *  @param {MouseEvent} event */
  locate(event) {
    const box = this.element.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    const [px, py] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    const [sx, sy] = this.scale();
    return [
      (px - this.canvas.width / 2) / sx + this.centre[0],
      (py - this.canvas.height / 2) / sy + this.centre[1],
    ];
  }

  /** Zoom; the point `at` of the slice stays where it is on the screen.
   *  @param {number} factor
   *  @param {number[]} at */
  zoomBy(factor, at = this.centre) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const share = 1 - this.zoom / zoom;
    this.centre = this.centre.map((value, axis) => value + (at[axis] - value) * share);
    this.zoom = zoom;
    if (zoom === 1) this.centre = [this.width / 2, this.height / 2];
    this.draw();
  }

  /** Move the slice so that what was at `from` comes to where `to` is now.
   *  @param {number[]} from
   *  @param {number[]} to */
  drag(from, to) {
    this.centre = this.centre.map((value, axis) => value + from[axis] - to[axis]);
    this.draw();
  }

  close() {
    this.resize.disconnect();
  }
}
