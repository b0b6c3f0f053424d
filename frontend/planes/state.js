// What the planes begin with; knows nothing of the page.

import { clamped } from "./geometry.js";

/** The state to begin with: what was kept of the tomogram where it still holds, else the middle.
 *  @param {any} stored what was kept, or null
 *  @param {{shape: number[], range: number[], version: string}} told
 *  @param {number} threshold the server's, whatever was kept
 *  @returns {any} */
export function beginning(stored, { shape, range, version }, threshold) {
  const kept = stored?.version === version ? stored : {};
  const state = {
    at: shape.map((n) => Math.floor(n / 2)), black: range[0], white: range[1], invert: false, crosshair: true,
    overlay: true, opacity: 60, style: "fill", layout: "three", panel: true, ...kept, threshold, version,
  };
  state.at = clamped(state.at, shape);
  return state;
}

/** The voxel that an address asks for as ``at=z,y,x``, and the address without it; null where it
 *  asks for none of this tomogram.
 *  @param {string} href @param {string} id of the tomogram @param {number[]} shape
 *  @returns {{at: number[], rest: string} | null} */
export function placeAsked(href, id, shape) {
  const address = new URL(href);
  const at = (address.searchParams.get("at") ?? "").split(",").map((text) => (text.trim() === "" ? NaN : Number(text)));
  if (at.length !== 3 || !at.every(Number.isFinite) || address.searchParams.get("t") !== id) return null;
  address.searchParams.delete("at"); // who steps on and loads again stays where they went
  return { at: clamped(at.map(Math.round), shape), rest: address.href };
}
