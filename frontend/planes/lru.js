// Keeps what was used last, up to a number of bytes.

/** @template T */
export class Lru {
  /** @param {number} most bytes */
  constructor(most) {
    this.most = most;
    this.bytes = 0;
    /** @type {Map<string, {value: T, bytes: number}>} the least recently used first */
    this.held = new Map();
  }

  /** @param {string} key
   *  @returns {T | undefined} */
  get(key) {
    const entry = this.held.get(key);
    if (!entry) return undefined;
    this.held.delete(key);
    this.held.set(key, entry);
    return entry.value;
  }

  /** @param {string} key */
  has(key) {
    return this.held.has(key);
  }

  /** Keep a value; one that is larger than all is kept until the next comes.
   *  @param {string} key
   *  @param {T} value
   *  @param {number} bytes */
  set(key, value, bytes) {
    this.delete(key);
    this.held.set(key, { value, bytes });
    this.bytes += bytes;
    for (const oldest of this.held.keys()) {
      if (this.bytes <= this.most || oldest === key) break;
      this.delete(oldest);
    }
  }

  /** @param {string} key */
  delete(key) {
    this.bytes -= this.held.get(key)?.bytes ?? 0;
    this.held.delete(key);
  }

  clear() {
    this.held.clear();
    this.bytes = 0;
  }
}
