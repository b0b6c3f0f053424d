// The view as a file: PNG at one to four times its size, or SVG with vectors over a picture.

import { save } from "../shared/saving.js";

/** What a scene that is held shows, and what is over it, as a canvas of the same size.
 *  `paper` is the background, null for none. */
export async function drawn(scene, svg, paper) {
  scene.render();
  const { width, height } = scene.canvas;
  const result = Object.assign(document.createElement("canvas"), { width, height });
  const pen = result.getContext("2d");
  if (paper) {
    pen.fillStyle = paper;
    pen.fillRect(0, 0, width, height);
  }
  pen.drawImage(scene.canvas, 0, 0);
  if (svg) pen.drawImage(await pictureOf(svg), 0, 0, width, height);
  return result;
}

async function still(scene, svg, ratio, paper) {
  scene.hold(ratio);
  try {
    return await drawn(scene, svg, paper);
  } finally {
    scene.release();
  }
}

async function pictureOf(svg) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  return picture;
}

export async function savePng(scene, svg, ratio, paper, name) {
  const canvas = await still(scene, svg, ratio, paper);
  save(await new Promise((resolve) => canvas.toBlob(resolve, "image/png")), `${name}.png`);
}

/** The scene as a picture of four times the pixels, with axes and labels as vectors over it. */
export async function saveSvg(scene, svg, ratio, paper, name) {
  const [width, height] = scene.size;
  const canvas = await still(scene, null, ratio, paper);
  const picture = `<image width="${width}" height="${height}" href="${canvas.toDataURL("image/png")}"/>`;
  const whole = svg.replace(/^<svg[^>]*>/, (opening) => opening + picture);
  save(new Blob([whole], { type: "image/svg+xml" }), `${name}.svg`);
}
