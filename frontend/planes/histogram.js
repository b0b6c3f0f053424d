// The histogram: its bars, and the window that is dragged on it.

import { movedWindow, spanOf, takenPart } from "./codes.js";

const [WIDTH, HEIGHT] = [200, 44];

/** The outline of bars over a span that is wider than their range.
 *  @param {number[]} counts
 *  @param {number[]} range */
export function barsPath(counts, range) {
  const [low, high] = spanOf(range);
  const most = Math.sqrt(Math.max(1, ...counts));
  const place = (/** @type {number} */ value) => ((value - low) / (high - low)) * WIDTH;
  const bin = (range[1] - range[0]) / counts.length;
  const tops = counts.map((count, n) => {
    const [left, right] = [place(range[0] + n * bin), place(range[0] + (n + 1) * bin)];
    const top = HEIGHT - (Math.sqrt(count) / most) * (HEIGHT - 4);
    return `L${left.toFixed(1)} ${top.toFixed(1)}H${right.toFixed(1)}`;
  });
  return `M${place(range[0]).toFixed(1)} ${HEIGHT}${tops.join("")}V${HEIGHT}Z`;
}

export class Histogram {
  /** @param {SVGSVGElement} svg
   *  @param {any} viewer */
  constructor(svg, viewer) {
    this.svg = svg;
    this.viewer = viewer;
    const options = { signal: viewer.listening.signal };
    svg.addEventListener("pointerdown", (event) => {
      if (!this.span) return;
      svg.setPointerCapture(event.pointerId);
      const { black, white } = viewer.state;
      const part = takenPart(this.share(event), this.shareOf(black), this.shareOf(white));
      this.held = { part, from: this.share(event), before: { black, white } };
    }, options);
    svg.addEventListener("pointermove", (event) => this.moved(event), options);
    for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => (this.held = null), options);
  }

  get span() {
    const range = this.viewer.images?.told?.range;
    return range && spanOf(range);
  }

  /** @param {number} value */
  shareOf(value) {
    const [low, high] = this.span;
    return (value - low) / (high - low);
  }

  /** @param {PointerEvent} event */
  share(event) {
    const box = this.svg.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (!this.held) {
      if (this.span) {
        const { black, white } = this.viewer.state;
        const part = takenPart(this.share(event), this.shareOf(black), this.shareOf(white));
        this.svg.style.cursor = part === "both" ? "grab" : "ew-resize";
      }
      return;
    }
    const { part, from, before } = this.held;
    const [low, high] = this.span;
    this.viewer.set(movedWindow(before, part, (this.share(event) - from) * (high - low), this.span));
  }

  /** Bring counts and window onto the screen. */
  draw() {
    const { histogram, range } = this.viewer.images.told;
    const [left, right] = [this.viewer.state.black, this.viewer.state.white].map((value) => this.shareOf(value) * WIDTH);
    this.svg.querySelector(".bars")?.setAttribute("d", barsPath(histogram, range));
    const shade = /** @type {SVGElement} */ (this.svg.querySelector(".window"));
    shade.setAttribute("x", `${left}`);
    shade.setAttribute("width", `${Math.max(0, right - left)}`);
    for (const [name, x] of [["black", left], ["white", right]]) {
      const line = /** @type {SVGElement} */ (this.svg.querySelector(`.${name}`));
      line.setAttribute("x1", `${x}`);
      line.setAttribute("x2", `${x}`);
    }
  }
}
