// The list of objects: their names, classes and colours; a click chooses, the box shows or hides.

import { cssColour } from "./colours.js";

export const MOST_LISTED = 200;

/** What an object is called.
 *  @param {any} objects the columns of a surface @param {number} row */
export function nameOf(objects, row) {
  return objects.name?.[row] || `Object ${objects.object[row]}`;
}

/** The rows whose name, class or number holds a text, in their order.
 *  @param {any} objects @param {string} wanted */
export function rowsWith(objects, wanted) {
  const text = wanted.trim().toLowerCase();
  return objects.object.flatMap((id, row) => {
    const held = `${nameOf(objects, row)} ${objects.class?.[row] ?? ""} ${id}`.toLowerCase();
    return held.includes(text) ? [row] : [];
  });
}

/** Fill the list.
 *  @param {any} view */
export function fillList(view) {
  const { objects, state, chosen } = view;
  const found = rowsWith(objects, view.find(".search").value);
  const list = view.find(".list");
  const at = list.scrollTop;
  list.replaceChildren(...found.slice(0, MOST_LISTED).map((row) => line(view, row, state, chosen)));
  list.scrollTop = at;
  const more = found.length - MOST_LISTED;
  view.note("objects", found.length ? (more > 0 ? `and ${more.toLocaleString("en")} more: search for them` : "") : "No object is called so.");
}

/** Show or hide an object.
 *  @param {any} view @param {number} id @param {boolean} shown */
export function showObject(view, id, shown) {
  const others = view.state.hidden.filter((other) => other !== id);
  view.set({ hidden: shown ? others : [...others, id] });
}

function line(view, row, state, chosen) {
  const { objects } = view;
  const [id, name, group] = [objects.object[row], nameOf(objects, row), objects.class?.[row]];
  const item = document.createElement("li");
  const shown = Object.assign(document.createElement("input"), { type: "checkbox", checked: !state.hidden.includes(id) });
  shown.dataset.shows = `${id}`;
  shown.setAttribute("aria-label", `Show ${name}`);
  const button = Object.assign(document.createElement("button"), { type: "button", title: group ? `${name} · ${group}` : name });
  button.dataset.object = `${id}`;
  button.setAttribute("aria-pressed", `${chosen.includes(id)}`);
  const swatch = Object.assign(document.createElement("i"), { className: "swatch" });
  swatch.style.background = cssColour(view.colourOf(row));
  const words = Object.assign(document.createElement("span"), { textContent: name });
  button.append(swatch, words);
  if (group) button.append(Object.assign(document.createElement("small"), { textContent: group }));
  item.append(shown, button);
  return item;
}
