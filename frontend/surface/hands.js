// What hands do to the 3D view: clicks, keys, and the mouse over objects.

import { fillList, nameOf, showObject } from "./list.js";
import { setThreshold } from "./live.js";
import { nextChoice } from "./state.js";

const CLICK_PX = 5;
/** @type {Record<string, string>} */
const KEYS = { r: "reset", f: "frame", h: "hide", i: "isolate", a: "all", Escape: "escape" };

/** Listen until the view is closed.
 *  @param {any} view */
export function listen(view) {
  const options = { signal: view.listening.signal };
  view.root.addEventListener("click", (event) => {
    const { panel, act, set, value, object } = event.target.closest("button")?.dataset ?? {};
    if (panel) view.openPanel(panel);
    else if (object) view.choose(nextChoice(view.chosen, +object, adds(event)));
    else if (act) view.act(act);
    else if (set) view.set({ [set]: value });
  }, options);
  view.root.addEventListener("input", ({ target }) => {
    const { set: name, shows } = target.dataset;
    if (target.matches(".search")) return view.scene && fillList(view);
    if (shows) return showObject(view, +shows, target.checked);
    if (target.matches(".live")) return setThreshold(view, +target.value);
    const value = target.type === "checkbox" ? target.checked : ["range", "number"].includes(target.type) ? +target.value : target.value;
    view.set(name === "at" ? { at: { ...view.state.at, [view.state.cut]: value } } : { [name]: value });
  }, options);
  view.stage.addEventListener("keydown", (event) => {
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || event.target !== view.stage) return;
    event.preventDefault();
    event.stopPropagation(); // the page has shortcuts of its own
    view.act(act);
  }, options);
  view.stage.addEventListener("pointerdown", (event) => {
    view.pressed = event.target === view.find("canvas") && event.button === 0 ? [event.clientX, event.clientY] : null;
    view.find(".tip").hidden = true;
  }, options);
  view.stage.addEventListener("pointerup", (event) => {
    const [x, y] = view.pressed ?? [Infinity, Infinity];
    view.pressed = null;
    if (view.scene && Math.hypot(event.clientX - x, event.clientY - y) < CLICK_PX) clicked(view, event);
  }, options);
  view.stage.addEventListener("dblclick", ({ target }) => {
    if (target === view.find("canvas") && view.chosen.length) view.act("frame");
  }, options);
  view.stage.addEventListener("pointermove", (event) => {
    if (view.hovering || !view.scene) return;
    view.hovering = requestAnimationFrame(() => {
      view.hovering = null;
      if (view.scene) hovered(view, event);
    });
  }, options);
  view.stage.addEventListener("pointerleave", () => (view.find(".tip").hidden = true), options);
}

function clicked(view, event) {
  const [x, y] = locate(view, event);
  const row = view.scene.pick(x, y);
  const chosen = nextChoice(view.chosen, row === null ? null : view.ids[row], adds(event));
  if (chosen !== view.chosen) view.choose(chosen);
}

function adds(event) {
  return event.shiftKey || event.ctrlKey || event.metaKey;
}

function hovered(view, event) {
  const tip = view.find(".tip");
  const [x, y] = locate(view, event);
  const row = event.buttons || event.target !== view.find("canvas") ? null : view.scene.pick(x, y, true);
  tip.hidden = row === null;
  view.stage.classList.toggle("over-object", row !== null);
  if (row === null) return;
  tip.textContent = [nameOf(view.objects, row), view.objects.class?.[row]].filter(Boolean).join(" · ");
  tip.style.translate = `${x + 14}px ${y + 14}px`;
}

function locate(view, event) {
  const box = view.stage.getBoundingClientRect();
  return [event.clientX - box.left - view.stage.clientLeft, event.clientY - box.top - view.stage.clientTop];
}
