// Brings the state of the view into its controls.

import { formatLength } from "../shared/lengths.js";
import { otherOf, toldIn, toleranceOf } from "./distances.js";
import { canMakeMp4 } from "./movie.js";

export function fillPanels(view) {
  const { root, state, data, scene } = view;
  if (!scene) return;
  for (const button of root.querySelectorAll("[data-panel]")) {
    button.setAttribute("aria-expanded", button.dataset.panel === view.panel);
  }
  for (const panel of root.querySelectorAll(".panel")) panel.hidden = panel.dataset.for !== view.panel;
  for (const control of root.querySelectorAll(".needs-chosen")) control.disabled = !view.chosen.length;
  for (const control of root.querySelectorAll(".needs-hidden")) control.disabled = !state.hidden.length;
  for (const control of root.querySelectorAll(".needs-cut")) control.hidden = state.cut === "off";
  for (const control of root.querySelectorAll(".needs-slice")) control.hidden = !state.slice;
  offerQuantities(view);
  for (const control of root.querySelectorAll(".needs-distance")) control.hidden = state.colour !== "distance";
  for (const control of root.querySelectorAll(".needs-tolerance")) control.hidden = state.colour !== "distance" || state.deviation !== "beyond";
  root.querySelector('[data-panel="threshold"]').hidden = !data.live;
  root.querySelector(".live").value = view.liveAt ?? data.threshold ?? 0;
  root.querySelector('[data-act="made"]').disabled = view.liveAt === null;

  for (const control of root.querySelectorAll("input[data-set], select[data-set]")) {
    const { set } = control.dataset;
    if (set === "z") control.max = data.slices.shape[0] - 1;
    if (control.type === "checkbox") control.checked = state[set];
    else if (set === "against") control.value = otherOf(view)?.id ?? "";
    else if (set === "tolerance") control.value = toleranceOf(state.tolerance, data.slices.edges, view.unit);
    else control.value = set === "at" ? state.at[state.cut] ?? 500 : state[set];
  }
  for (const button of root.querySelectorAll("button[data-set]")) {
    button.setAttribute("aria-pressed", state[button.dataset.set] === button.dataset.value);
  }
  const mp4 = root.querySelector('[data-set="film"][data-value="mp4"]');
  mp4.disabled = !canMakeMp4();
  if (mp4.disabled) mp4.title = "Browsers make MP4 on this computer or over HTTPS alone";

  const [depth] = data.slices.shape;
  const texts = {
    at: state.cut === "off" ? "" : `${state.cut} = ${length(view, view.cutAt(state.cut))}`,
    // Of a single slice there is no place along z to be told.
    z: depth === 1 ? "Slice 1 of 1" : `Slice ${state.z + 1} of ${depth} · z = ${length(view, view.sliceAt(state.z))}`,
    opacity: `${state.opacity} %`,
    threshold: (view.liveAt ?? data.threshold ?? 0).toFixed(2),
    seconds: `${state.seconds} s`,
    unit: toldIn(view.unit)[0],
  };
  for (const place of root.querySelectorAll("[data-show]")) place.textContent = texts[place.dataset.show];
}

function length(view, value) {
  return view.unit === "µm" ? formatLength(1000 * value) : `${value.toFixed(1)} voxels`;
}

function offerQuantities({ root, data, objects }) {
  const select = root.querySelector('select[data-set="colour"]');
  if (select.options.length) return;
  if (objects.colour) select.append(new Option("Own colour", "own"));
  select.append(new Option("Object", "object"));
  for (const { column, title, help } of data.quantities) {
    select.append(Object.assign(new Option(title, column), { title: help }));
  }
  if (data.distances.length) select.append(new Option("Distance to another one", "distance"));
  root.querySelector('[data-set="against"]').append(...data.distances.map(({ id, name }) => new Option(name, id)));
}
