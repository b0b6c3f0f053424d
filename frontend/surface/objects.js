// The objects of a surface: which colour each has, which are chosen, hidden, framed.

import { describe } from "./card.js";
import { colourOfCode, columnsOf, ownColour, valueScale } from "./colours.js";
import { legendOf, otherOf, toleranceOf } from "./distances.js";
import { boundsOf } from "./geometry.js";
import { fillList } from "./list.js";
import { fillPanels } from "./panels.js";
import { CHOSEN, FADED, HIDDEN, PLAIN } from "./shading.js";

/** Fetch the measurements, once, if colours shall stand for one of them.
 *  @param {any} view */
export async function loadValues(view) {
  const { colour } = view.state;
  view.note("colour", "");
  if (["object", "own", "distance"].includes(colour) || view.objects[colour]) return;
  view.note("colour", "Measuring the objects …");
  try {
    const answer = await fetch(new URL(view.data.measurements, document.baseURI), { signal: view.loading.signal });
    if (!answer.ok) throw new Error(await answer.text());
    const columns = columnsOf(await answer.text());
    const places = view.ids.map((id) => columns.object.indexOf(id));
    for (const [name, values] of Object.entries(columns)) {
      view.objects[name] ??= places.map((at) => values[at] ?? NaN);
    }
    view.note("colour", view.objects[colour] ? "" : "This was not measured here.");
    paint(view);
  } catch (error) {
    if (error.name !== "AbortError") view.note("colour", `Not measured: ${error.message}`);
  }
}

/** Give each object its look, and fill what stands beside the scene.
 *  @param {any} view */
export function paint(view) {
  if (!view.scene) return;
  const { values } = view;
  const scale = values && valueScale(values);
  const own = view.state.colour === "own" ? view.objects.colour : null;
  view.colourOf = (row) =>
    scale ? scale.colour(values[row]) : (colourOfCode(own?.[row]) ?? ownColour(view.data.palette, view.ids[row]));
  const quantity = view.data.quantities.find(({ column }) => column === view.state.colour);
  view.legend = scale && { title: quantity.title, marks: scale.marks, byFactors: scale.byFactors };
  if (view.scene.deviation) view.legend = deviationLegend(view);
  const [hidden, chosen] = [new Set(view.state.hidden), new Set(view.chosen)];
  view.ids.forEach((id, row) => {
    view.looks.set(row, view.colourOf(row), lookOf(id, hidden, chosen));
  });
  view.looks.send();
  describe(view.find(".card"), view, quantity);
  if (view.panel === "objects") fillList(view);
  fillPanels(view);
  view.scene.invalidate();
}

/** @param {any} view */
function deviationLegend(view) {
  const { state, data, unit, range } = view;
  return legendOf(state.deviation, range, toleranceOf(state.tolerance, data.slices.edges, unit), unit, otherOf(view).name);
}

/** The bounds of the chosen objects, of those that are shown where none is chosen.
 *  @param {any} view */
export function framed(view) {
  const hidden = new Set(view.state.hidden);
  const wanted = view.chosen.length ? view.chosen : view.ids.filter((id) => !hidden.has(id));
  const bounds = wanted.map((id) => view.objects.bounds[view.rows.get(id)]).filter(Boolean);
  return bounds.length ? boundsOf(bounds) : view.bounds;
}

/** The look of an object.
 *  @param {number} id @param {Set<number>} hidden @param {Set<number>} chosen */
export function lookOf(id, hidden, chosen) {
  if (hidden.has(id)) return HIDDEN;
  if (!chosen.size) return PLAIN;
  return chosen.has(id) ? CHOSEN : FADED;
}
