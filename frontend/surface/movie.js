// A turn of the view as a film. Each picture is drawn as carefully as a single one, however long
// it takes; the film runs evenly.

import { writerOf } from "../shared/film.js";
import { drawn } from "./picture.js";

const PER_SECOND = { gif: 20, mp4: 30 };
const WIDEST = { gif: 640, mp4: 1280 };
/** Whether this browser can make MP4: only on this computer, or over HTTPS. */
export const canMakeMp4 = () => "VideoEncoder" in window;

/** Turn the view once in `seconds`; resolve to a Blob, or to null if `signal` stops it.
 *  `svg()` gives what is over the scene, `onProgress` is told the share that is done. */
export async function turntable(scene, svg, { format, seconds, paper, signal, onProgress }) {
  const [width, height] = scene.size;
  const ratio = Math.min(2, WIDEST[format] / width);
  const size = [width, height].map((edge) => 2 * Math.floor((edge * ratio) / 2));
  const count = Math.round(seconds * PER_SECOND[format]);
  const writer = await writerOf(format, size, PER_SECOND[format]);
  const begun = scene.cameras.state;
  scene.hold(ratio);
  try {
    for (let i = 0; i < count; i++) {
      if (signal.aborted) return null;
      await writer.add(await drawn(scene, svg(), paper), size, i);
      onProgress((i + 1) / count);
      scene.cameras.turn((2 * Math.PI) / count);
      await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
    }
    return await writer.finish();
  } finally {
    scene.cameras.state = begun;
    scene.release();
  }
}
