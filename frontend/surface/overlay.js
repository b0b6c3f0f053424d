// What is drawn over the scene as vectors: ticks along the box, a scale bar, axes, a legend.

import { formatLength, roundLength } from "../shared/lengths.js";
import { mapped, shown } from "./colours.js";
import { corners } from "./geometry.js";

const AXES = [
  { name: "x", colour: "#d64545" },
  { name: "y", colour: "#2f9e5b" },
  { name: "z", colour: "#3b7dd8" },
];
const PX_PER_TICK = 46;
const FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

/** An SVG picture of width × height for what `cameras` see.
 *  `look`: {box, axes, scaleBar, unit, ink, paper, legend: {title, marks, byFactors} | null} */
export function overlay(cameras, width, height, look) {
  const parts = [];
  if (look.box) parts.push(...ticks(cameras, width, height, look));
  if (look.scaleBar) parts.push(scaleBar(cameras, height, look));
  if (look.axes) parts.push(triad(cameras, width, height, look));
  if (look.legend) parts.push(legend(width, height, look));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="${FONT}" font-size="12" fill="${look.ink}" stroke-linecap="round">${parts.join("")}</svg>`
  );
}

function text(x, y, content, look, more = "") {
  const safe = content.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return (
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" paint-order="stroke" stroke="${look.paper}" stroke-width="3" ` +
    `stroke-opacity="0.75" stroke-linejoin="round" ${more}>${safe}</text>`
  );
}

/** @param {number[]} from @param {number[]} to @param {string} colour */
function line([x1, y1], [x2, y2], colour, width = 1) {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${colour}" stroke-width="${width}"/>`;
}

/** Ticks along one outer edge of the box for each axis: the lowest one, the leftmost if upright. */
function ticks(cameras, width, height, look) {
  const { bounds } = cameras;
  const ends = corners(bounds);
  const flat = ends.map((end) => cameras.project(end, width, height));
  const centre = cameras.project([0, 1, 2].map((axis) => (bounds[2 * axis] + bounds[2 * axis + 1]) / 2), width, height);
  const parts = [];
  AXES.forEach(({ name }, axis) => {
    const edges = [0, 1, 2, 3, 4, 5, 6, 7].filter((i) => !(i & (1 << axis))).map((i) => [i, i | (1 << axis)]);
    const outer = edges.filter(([a, b]) => isOutline(flat, axis, a, b));
    if (!outer.length) return;
    const upright = Math.abs(flat[outer[0][0]][1] - flat[outer[0][1]][1]) > 1.5 * Math.abs(flat[outer[0][0]][0] - flat[outer[0][1]][0]);
    /** @param {number[]} edge */
    const rank = ([a, b]) => (upright ? -(flat[a][0] + flat[b][0]) : flat[a][1] + flat[b][1]);
    const [a, b] = outer.sort((one, other) => rank(other) - rank(one))[0];
    const along = [flat[b][0] - flat[a][0], flat[b][1] - flat[a][1]];
    const length = Math.hypot(...along);
    if (length < 30) return;
    // Across the edge, away from the box.
    /** @type {number[]} */
    let out = [-along[1] / length, along[0] / length];
    const middle = [(flat[a][0] + flat[b][0]) / 2, (flat[a][1] + flat[b][1]) / 2];
    if (out[0] * (middle[0] - centre[0]) + out[1] * (middle[1] - centre[1]) < 0) out = out.map((value) => -value);
    const [low, high] = [bounds[2 * axis], bounds[2 * axis + 1]];
    const step = coarserStep((high - low) / Math.max(1, length / PX_PER_TICK));
    const anchor = out[0] > 0.4 ? "start" : out[0] < -0.4 ? "end" : "middle";
    const label = (at, far, content, more = "") => {
      const room = anchor === "end" ? 8 * content.length : 4; // nothing is cut off at the left
      const x = Math.max(room, at[0] + far * out[0]);
      return text(x, at[1] + far * out[1] + 4, content, look, `text-anchor="${anchor}" ${more}`);
    };
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9 * step; value += step) {
      const share = (value - low) / (high - low);
      const at = [flat[a][0] + share * along[0], flat[a][1] + share * along[1]];
      parts.push(line(at, [at[0] + 5 * out[0], at[1] + 5 * out[1]], look.ink));
      parts.push(label(at, 13, `${+value.toPrecision(6)}`));
    }
    const unit = look.unit === "voxel" ? "voxels" : look.unit;
    parts.push(label(middle, anchor === "middle" ? 32 : 44, `${name} (${unit})`, 'font-weight="600"'));
  });
  return parts;
}

