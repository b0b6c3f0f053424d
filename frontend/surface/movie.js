// A turn of the view as a film. Each picture is drawn as carefully as a single one, however long
// it takes; the film runs evenly.

import { applyPalette, ArrayBufferTarget, GIFEncoder, Muxer, quantize } from "../vendor/libraries.js";
import { drawn } from "./picture.js";

const PER_SECOND = { gif: 20, mp4: 30 };
const WIDEST = { gif: 640, mp4: 1280 };
const CODECS = [["avc1.4d0028", "avc"], ["avc1.42001f", "avc"], ["vp09.00.40.08", "vp9"]];

/** Whether this browser can make MP4: only on this computer, or over HTTPS. */
export const canMakeMp4 = () => "VideoEncoder" in window;

/** Turn the view once in `seconds`; resolve to a Blob, or to null if `signal` stops it.
 *  `svg()` gives what is over the scene, `onProgress` is told the share that is done. */
export async function turntable(scene, svg, { format, seconds, paper, signal, onProgress }) {
  const [width, height] = scene.size;
  const ratio = Math.min(2, WIDEST[format] / width);
  const size = [width, height].map((edge) => 2 * Math.floor((edge * ratio) / 2));
  const count = Math.round(seconds * PER_SECOND[format]);
  const writer = format === "gif" ? gifWriter(PER_SECOND.gif) : await mp4Writer(size, PER_SECOND.mp4);
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

function gifWriter(perSecond) {
  const encoder = GIFEncoder();
  return {
    async add(canvas, [width, height]) {
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const palette = quantize(data, 256);
      encoder.writeFrame(applyPalette(data, palette), width, height, { palette, delay: 1000 / perSecond });
    },
    async finish() {
      encoder.finish();
      return new Blob([encoder.bytes()], { type: "image/gif" });
    },
  };
}

/** @param {number[]} size */
async function mp4Writer([width, height], perSecond) {
  const wish = { width, height, framerate: perSecond, bitrate: 8 * width * height };
  /** @param {string[]} codecs */
  const supported = async ([codec]) => (await VideoEncoder.isConfigSupported({ ...wish, codec })).supported;
  /** @type {string[] | undefined} */
  let chosen;
  for (const codec of CODECS) if (!chosen && (await supported(codec))) chosen = codec;
  if (!chosen) throw new Error("This browser cannot encode a film. Choose GIF.");
  const target = new ArrayBufferTarget();
  const muxer = new Muxer({ target, video: { codec: chosen[1], width, height }, fastStart: "in-memory" });
  let failure = null;
  const encoder = new VideoEncoder({
    output: (chunk, meta) => muxer.addVideoChunk(chunk, meta),
    error: (error) => (failure = error),
  });
  encoder.configure({ ...wish, codec: chosen[0] });
  return {
    async add(canvas, _, i) {
      if (failure) throw failure;
      const micros = 1e6 / perSecond;
      const frame = new VideoFrame(canvas, {
        timestamp: i * micros, duration: micros, visibleRect: { x: 0, y: 0, width, height },
      });
      encoder.encode(frame, { keyFrame: i % perSecond === 0 });
      frame.close();
    },
    async finish() {
      await encoder.flush();
      if (failure) throw failure;
      muxer.finalize();
      return new Blob([target.buffer], { type: "video/mp4" });
    },
  };
}
