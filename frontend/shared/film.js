// Films, frame by frame: GIF, or MP4 where the browser can encode it.

import { applyPalette, ArrayBufferTarget, GIFEncoder, Muxer, quantize } from "../vendor/libraries.js";

const CODECS = [["avc1.4d0028", "avc"], ["avc1.42001f", "avc"], ["vp09.00.40.08", "vp9"]];

/** @typedef {{add: (canvas: HTMLCanvasElement, size: number[], n: number) => Promise<void>, finish: () => Promise<Blob>}} Writer */

/** What takes frames and gives the file.
 *  @param {"gif" | "mp4"} format
 *  @param {number[]} size even numbers of pixels
 *  @param {number} perSecond
 *  @returns {Promise<Writer>} */
export const writerOf = async (format, size, perSecond) => (format === "gif" ? gifWriter(perSecond) : mp4Writer(size, perSecond));

/** @param {number} perSecond
 *  @returns {Writer} */
function gifWriter(perSecond) {
  const encoder = GIFEncoder();
  return {
    async add(canvas, [width, height]) {
      const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).getImageData(0, 0, width, height);
      const palette = quantize(data, 256);
      encoder.writeFrame(applyPalette(data, palette), width, height, { palette, delay: 1000 / perSecond });
    },
    async finish() {
      encoder.finish();
      return new Blob([encoder.bytes()], { type: "image/gif" });
    },
  };
}

/** @param {number[]} size
 *  @param {number} perSecond
 *  @returns {Promise<Writer>} */
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
  /** @type {unknown} */
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
      encoder.encode(frame, { keyFrame: i % Math.max(1, Math.round(perSecond)) === 0 });
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
