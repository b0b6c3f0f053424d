// What the planes begin with; knows nothing of the page.

import { clamped } from "./geometry.js";

/** The state to begin with: what was kept of the tomogram where it still holds, else the middle.
 *  @param {any} stored what was kept, or null
 *  @param {{shape: number[], range: number[], version: string}} told
 *  @param {{threshold: number, low: number | null}} thresholds the server's, whatever was kept
 *  @returns {any} */
export function beginning(stored, { shape, range, version }, { threshold, low }) {
  const kept = stored?.version === version ? stored : {};
  const state = {
    at: shape.map((n) => Math.floor(n / 2)), black: range[0], white: range[1], invert: false, crosshair: true,
    overlay: true, opacity: 60, style: "fill", layout: "three", panel: true, ...kept, threshold, low, version,
  };
  state.at = clamped(state.at, shape);
  return state;
}

/** The thresholds after one of them was set: the second is none where it is not below the first.
 *  @param {{threshold: number, low: number | null}} state */
export const ordered = ({ threshold, low }) => ({ threshold, low: low !== null && low < threshold ? low : null });
