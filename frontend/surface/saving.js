// The view as files: pictures, and films of a turn.

import { save } from "../shared/saving.js";
import { applyPaper, paperOf } from "./appearance.js";
import { turntable } from "./movie.js";
import { savePng, saveSvg } from "./picture.js";

/** @param {any} view @param {"png" | "svg"} kind */
export async function savePicture(view, kind) {
  const { state, scene, data } = view;
  const paper = state.transparent ? null : `rgb(${paperOf(view)})`;
  if (state.transparent) scene.shared.hazeShare.value = 0; // there is nothing to fade into
  try {
    await { png: savePng, svg: saveSvg }[kind](scene, view.svg(), +state.ratio, paper, data.name);
  } finally {
    applyPaper(view);
  }
}

/** @param {any} view */
export async function saveFilm(view) {
  view.filming = new AbortController();
  const [bar, stop] = [view.find('.panel[data-for="picture"] progress'), view.find('[data-act="stop"]')];
  const show = (busy) => {
    bar.hidden = stop.hidden = !busy;
    view.find('[data-act="film"]').disabled = busy;
  };
  show(true);
  try {
    const { film: format, seconds } = view.state;
    const blob = await turntable(view.scene, () => view.svg(), {
      format, seconds, paper: `rgb(${paperOf(view)})`, signal: view.filming.signal,
      onProgress: (share) => (bar.value = share),
    });
    if (blob) save(blob, `${view.data.name}.${format}`);
  } catch (error) {
    view.note("picture", error.message);
  } finally {
    show(false);
  }
}

/** Have the page keep the view for a film.
 *  @param {any} view */
export function keepView(view) {
  const { position, target, half } = view.scene.cameras.state;
  view.setTriggerValue?.("film", {
    kind: "key",
    surface: { position, target, half, is_parallel: view.scene.cameras.parallel, paper: paperOf(view), hidden: view.state.hidden },
  });
  view.note("picture", "Added. The button Film shows all.");
}
