// Draws one plane with WebGL 2: its codes lie in textures, everything else is a number for the shader.

import { fragment, usesOf, VERTEX } from "./shaders.js";

/** @type {Record<string, [internal: "R8UI" | "R16UI", type: "UNSIGNED_BYTE" | "UNSIGNED_SHORT"]>} */
const FORMATS = { uint8: ["R8UI", "UNSIGNED_BYTE"], uint16: ["R16UI", "UNSIGNED_SHORT"] };
/** @type {Record<string, number>} */
const UNITS = { grey: 0, score: 1, label: 2, palette: 3, other: 4 };
const INTEGERS = new Set(["scored", "otherScored", "compare", "chosen", ...Object.keys(UNITS).map((name) => `${name}Texture`)]);
const PALETTE_SIDE = 256;

/** @typedef {{program: WebGLProgram, places: Map<string, WebGLUniformLocation | null>}} Program */

/** @param {WebGL2RenderingContext} gl
 *  @param {string} source of the pixels' shader
 *  @returns {Program} */
function compiled(gl, source) {
  const program = gl.createProgram();
  for (const [kind, text] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, source],
  ])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`The planes cannot be drawn here: ${gl.getProgramInfoLog(program)}`);
  }
  const places = new Map();
  for (let n = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) - 1; n >= 0; n--) {
    const { name } = /** @type {WebGLActiveInfo} */ (gl.getActiveUniform(program, n));
    places.set(name, gl.getUniformLocation(program, name));
  }
  return { program, places };
}

export class Painter {
  /** @param {HTMLCanvasElement} canvas
   *  @param {() => void} onRestored called when a lost context is back */
  constructor(canvas, onRestored) {
    this.canvas = canvas;
    const options = { alpha: false, antialias: false, depth: false };
    this.gl = /** @type {WebGL2RenderingContext} */ (canvas.getContext("webgl2", options));
    if (!this.gl) throw new Error("This browser gives no WebGL 2, which the planes are drawn with.");
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      onRestored();
    });
    this.prepare();
  }

  prepare() {
    const { gl } = this;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    /** @type {Map<string, Program>} by what they can draw, made when they are needed */
    this.programs = new Map();
    /** @type {Record<string, {texture: WebGLTexture, plane: any}>} */
    this.textures = {};
    for (const [name, unit] of Object.entries(UNITS)) {
      const texture = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      // Textures of whole numbers are complete only without any filter.
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      this.textures[name] = { texture, plane: null };
      if (name === "palette") this.takePalette(new Uint8Array(4 * PALETTE_SIDE ** 2));
      else this.take(name, { codes: new Uint8Array(1), rows: 1, columns: 1, dtype: "uint8" });
    }
  }

  /** Have what is drawn next drawn by the program for it.
   *  @param {import("./shaders.js").Uses} uses */
  use(uses) {
    const key = JSON.stringify(uses), { gl } = this;
    const known = this.programs.get(key);
    /** @type {Program} */
    this.program = known ?? compiled(gl, fragment(uses));
    gl.useProgram(this.program.program);
    if (known) return;
    this.programs.set(key, this.program);
    for (const [name, unit] of Object.entries(UNITS)) this.set(`${name}Texture`, unit);
  }

  get largestSide() {
    return this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE) || 2048;
  }

  /** Bring codes into a texture, unless they are there already.
   *  @param {string} name "grey", "score", "other" or "label"
   *  @param {{codes: Uint8Array | Uint16Array, rows: number, columns: number, dtype: string}} plane */
  take(name, plane) {
    const held = this.textures[name];
    if (held.plane === plane) return;
    const { gl } = this;
    const [format, type] = FORMATS[plane.dtype];
    gl.activeTexture(gl.TEXTURE0 + UNITS[name]);
    gl.texImage2D(
      gl.TEXTURE_2D, 0, gl[format], plane.columns, plane.rows, 0, gl.RED_INTEGER, gl[type], plane.codes,
    );
    held.plane = plane;
  }

  /** Bring the colours of all ids into their texture, unless they are there already.
   *  @param {Uint8Array} palette */
  takePalette(palette) {
    const held = this.textures.palette;
    if (held.plane === palette) return;
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + UNITS.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, PALETTE_SIDE, PALETTE_SIDE, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
    held.plane = palette;
  }

  /** @param {string} name
   *  @param {number | number[]} value */
  set(name, value) {
    const { gl } = this;
    const place = this.program?.places.get(name);
    if (!place) return; // this picture does not need it
    if (Array.isArray(value)) gl.uniform2f(place, value[0], value[1]);
    else if (INTEGERS.has(name)) gl.uniform1i(place, value);
    else gl.uniform1f(place, value);
  }

  /** @param {Record<string, number | number[]>} numbers the values of the shader's uniforms */
  draw(numbers) {
    const { gl, canvas } = this;
    this.use(usesOf(numbers));
    gl.viewport(0, 0, canvas.width, canvas.height);
    for (const [name, value] of Object.entries(numbers)) this.set(name, value);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
