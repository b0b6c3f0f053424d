// The view as a file: PNG at one to four times its size, or SVG with vectors over a picture.

/** Draw the scene and what is over it into a canvas of `width` × `height` CSS pixels × `ratio`.
 *  `paper` is the background, null for none. */
export async function drawn(scene, svg, ratio, paper) {
  const { renderer, canvas } = scene;
  const [width, height] = scene.size;
  const before = renderer.getPixelRatio();
  // Not larger than the graphics card can.
  ratio = Math.min(ratio, renderer.capabilities.maxTextureSize / Math.max(width, height));
  const result = document.createElement("canvas");
  const pen = result.getContext("2d");
  renderer.setPixelRatio(ratio);
  try {
    scene.render();
    Object.assign(result, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    if (paper) {
      pen.fillStyle = paper;
      pen.fillRect(0, 0, result.width, result.height);
    }
    pen.drawImage(canvas, 0, 0, result.width, result.height);
  } finally {
    renderer.setPixelRatio(before);
    scene.invalidate();
  }
  if (svg) pen.drawImage(await pictureOf(svg), 0, 0, result.width, result.height);
  return result;
}

async function pictureOf(svg) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  return picture;
}

export async function savePng(scene, svg, ratio, paper, name) {
  const canvas = await drawn(scene, svg, ratio, paper);
  save(await new Promise((resolve) => canvas.toBlob(resolve, "image/png")), `${name}.png`);
}

/** The scene as a picture of four times the pixels, with axes and labels as vectors over it. */
export async function saveSvg(scene, svg, ratio, paper, name) {
  const [width, height] = scene.size;
  const canvas = await drawn(scene, null, ratio, paper);
  const picture = `<image width="${width}" height="${height}" href="${canvas.toDataURL("image/png")}"/>`;
  const whole = svg.replace(/^<svg[^>]*>/, (opening) => opening + picture);
  save(new Blob([whole], { type: "image/svg+xml" }), `${name}.svg`);
}

export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
