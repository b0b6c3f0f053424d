// Draws a slice; knows nothing of the page.

import { formatLength, roundLength } from "../shared/lengths.js";

/** Paint a slice as plain grey into RGBA pixels.
 *  @param {Uint8ClampedArray} pixels
 *  @param {Uint8Array} grey */
export function paintGrey(pixels, grey) {
  const words = new Uint32Array(pixels.buffer);
  for (let i = 0; i < grey.length; i++) words[i] = 0xff000000 | (grey[i] * 0x010101);
}

/** Draw a scale bar into the lower left corner of a canvas.
 *  @param {CanvasRenderingContext2D} context
 *  @param {number} pixelsOnScreen for each pixel of the slice
 *  @param {number | undefined} pixelSizeNm
 *  @param {number} ratio */
export function drawScaleBar(context, pixelsOnScreen, pixelSizeNm, ratio) {
  const { canvas } = context;
  const unit = pixelSizeNm ?? 1;
  const length = roundLength(((canvas.width * 0.28) / pixelsOnScreen) * unit);
  const width = (length / unit) * pixelsOnScreen;
  const [x, y] = [14 * ratio, canvas.height - 16 * ratio];
  context.save();
  context.shadowColor = "rgb(0 0 0 / 90%)";
  context.shadowBlur = 3 * ratio;
  context.fillStyle = "#fff";
  context.fillRect(x, y, width, 4 * ratio);
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  context.fillText(pixelSizeNm ? formatLength(length) : `${length} px`, x, y - 6 * ratio);
  context.restore();
}
