// The values along a line: a plot and a table of them. Knows nothing of the page.

import { shown } from "./codes.js";

/** @typedef {Record<string, (number | null)[]>} Columns of equal length, as the server tells them */

export const PLOT = { width: 248, height: 132, left: 40, right: 26, top: 8, bottom: 30 };
const SCORES = [-1, 1];

/** The name of the column of distances, and their unit for people.
 *  @param {Columns} columns */
export const distanceOf = (columns) => "distance_um" in columns ? ["distance_um", "µm"] : ["distance_px", "px"];

/** A table of the columns; a field that has no value is empty.
 *  @param {Columns} columns */
export function csvOf(columns) {
  const names = Object.keys(columns);
  const rows = columns[names[0]].map((_, n) => names.map((name) => columns[name][n] ?? "").join(","));
  return `${[names.join(","), ...rows].join("\n")}\n`;
}

/** The lowest and highest value, apart from each other; null where there is no value.
 *  @param {(number | null)[]} values
 *  @returns {number[] | null} */
export function rangeOf(values) {
  const known = /** @type {number[]} */ (values.filter((value) => value !== null));
  if (!known.length) return null;
  const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [known[0], known[0]]);
  const more = low === high ? Math.abs(low) / 100 || 1 : 0;
  return [low - more, high + more];
}

/** A line through values, as the path of an SVG; it is broken where there is no value.
 *  @param {number[]} distances
 *  @param {(number | null)[]} values
 *  @param {number[]} range of the values */
export function pathOf(distances, values, [low, high]) {
  const { width, height, left, right, top, bottom } = PLOT;
  const last = distances[distances.length - 1] || 1;
  let pen = "M";
  return values.map((value, n) => {
    if (value === null) {
      pen = "M";
      return "";
    }
    const x = left + (distances[n] / last) * (width - left - right);
    const y = height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
    const step = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
    return step;
  }).join("");
}

/** The plot as the content of an SVG.
 *  @param {Columns} columns
 *  @param {number} threshold of the score */
export function plotOf(columns, threshold) {
  const { width, height, left, right, top, bottom } = PLOT;
  const [name, unit] = distanceOf(columns);
  const distances = /** @type {number[]} */ (columns[name]);
  const foot = height - bottom;
  const text = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ anchor, /** @type {string} */ words, kind = "") =>
    `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  const parts = [`<path class="axes" d="M${left} ${top}V${foot}H${width - right}${columns.score ? `V${top}` : ""}"/>`];
  const values = rangeOf(columns.value);
  if (values) {
    parts.push(text(left - 4, foot, "end", shown(+values[0].toPrecision(3))));
    parts.push(text(left - 4, top + 8, "end", shown(+values[1].toPrecision(3))));
  }
  parts.push(text(left, foot + 12, "middle", "0"));
  parts.push(text(width - right, foot + 12, "middle", `${+(distances[distances.length - 1]).toPrecision(3)} ${unit}`));
  parts.push(text(left, height - 4, "start", "grey", "grey"));
  if (columns.score) {
    const y = foot - ((threshold - SCORES[0]) / 2) * (foot - top);
    parts.push(`<path class="threshold" d="M${left} ${y.toFixed(1)}H${width - right}"/>`);
    parts.push(`<path class="score" d="${pathOf(distances, columns.score, SCORES)}"/>`);
    parts.push(text(width - right + 4, foot, "start", "−1", "score"), text(width - right + 4, top + 8, "start", "1", "score"));
    parts.push(text(width - right, height - 4, "end", "score (dashed: threshold)", "score"));
  }
  if (values) parts.push(`<path class="grey" d="${pathOf(distances, columns.value, values)}"/>`);
  return parts.join("");
}
