// The canvas: puts one picture, or two beside each other, where zoom and pan want them.

import { drawScaleBar } from "./painting.js";

const MOST_ZOOM = 40;

export class Stage {
  constructor(element) {
    this.element = element;
    this.width = this.height = 1;
    /** @type {number[] | null} */
    this.voxel = null;
    this.canvas = element.querySelector("canvas");
    this.pictures = [];
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(element);
  }

  /** Fit slices of width × height pixels; `voxel` holds their edges (z, y, x) in nm, or is null. */
  fit(width, height, voxel) {
    Object.assign(this, { width, height, voxel });
    this.zoom = 1;
    this.centre = [width / 2, height / 2];
  }

  show(pictures) {
    this.pictures = pictures;
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.element.clientWidth * ratio);
    this.canvas.height = Math.round(this.element.clientHeight * ratio);
    if (!this.canvas.width) return;
    const context = this.canvas.getContext("2d");
    this.pictures.forEach((picture, index) => {
      const view = this.view(index);
      const [sx, sy] = this.scale(view);
      context.save();
      context.beginPath();
      context.rect(view.x, 0, view.width, view.height);
      context.clip();
      context.imageSmoothingEnabled = sx < 2;
      context.imageSmoothingQuality = "high";
      const left = view.x + view.width / 2 - this.centre[0] * sx;
      const top = view.height / 2 - this.centre[1] * sy;
      context.drawImage(picture, left, top, this.width * sx, this.height * sy);
      drawScaleBar(context, view, sx, this.voxel?.[2], ratio);
      context.restore();
    });
  }

  /** The part of the canvas that a picture is drawn in. */
  view(index) {
    const { width, height } = this.canvas;
    if (this.pictures.length < 2) return { x: 0, width, height };
    const half = Math.floor(width / 2) - 1;
    return { x: index ? width - half : 0, width: half, height };
  }

  /** Canvas pixels per slice pixel, along x and y (they differ where the voxels do). */
  scale(view) {
    const [, ny, nx] = this.voxel ?? [1, 1, 1];
    const fit = Math.min(view.width / this.width, view.height / ((this.height * ny) / nx));
    return [fit * this.zoom, (fit * this.zoom * ny) / nx];
  }

  /** The point of the slice under a mouse event, in slice pixels. */
  locate(event) {
    const box = this.element.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    const [px, py] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    const second = this.view(1);
    const view = px >= second.x ? second : this.view(0);
    const [sx, sy] = this.scale(view);
    return [
      (px - view.x - view.width / 2) / sx + this.centre[0],
      (py - view.height / 2) / sy + this.centre[1],
    ];
  }

  /** Zoom; the point `at` of the slice stays where it is on the screen. */
  zoomBy(factor, at = this.centre) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const share = 1 - this.zoom / zoom;
    this.centre = this.centre.map((value, axis) => value + (at[axis] - value) * share);
    this.zoom = zoom;
    if (zoom === 1) this.centre = [this.width / 2, this.height / 2];
    this.draw();
  }

  /** Move the slice so that what was at `from` comes to where `to` is now. */
  drag(from, to) {
    this.centre = this.centre.map((value, axis) => value + from[axis] - to[axis]);
    this.draw();
  }

  close() {
    this.resize.disconnect();
  }
}
