// What buttons and keys do to the planes.

import { PLANES } from "./geometry.js";
import { nextMode } from "./sides.js";

const KEY_ZOOM = 1.4;
const THRESHOLD_STEP = 0.02;
const [LEAST_THRESHOLD, MOST_THRESHOLD] = [-1, 0.98];

const all = (/** @type {any} */ viewer) => Object.values(viewer.panes);

/** @param {any} viewer
 *  @param {number} by */
function shiftThreshold(viewer, by) {
  if (!viewer.data.score) return;
  const wanted = +(viewer.state.threshold + by).toFixed(2);
  viewer.set({ threshold: Math.min(MOST_THRESHOLD, Math.max(LEAST_THRESHOLD, wanted)) });
}

/** Give the address of the pyramid to the clipboard, and show it.
 *  @param {any} viewer */
async function copy(viewer) {
  const address = new URL(`${viewer.data.display}.ome.zarr`, document.baseURI).href;
  await navigator.clipboard?.writeText(address).catch(() => {});
  viewer.find(".copied").textContent = address;
}

/** @type {Record<string, (viewer: any) => void>} */
export const ACTS = {
  previous: (viewer) => viewer.go(viewer.active, viewer.active.index - 1),
  next: (viewer) => viewer.go(viewer.active, viewer.active.index + 1),
  "zoom-in": ({ active }) => active.zoomBy(KEY_ZOOM),
  "zoom-out": ({ active }) => active.zoomBy(1 / KEY_ZOOM),
  fit: (viewer) => {
    for (const pane of all(viewer)) pane.fit();
  },
  centre: (viewer) => {
    for (const pane of all(viewer)) pane.reveal(true);
  },
  one: (viewer) => viewer.set({ layout: "one" }),
  three: (viewer) => viewer.set({ layout: "three" }),
  invert: (viewer) => viewer.set({ invert: !viewer.state.invert }),
  overlay: (viewer) => viewer.set({ overlay: !viewer.state.overlay }),
  panel: (viewer) => viewer.set({ panel: !viewer.state.panel }),
  difference: ({ comparison }) => comparison.set({ mode: "difference" }),
  swipe: ({ comparison }) => comparison.set({ mode: "swipe" }),
  side: ({ comparison }) => comparison.set({ mode: "side" }),
  compare: ({ comparison }) => comparison.set({ mode: nextMode(comparison.chosen?.mode) }),
  ...Object.fromEntries(Object.keys(PLANES).map((axis) => [`twin-${axis}`, (viewer) => viewer.activate(viewer.panes[axis])])),
  lower: (viewer) => shiftThreshold(viewer, -THRESHOLD_STEP),
  higher: (viewer) => shiftThreshold(viewer, THRESHOLD_STEP),
  reset: (viewer) => {
    const [black, white] = viewer.images.told.range;
    viewer.set({ black, white, invert: false });
  },
  help: (viewer) => {
    const help = viewer.find(".help");
    help.hidden = !help.hidden;
    (help.hidden ? viewer.active.element : help.querySelector("button")).focus();
  },
  ruler: ({ editing }) => editing.perform({ do: "tool", tool: editing.holding.tool === "ruler" ? "select" : "ruler" }),
  "profile-copy": ({ ruler }) => ruler.copy(),
  "profile-save": ({ ruler }) => ruler.save(),
  "profile-close": ({ ruler }) => ruler.clear(),
  note: (viewer) => {
    viewer.set({ panel: true });
    viewer.notes.box.focus();
  },
  full: ({ root }) => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
  copy,
};