/** Whether an edge belongs to the outline: the other corners lie on one side of it. */
function isOutline(flat, axis, a, b) {
  const side = (i) =>
    Math.sign((flat[b][0] - flat[a][0]) * (flat[i][1] - flat[a][1]) - (flat[b][1] - flat[a][1]) * (flat[i][0] - flat[a][0]));
  const sides = [0, 1, 2].filter((other) => other !== axis).map((other) => side(a ^ (1 << other)));
  return sides[0] === sides[1];
}

function coarserStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].find((n) => n * power >= least * 0.999) * power;
}

/** A bar of about a sixth of the height; in perspective it holds at the depth of the centre. */
function scaleBar(cameras, height, look) {
  const perPixel = (2 * cameras.half) / height;
  const nm = look.unit === "µm";
  const length = roundLength(120 * perPixel * (nm ? 1000 : 1));
  const width = length / (nm ? 1000 : 1) / perPixel;
  const name = nm ? formatLength(length) : `${length} voxel${length === 1 ? "" : "s"}`;
  const place = cameras.parallel ? "" : " at the centre";
  return (
    `<rect x="16" y="${height - 20}" width="${width.toFixed(1)}" height="4" fill="${look.ink}"/>` +
    text(16, height - 27, name + place, look, 'font-weight="600" font-size="13"')
  );
}

function triad(cameras, width, height, look) {
  const [x, y, size] = [width - 46, height - 46, 26];
  const turned = cameras.current.matrixWorldInverse.elements;
  const arrows = AXES.map(({ name, colour }, axis) => ({
    name, colour, depth: turned[4 * axis + 2], to: [turned[4 * axis], -turned[4 * axis + 1]],
  }));
  return arrows
    .sort((a, b) => a.depth - b.depth)
    .map(({ name, colour, to }) => {
      const tip = [x + size * to[0], y + size * to[1]];
      const label = [x + (size + 10) * to[0], y + (size + 10) * to[1] + 4];
      return line([x, y], tip, colour, 2.5) + text(label[0], label[1], name, look, 'text-anchor="middle" font-weight="600"');
    })
    .join("");
}

function legend(width, height, look) {
  const { title, marks, byFactors, colour = mapped, swatches } = look.legend;
  const [x, top, tall, wide] = [width - 30, 62, Math.min(150, height / 3), 12];
  const parts = [text(x + wide, top - 12, title + (byFactors ? ", log" : ""), look, 'text-anchor="end" font-weight="600"')];
  if (swatches) {
    for (const [n, [sign, meaning]] of swatches.entries()) {
      const y = top + 20 * n;
      parts.push(`<rect x="${x}" y="${y}" width="${wide}" height="${wide}" rx="2" fill="rgb(${sign})"/>`);
      parts.push(text(x - 6, y + 10, meaning, look, 'text-anchor="end"'));
    }
    return parts.join("");
  }
  const stops = Array.from({ length: 17 }, (_, i) => `<stop offset="${i / 16}" stop-color="rgb(${colour(1 - i / 16)})"/>`);
  parts.push(
    `<linearGradient id="map" x1="0" y1="0" x2="0" y2="1">${stops.join("")}</linearGradient>`,
    `<rect x="${x}" y="${top}" width="${wide}" height="${tall}" rx="2" fill="url(#map)"/>`,
  );
  for (const [share, value] of marks) {
    parts.push(text(x - 6, top + (1 - share) * tall + 4, shown(+value.toPrecision(3)), look, 'text-anchor="end"'));
  }
  return parts.join("");
}
