// The scene: meshes at two levels of detail, a slice, a box; cameras, and what is under the mouse.

import {
  BufferAttribute, BufferGeometry, DataTexture, LinearFilter, LineMaterial, LineSegments2, LineSegmentsGeometry, Mesh,
  RedFormat, Scene, WebGLRenderer, WebGLRenderTarget,
} from "../vendor/libraries.js";
import { Cameras } from "./cameras.js";
import { corners } from "./geometry.js";
import { idMaterial, litMaterial, sharedUniforms, sliceIdMaterial, sliceMaterial } from "./shading.js";

const FLUID_MS = 45; // a picture that takes longer is too slow to be turned
const SETTLED_MS = 160;
const BOX_EDGES = [
  [0, 1], [2, 3], [4, 5], [6, 7], // along x
  [0, 2], [1, 3], [4, 6], [5, 7], // along y
  [0, 4], [1, 5], [2, 6], [3, 7], // along z
];

export class SurfaceScene {
  /** @param {(level: string) => void} onDrawn called after each picture */
  constructor(canvas, looks, bounds, onDrawn) {
    this.canvas = canvas;
    this.bounds = bounds;
    this.onDrawn = onDrawn;
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, powerPreference: "high-performance" });
    this.renderer.setClearColor(0, 0);
    this.shared = sharedUniforms(looks);
    this.lit = litMaterial(this.shared);
    this.identified = idMaterial(this.shared);
    this.seen = new Scene();
    this.picked = new Scene();
    this.levels = {};
    this.deviation = 0;
    this.target = new WebGLRenderTarget(1, 1);
    this.cameras = new Cameras(canvas, bounds, () => this.moved());
    this.addBox();
  }

  /** Take a mesh as the "coarse", the "full", or the "live" level, which takes the place of both. */
  add(level, { points, triangles, normals, places }) {
    this.drop(level);
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(points, 3));
    geometry.setAttribute("normal", new BufferAttribute(normals, 3));
    geometry.setAttribute("place", new BufferAttribute(places, 1));
    geometry.setIndex(new BufferAttribute(triangles, 1));
    const [seen, picked] = [new Mesh(geometry, this.lit), new Mesh(geometry, this.identified)];
    seen.frustumCulled = picked.frustumCulled = false;
    this.seen.add(seen);
    this.picked.add(picked);
    this.levels[level] = { seen, picked, cost: null, against: null };
    this.invalidate();
  }

  /** Tell how far the points of a level lie from another surface.
   *  @param {string} level @param {string} against which one @param {Float32Array} distances */
  setDistances(level, against, distances) {
    this.levels[level].against = against;
    this.levels[level].seen.geometry.setAttribute("away", new BufferAttribute(distances, 1));
  }

  /** Colour by these distances (1 signed, 2 beyond a tolerance), or not (0).
   *  @param {number} kind @param {number} reach */
  setDeviation(kind, reach) {
    this.deviation = kind;
    this.shared.reach.value = reach;
    this.invalidate();
  }

  /** Let go of a level, if it is there. */
  drop(level) {
    const old = this.levels[level];
    if (!old) return;
    this.seen.remove(old.seen);
    this.picked.remove(old.picked);
    old.seen.geometry.dispose();
    delete this.levels[level];
    this.invalidate();
  }

  addBox() {
    const ends = corners(this.bounds);
    const lines = new LineSegmentsGeometry();
    lines.setPositions(BOX_EDGES.flatMap(([a, b]) => [...ends[a], ...ends[b]]));
    this.box = new LineSegments2(lines, new LineMaterial({ linewidth: 1, transparent: true, opacity: 0.55 }));
    this.box.frustumCulled = false;
    this.seen.add(this.box);
  }

  /** Show a slice: bytes (rows, columns), the place of its outer edges, its z,
   *  its opacity up to 1; null shows none. */
  setSlice(slice) {
    for (const old of [this.slice, this.pickedSlice]) {
      old?.parent.remove(old);
      old?.material.uniforms.picture?.value.dispose();
      old?.material.dispose();
    }
    this.slice = this.pickedSlice = null;
    if (slice) {
      const { bytes, columns, rows, edges: [x0, x1, y0, y1], z, opacity } = slice;
      const texture = new DataTexture(bytes, columns, rows, RedFormat);
      texture.minFilter = texture.magFilter = LinearFilter;
      texture.needsUpdate = true;
      const geometry = new BufferGeometry();
      const square = [x0, y0, z, x1, y0, z, x1, y1, z, x0, y1, z];
      geometry.setAttribute("position", new BufferAttribute(new Float32Array(square), 3));
      geometry.setAttribute("uv", new BufferAttribute(new Float32Array([0, 0, 1, 0, 1, 1, 0, 1]), 2));
      geometry.setIndex([0, 1, 2, 0, 2, 3]);
      this.slice = new Mesh(geometry, sliceMaterial(texture, opacity));
      this.pickedSlice = new Mesh(geometry, sliceIdMaterial());
      this.slice.frustumCulled = this.pickedSlice.frustumCulled = false;
      this.seen.add(this.slice);
      this.picked.add(this.pickedSlice);
    }
    this.invalidate();
  }

  /** Cut away what lies beyond `at` along the axis (0, 1, 2); before it, where `flipped`. */
  setCut(axis, at, flipped) {
    const normal = [0, 0, 0];
    if (axis !== null) normal[axis] = flipped ? 1 : -1;
    this.shared.cut.value.set(...normal, axis === null ? 1 : flipped ? at : -at);
    this.invalidate();
  }

  resize() {
    if (this.held) return;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.setSize(width, height, false);
    this.cameras.resize(width / height);
    this.invalidate();
  }

  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  moved() {
    clearTimeout(this.settling);
    this.moving = true;
    this.settling = setTimeout(() => {
      this.moving = false;
      this.invalidate();
    }, SETTLED_MS);
    this.invalidate();
  }

  /** Keep still at `ratio` pixels per CSS pixel while pictures are taken, until `release`. */
  hold(ratio) {
    this.held = true;
    // Not larger than the graphics card can.
    const most = this.renderer.capabilities.maxTextureSize / Math.max(...this.size);
    this.renderer.setPixelRatio(Math.min(ratio, most));
  }

  release() {
    this.held = false;
    this.resize();
  }

  invalidate() {
    if (this.held) return;
    this.asked ??= requestAnimationFrame(() => this.draw());
  }

  /** Set the colour of lines, and the one that distance fades into. */
  setPaper(ink, paper, share) {
    this.box.material.color.set(ink);
    this.shared.haze.value.set(...paper.map((value) => value / 255));
    this.shared.hazeShare.value = share;
    this.invalidate();
  }

  get best() {
    return this.levels.live ?? this.levels.full ?? this.levels.coarse;
  }

  /** Draw what a person should see now: all faces, or few while the view turns on a slow machine. */
  draw() {
    cancelAnimationFrame(this.asked);
    this.asked = null;
    if (!this.best || this.closed || this.held) return;
    const slow = this.best.cost > FLUID_MS && !this.levels.live;
    const level = this.moving && slow && this.levels.coarse ? this.levels.coarse : this.best;
    const begun = performance.now();
    this.render(level);
    if (!this.moving) {
      // Reading a pixel waits for the graphics card, so that the time is that of the picture.
      const gl = this.renderer.getContext();
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      level.cost = performance.now() - begun;
    }
    this.onDrawn(Object.keys(this.levels).find((name) => this.levels[name] === level));
  }

  /** Draw one level into the canvas at once. */
  render(level = this.best) {
    for (const one of Object.values(this.levels)) one.seen.visible = one === level;
    const [near, far] = this.cameras.prepare();
    this.shared.parallel.value = this.cameras.parallel;
    this.shared.deviation.value = level.against ? this.deviation : 0;
    this.shared.hazeFrom.value = near;
    this.shared.hazeTo.value = far;
    this.renderer.render(this.seen, this.cameras.current);
  }

  /** The row of the object at a point of the canvas in CSS pixels, or null. `quick` asks the
   *  coarse mesh. */
  pick(x, y, quick = false) {
    if (!this.best || this.levels.live) return null;
    const level = quick ? this.levels.coarse ?? this.best : this.best;
    for (const one of Object.values(this.levels)) one.picked.visible = one === level;
    const camera = this.cameras.current;
    this.cameras.prepare();
    camera.setViewOffset(...this.size, x, y, 1, 1);
    this.renderer.setRenderTarget(this.target);
    this.renderer.render(this.picked, camera);
    const pixel = new Uint8Array(4);
    this.renderer.readRenderTargetPixels(this.target, 0, 0, 1, 1, pixel);
    this.renderer.setRenderTarget(null);
    camera.clearViewOffset();
    const found = pixel[0] + (pixel[1] << 8) + (pixel[2] << 16);
    return found ? found - 1 : null;
  }

  close() {
    this.closed = true;
    clearTimeout(this.settling);
    cancelAnimationFrame(this.asked);
    this.setSlice(null);
    for (const { seen } of Object.values(this.levels)) seen.geometry.dispose();
    this.cameras.close();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}
