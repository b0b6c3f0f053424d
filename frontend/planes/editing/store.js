// Keeps planes of an annotation, and brings what has changed into those that are shown.

import { PLANES } from "../geometry.js";
import { PlaneStore } from "../store.js";
import { NotConnected } from "./client.js";
import { patched, touched } from "./places.js";

/**
 * @typedef {import("../store.js").Held} Held
 * @typedef {import("../geometry.js").Plane} Plane
 */

export class LabelStore extends PlaneStore {
  get planes() {
    return `${this.address}/planes`;
  }

  async learn() {
    await super.learn();
    this.told.state = "ready"; // no pyramid is waited for
    return this.told;
  }

  /** Take in a change: what it has touched is fetched anew, in part where it is shown.
   *  @param {import("./places.js").Box | null} box null leaves all as they are
   *  @param {number} version
   *  @param {string[]} shown keys of the planes on the screen */
  async accept(box, version, shown) {
    this.told.version = version;
    if (!box) return;
    for (const [key, { abort }] of this.pending) {
      if (!this.partOf(key, box)) continue;
      abort.abort();
      this.pending.delete(key);
    }
    const parts = [...this.held.held.keys()].map((key) => ({ key, part: this.partOf(key, box) }));
    const fetched = parts.map(async ({ key, part }) => {
      if (!part) return;
      const held = this.held.get(key);
      this.held.delete(key);
      if (!held || !shown.includes(key)) return;
      const codes = await this.fetchPart(key, part);
      this.held.set(key, patched(held, part, codes), held.codes.byteLength);
    });
    await Promise.all(fetched);
    this.onCount();
  }

  /** @param {string} key
   *  @param {import("./places.js").Box} box */
  partOf(key, box) {
    const [, axis, index, level] = /^(\w)\/(\d+)\?level=(\d+)$/.exec(key) ?? [];
    return touched(box, PLANES[/** @type {"z"} */ (axis)], +index, this.told.levels[+level]);
  }

  /** @param {string} key
   *  @param {{rows: [number, number], columns: [number, number]}} part
   *  @returns {Promise<Uint16Array>} */
  async fetchPart(key, { rows, columns }) {
    const part = `&rows=${rows.join(":")}&columns=${columns.join(":")}&v=${this.told.version}`;
    const response = await fetch(`${this.planes}/${key}${part}`, { signal: this.closing.signal }).catch(() => null);
    if (!response?.ok) throw new NotConnected();
    return new Uint16Array(await response.arrayBuffer());
  }
}
