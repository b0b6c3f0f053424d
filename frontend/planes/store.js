// Fetches planes, keeps the recent ones, and reads ahead.

import { indexAt } from "./geometry.js";
import { Lru } from "./lru.js";

const KEEP_BYTES = 320 * 1024 * 1024;
const TYPES = { uint8: Uint8Array, uint16: Uint16Array };

/** @typedef {{codes: Uint8Array | Uint16Array, rows: number, columns: number, dtype: string, level: number}} Held */

/** The planes are not prepared yet. */
export class NotYet extends Error {}

export class PlaneStore {
  /** @param {string} address of what tells about the planes, which lie beside it
   *  @param {() => void} onCount called when another number of planes is on its way */
  constructor(address, onCount = () => {}) {
    this.address = address;
    this.onCount = onCount;
    /** @type {any} what the server told of the planes */
    this.told = null;
    this.closing = new AbortController();
    /** @type {Lru<Held>} */
    this.held = new Lru(KEEP_BYTES);
    /** @type {Map<string, {promise: Promise<Held>, abort: AbortController, axis: string}>} */
    this.pending = new Map(); // key -> {promise, abort}
  }

  /** Learn what there is, and how far it is prepared. */
  async learn() {
    const response = await fetch(this.address, { signal: this.closing.signal });
    if (!response.ok) throw new Error((await response.text()) || "The planes could not be read.");
    this.told = await response.json();
    return this.told;
  }

  /** @param {import("./geometry.js").Plane} plane
   *  @param {number} level
   *  @param {number} index
   *  @returns {string} the name of the plane of a level that holds voxel `index` */
  key(plane, level, index) {
    return `${plane.axis}/${indexAt(index, this.told.levels[level], plane)}?level=${level}`;
  }

  /** A plane if it is here.
   *  @param {import("./geometry.js").Plane} plane
   *  @param {number} level
   *  @param {number} index */
  peek(plane, level, index) {
    return this.held.get(this.key(plane, level, index));
  }

  /** @param {import("./geometry.js").Plane} plane
   *  @param {number} level
   *  @param {number} index
   *  @returns {Promise<Held>} */
  get(plane, level, index) {
    const key = this.key(plane, level, index);
    const held = this.held.get(key);
    if (held) return Promise.resolve(held);
    const { state, progress, problem } = this.told;
    if (state !== "ready" && plane.axis !== "z") {
      return Promise.reject(new NotYet(problem || `Preparing: ${Math.round(progress * 100)} %`));
    }
    if (!this.pending.has(key)) {
      const abort = new AbortController();
      const entry = { abort, axis: plane.axis, promise: this.load(key, level, abort.signal) };
      this.pending.set(key, entry);
      this.onCount();
      const done = () => {
        if (this.pending.get(key) === entry) this.pending.delete(key);
        this.onCount();
      };
      entry.promise.then(done, done);
    }
    return /** @type {{promise: Promise<Held>}} */ (this.pending.get(key)).promise;
  }

  /** Where the planes lie. */
  get planes() {
    return this.address.replace(/display$/, "planes");
  }

  /** @param {string} key
   *  @param {number} level
   *  @param {AbortSignal} signal
   *  @returns {Promise<Held>} */
  async load(key, level, signal) {
    const response = await fetch(`${this.planes}/${key}&v=${this.told.version}`, { signal });
    if (response.status === 503) throw new NotYet(await response.text());
    if (!response.ok) throw new Error((await response.text()) || "A plane could not be read.");
    const [rows, columns] = `${response.headers.get("X-Shape")}`.split(",").map(Number);
    const dtype = response.headers.get("X-Dtype") === "uint16" ? "uint16" : "uint8";
    const bytes = await response.arrayBuffer();
    const codes = new TYPES[dtype](bytes);
    if (codes.length !== rows * columns) throw new Error("A plane arrived incomplete.");
    const plane = { codes, rows, columns, dtype, level };
    this.held.set(key, plane, bytes.byteLength);
    return plane;
  }

  /** Give up what is asked for across the axis of a plane and is not among these.
   *  @param {import("./geometry.js").Plane} plane
   *  @param {number} level
   *  @param {number[]} indices */
  giveUp(plane, level, indices) {
    const keys = new Set(this.known(plane, indices).map((index) => this.key(plane, level, index)));
    for (const [key, { abort, axis }] of this.pending) {
      if (axis !== plane.axis || keys.has(key)) continue;
      abort.abort();
      // At once, so that who asks again gets a new answer.
      this.pending.delete(key);
      this.onCount();
    }
  }

  /** @param {import("./geometry.js").Plane} plane
   *  @param {number} level
   *  @param {number[]} indices the nearest first */
  readAhead(plane, level, indices) {
    for (const index of this.known(plane, indices)) this.get(plane, level, index).catch(() => {});
  }

  /** @param {import("./geometry.js").Plane} plane
   *  @param {number[]} indices */
  known(plane, indices) {
    return indices.filter((index) => index >= 0 && index < this.told.shape[plane.across]);
  }

  /** Forget all planes: what they show has changed.
   *  @param {number | string} version */
  renew(version) {
    this.told.version = version;
    for (const { abort } of this.pending.values()) abort.abort();
    this.pending.clear();
    this.held.clear();
    this.onCount();
  }

  close() {
    this.closing.abort();
    for (const { abort } of this.pending.values()) abort.abort();
    this.held.clear();
  }
}
