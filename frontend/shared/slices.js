// Fetches the bytes of slices, keeps the recent ones, and reads ahead.

const KEEP_BYTES = 192 * 1024 * 1024;

export class SliceCache {
  /** @param {(z: number) => string | null} address the URL of slice z, null where there is none
   *  @param {number} pixels the number of bytes in a slice */
  constructor(address, pixels) {
    this.address = address;
    this.pixels = pixels;
    this.keep = Math.max(8, Math.floor(KEEP_BYTES / pixels));
    /** @type {Map<number, Uint8Array>} */
    this.held = new Map(); // z -> Uint8Array, the least recently used first
    /** @type {Map<number, {promise: Promise<Uint8Array>, abort: AbortController}>} */
    this.pending = new Map(); // z -> {promise, abort}
  }

  /** The bytes of slice z if they are here, null where there is no slice, undefined if not yet.
   *  @param {number} z */
  peek(z) {
    if (this.address(z) === null) return null;
    const bytes = this.held.get(z);
    if (bytes) {
      this.held.delete(z);
      this.held.set(z, bytes);
    }
    return bytes;
  }

  /** Resolve to the bytes of slice z, or null where there is none.
   *  @param {number} z
   *  @returns {Promise<Uint8Array | null>} */
  async get(z) {
    const bytes = this.peek(z);
    if (bytes !== undefined) return bytes;
    if (!this.pending.has(z)) {
      const abort = new AbortController();
      const promise = this.load(z, abort.signal).finally(() => this.pending.delete(z));
      this.pending.set(z, { promise, abort });
    }
    return /** @type {{promise: Promise<Uint8Array>}} */ (this.pending.get(z)).promise;
  }

  /** @param {number} z
   *  @param {AbortSignal} signal */
  async load(z, signal) {
    const response = await fetch(`${this.address(z)}`, { signal });
    if (!response.ok) throw new Error((await response.text()) || `Slice ${z + 1} could not be read.`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length !== this.pixels) throw new Error(`Slice ${z + 1} arrived incomplete.`);
    this.held.set(z, bytes);
    for (const oldest of this.held.keys()) {
      if (this.held.size <= this.keep) break;
      this.held.delete(oldest);
    }
    return bytes;
  }

  /** Read ahead around z; requests for slices that are no longer near are given up.
   *  @param {number} z
   *  @param {number} step
   *  @param {number} count */
  readAhead(z, step, count) {
    const wanted = [];
    for (let i = 1; i <= count; i++) wanted.push(z + i * step);
    wanted.push(z - step);
    for (const [other, { abort }] of this.pending) {
      if (other !== z && !wanted.includes(other)) abort.abort();
    }
    for (const other of wanted) {
      if (other >= 0 && this.peek(other) === undefined) this.get(other).catch(() => {});
    }
  }

  close() {
    for (const { abort } of this.pending.values()) abort.abort();
  }
}
