// Brings the state of the slice viewer into its controls.

import { formatLength } from "../shared/lengths.js";

/** @param {any} viewer */
export function fillControls(viewer) {
  const { state, data } = viewer;
  const depth = data.shape[0];
  for (const control of viewer.root.querySelectorAll("[data-set]")) {
    if (control.type === "checkbox") control.checked = state[control.dataset.set];
    else control.value = state[control.dataset.set];
  }
  const shown = {
    threshold: state.threshold.toFixed(2), opacity: `${state.opacity} %`,
    black: viewer.value(state.black), white: viewer.value(state.white),
  };
  for (const output of viewer.root.querySelectorAll("[data-show]")) output.value = shown[output.dataset.show];
  for (const button of viewer.root.querySelectorAll(".choice button")) {
    button.setAttribute("aria-pressed", button.dataset.mode === state.mode);
  }
  const height = data.voxel ? ` · z = ${formatLength(state.z * data.voxel[0])}` : "";
  viewer.find(".position").value = `Slice ${state.z + 1} of ${depth}${height}`;
  viewer.find('[data-act="previous"]').disabled = state.z === 0;
  viewer.find('[data-act="next"]').disabled = state.z === depth - 1;
}
