// What the 3D view remembers of a surface, from visit to visit.

import { canMakeMp4 } from "./movie.js";

/** @returns {any} the state of a surface that nobody has looked at */
export function firstState() {
  return {
    colour: "own", against: null, deviation: "signed", tolerance: null, cut: "off", at: { x: 500, y: 500, z: 500 }, flipped: false,
    slice: false, z: null, opacity: 100, together: false,
    background: "page", projection: "parallel", box: true, axes: true, scaleBar: true,
    ratio: "2", transparent: false, film: canMakeMp4() ? "mp4" : "gif", seconds: 6, hidden: [], camera: null,
  };
}

/** The state to begin with.
 *  @param {any} stored what was kept of this surface, or null
 *  @param {{slices: {shape: number[]}, levels: string[]}} data
 *
 *  Objects are hidden by their numbers, which mean nothing in another mesh: they count only where
 *  the very same one is shown again. */
export function beginning(stored, data) {
  const kept = { ...(stored ?? {}) };
  if (kept.mesh !== data.levels.at(-1)) delete kept.hidden;
  const depth = data.slices.shape[0];
  const state = { ...firstState(), z: Math.floor(depth / 2), ...kept, mesh: data.levels.at(-1) };
  state.z = Math.min(Math.max(0, state.z), depth - 1);
  return state;
}

/** The objects that are chosen after a click on one of them, or beside all (null).
 *  @param {number[]} chosen @param {number | null} id @param {boolean} more whether others stay */
export function nextChoice(chosen, id, more) {
  if (id === null) return more ? chosen : [];
  if (!more) return [id];
  return chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id];
}
