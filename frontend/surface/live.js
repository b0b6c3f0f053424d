// A coarse surface that follows a threshold while it is dragged: one question at a time, and the
// newest wish next, so that a slow server is never behind by more than one step.

import { fetchMesh } from "./mesh.js";
import { fillPanels } from "./panels.js";

const REPORT_AFTER_MS = 500;

/** The address for a threshold, and a second one where that lies below.
 *  @param {string} address @param {number} threshold @param {number | null} low */
export function addressAt(address, threshold, low) {
  const first = `${address}?threshold=${threshold.toFixed(2)}`;
  return low !== null && low < threshold ? `${first}&low=${low.toFixed(2)}` : first;
}

/** Answers wishes one after the other, of those that came meanwhile the last alone.
 *  @template Wish
 *  @param {(wish: Wish) => Promise<void>} work */
export function oneAtATime(work) {
  let busy = false;
  /** @type {{wish: Wish} | null} */
  let next = null;
  return async (/** @type {Wish} */ wish) => {
    next = { wish };
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const now = next.wish;
        next = null;
        await work(now);
      }
    } finally {
      busy = false;
    }
  };
}

/** Show what lies above a threshold, coarsely, until `endLive`.
 *  @param {any} view */
export function follower(view) {
  return oneAtATime(async (/** @type {number} */ threshold) => {
    const { scene, data, loading } = view;
    if (!scene || !data.live) return;
    try {
      const mesh = await fetchMesh(addressAt(data.live, threshold, data.low), { signal: loading.signal, onProgress: undefined });
      if (view.scene !== scene || view.liveAt === null) return;
      mesh.places.fill(view.ids.length); // a row of the looks beyond all objects
      scene.add("live", mesh);
      const binned = Math.max(...mesh.head.bins);
      const how = binned > 1 ? `Coarse, ${binned} voxels as one` : "Not smoothed, specks included";
      view.note("threshold", `${how}. Reconstruct makes the true one.`);
    } catch (error) {
      if (error.name !== "AbortError") view.note("threshold", error.message);
    }
  });
}

/** Follow a threshold; once the hand rests, the page takes it over.
 *  @param {any} view @param {number} value */
export function setThreshold(view, value) {
  if (!view.scene || value === view.liveAt) return;
  view.liveAt = value;
  view.follow(value);
  fillPanels(view);
  clearTimeout(view.resting);
  view.resting = setTimeout(() => view.setStateValue("threshold", value), REPORT_AFTER_MS);
}

/** Show the surface as it was made.
 *  @param {any} view */
export function endLive(view) {
  view.liveAt = null;
  view.note("threshold", "");
  view.scene?.drop("live");
  fillPanels(view);
}
