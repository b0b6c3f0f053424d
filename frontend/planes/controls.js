// Brings the state of the planes into their controls.

import { formatLength } from "../shared/lengths.js";
import { shown, spanOf } from "./codes.js";
import { SHORTCUTS } from "./keys.js";

/** @param {any} viewer */
export function fillControls(viewer) {
  const { state, root, active } = viewer;
  const { shape, voxel, range } = viewer.images.told;
  const [low, high] = spanOf(range);
  for (const name of ["black", "white"]) {
    const step = (high - low) / 500;
    Object.assign(viewer.find(`[data-set="${name}"]`), { min: low, max: high, step });
  }
  for (const control of root.querySelectorAll("[data-set]")) {
    if (control.type === "checkbox") control.checked = state[control.dataset.set];
    else control.value = state[control.dataset.set] ?? state.threshold; // no second threshold: it lies at the first
  }
  /** @type {Record<string, string>} */
  const texts = {
    threshold: state.threshold.toFixed(2), low: state.low?.toFixed(2) ?? "off", opacity: `${state.opacity} %`,
    black: shown(state.black), white: shown(state.white),
  };
  for (const output of root.querySelectorAll("[data-show]")) output.value = texts[output.dataset.show];
  const pressed = {
    one: state.layout === "one", three: state.layout === "three", invert: state.invert, overlay: state.overlay,
    panel: state.panel,
  };
  for (const [name, value] of Object.entries(pressed)) {
    viewer.find(`button[data-act="${name}"]`).setAttribute("aria-pressed", `${value}`);
  }
  viewer.comparison.fill();
  viewer.figures.fill();
  const { plane, index } = active;
  const count = shape[plane.across];
  const at = voxel ? ` · ${plane.axis} = ${formatLength(index * voxel[plane.across])}` : "";
  viewer.find(".position").value = `${plane.axis === "z" ? "Slice" : plane.name} ${index + 1} of ${count}${at}`;
  const slider = viewer.find('.stepper input[type="range"]');
  Object.assign(slider, { max: count - 1, value: index });
  slider.setAttribute("aria-label", `${plane.name} plane`);
  viewer.find('[data-act="previous"]').disabled = index === 0;
  viewer.find('[data-act="next"]').disabled = index === count - 1;
  root.classList.toggle("one", state.layout === "one");
  root.classList.toggle("bare", !state.panel);
  for (const pane of Object.values(viewer.panes)) {
    pane.element.classList.toggle("active", pane === active);
    pane.element.querySelector(".index").textContent = `${pane.plane.axis} ${pane.index}`;
  }
}

/** Write the shortcuts into the help.
 *  @param {HTMLElement} help */
export function fillHelp(help) {
  help.querySelector(".viewing")?.append(...SHORTCUTS.flatMap(([keys, does]) => {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = keys;
    description.textContent = does;
    return [term, description];
  }));
}
