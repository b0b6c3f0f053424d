// Turns the bytes of a slice into pixels; knows nothing of the page.

import { formatLength, roundLength } from "../shared/lengths.js";

const OVERLAY = [255, 122, 26];

/** The lowest score code above a threshold in [-1, 1): as Score.threshold_code does it. */
export const thresholdCode = (threshold) => Math.floor((threshold + 1) * 127.5) + 1;

/** The score in [-1, 1] that a code stands for. */
export const decodeScore = (code) => (code * 2) / 255 - 1;

/** A table from grey code to display grey, black and white being codes. */
export function greyTable(black, white, invert) {
  const table = new Uint8ClampedArray(256);
  for (let code = 0; code < 256; code++) {
    const level = ((code - black) / Math.max(1, white - black)) * 255;
    table[code] = invert ? 255 - Math.min(255, Math.max(0, level)) : level;
  }
  return table;
}

/** Paint a slice as plain grey into RGBA pixels. */
export function paintGrey(pixels, grey, table) {
  const words = new Uint32Array(pixels.buffer);
  const colours = Uint32Array.from(table, (g) => 0xff000000 | (g << 16) | (g << 8) | g);
  for (let i = 0; i < grey.length; i++) words[i] = colours[grey[i]];
}

/** Mix the result over grey pixels that are already painted. */
export function paintResult(pixels, codes, width, { threshold, opacity, style }) {
  const lowest = thresholdCode(threshold);
  const share = opacity / 100;
  const mix = (i, colour, a) => {
    for (let c = 0; c < 3; c++) pixels[4 * i + c] += (colour[c] - pixels[4 * i + c]) * a;
  };
  if (style === "score") {
    const colours = Array.from({ length: 256 }, (_, code) => scoreColour(decodeScore(code)));
    for (let i = 0; i < codes.length; i++) mix(i, colours[codes[i]], share);
    return;
  }
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] >= lowest && (style === "fill" || onEdge(codes, i, width, lowest))) mix(i, OVERLAY, share);
  }
}

function onEdge(codes, i, width, lowest) {
  const x = i % width;
  return (
    x === 0 || x === width - 1 || i < width || i >= codes.length - width ||
    codes[i - 1] < lowest || codes[i + 1] < lowest || codes[i - width] < lowest || codes[i + width] < lowest
  );
}

/** Blue for "certainly not", white for undecided, red for "certainly": readable by all eyes. */
function scoreColour(score) {
  const [end, s] = score < 0 ? [[33, 102, 172], -score] : [[178, 24, 43], score];
  return end.map((c) => 247 + (c - 247) * s);
}

/** Draw a scale bar into the lower left corner of a view. */
export function drawScaleBar(context, view, pixelsOnScreen, pixelSizeNm, ratio) {
  const unit = pixelSizeNm ?? 1;
  const length = roundLength(((view.width * 0.28) / pixelsOnScreen) * unit);
  const width = (length / unit) * pixelsOnScreen;
  const [x, y] = [view.x + 14 * ratio, view.height - 16 * ratio];
  context.save();
  context.shadowColor = "rgb(0 0 0 / 90%)";
  context.shadowBlur = 3 * ratio;
  context.fillStyle = "#fff";
  context.fillRect(x, y, width, 4 * ratio);
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  context.fillText(pixelSizeNm ? formatLength(length) : `${length} px`, x, y - 6 * ratio);
  context.restore();
}
