// Addresses that show a view exactly as it is: which surface, which objects, what is set, the camera.

import { firstState } from "./state.js";

const DIGITS = 6;
const TOLD_FOR_MS = 2500;
/** Addresses whose view was shown: who turns it afterwards keeps the turn. */
const followed = new Set();

/** The address of this view.
 *  @param {string} href of the page @param {Record<string, string>} query what the page shows
 *  @param {number[]} chosen @param {any} state with the camera */
export function addressOf(href, query, chosen, state) {
  const address = new URL(href);
  address.search = "";
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  if (chosen.length) address.searchParams.set("object", chosen.join(","));
  address.searchParams.set("view", packed(state));
  return address.href;
}

/** The state that an address holds, null where it holds none that can be read.
 *  @param {string} search */
export function stateIn(search) {
  try {
    const found = JSON.parse(new URLSearchParams(search).get("view") ?? "null");
    return found && typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

/** The state that the page's address asks for; null where it asks for none of this surface, or was
 *  followed already.
 *  @param {{query: Record<string, string>, levels: string[]}} data */
export function stateAsked({ query, levels }) {
  const { search } = location;
  const found = new URLSearchParams(search).get("surface") === query.surface ? stateIn(search) : null;
  if (!found || followed.has(search)) return null;
  followed.add(search);
  return { ...found, mesh: levels.at(-1) };
}

/** Copy the address of what a view shows, and say so.
 *  @param {any} view */
export async function copyLink(view) {
  const state = { ...view.state, camera: view.scene.cameras.state };
  const address = addressOf(location.href, view.data.query, view.chosen, state);
  let told = "The link to this view is copied.";
  try {
    await navigator.clipboard.writeText(address);
  } catch {
    history.replaceState(history.state, "", address); // without HTTPS there is no clipboard
    told = "The address of this page now leads to this view.";
  }
  const note = view.find(".told");
  note.textContent = told;
  setTimeout(() => {
    if (note.textContent === told) note.textContent = "";
  }, TOLD_FOR_MS);
}

/** What differs from a view that nobody has touched, as JSON of short numbers. */
function packed(state) {
  const usual = firstState();
  const changed = Object.entries(state).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(usual[name]));
  return JSON.stringify(Object.fromEntries(changed), (_, value) =>
    typeof value === "number" ? +value.toPrecision(DIGITS) : value,
  );
}
