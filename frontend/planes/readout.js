// Says where the pointer, or else the crosshair, is: in voxels, in µm, and which values are there.

import { decodeScore, shown, meaningOf } from "./codes.js";
import { scoredIndex, within } from "./geometry.js";

const REST_MS = 140;

/** A place as text: voxels, and µm where the voxel size is known.
 *  @param {number[]} at (z, y, x)
 *  @param {number[] | null} voxel nm */
export function placeText([z, y, x], voxel) {
  const pixels = `x ${x}, y ${y}, z ${z}`;
  if (!voxel) return pixels;
  const um = [x * voxel[2], y * voxel[1], z * voxel[0]].map((nm) => (nm / 1000).toFixed(3));
  return `${pixels} · ${um.join(", ")} µm`;
}

/** @typedef {import("./pane.js").Pane} Pane */

export class Readout {
  /** @param {HTMLOutputElement} output
   *  @param {any} viewer */
  constructor(output, viewer) {
    /** @type {Pane | null} what is told comes from it */
    this.pane = null;
    /** @type {{pane: Pane, place: number[]} | null} */
    this.last = null;
    this.output = output;
    this.viewer = viewer;
  }

  /** @param {Pane} pane
   *  @param {number[]} place */
  over(pane, place) {
    this.last = { pane, place };
    const at = [...this.viewer.state.at];
    [at[pane.plane.u], at[pane.plane.v]] = place.map(Math.floor);
    const inside = at.every((n, i) => n >= 0 && n < pane.told.shape[i]);
    this.hovering = inside;
    this.tell(inside ? at : this.viewer.state.at, inside ? pane : this.viewer.active);
  }

  leave() {
    this.hovering = false;
    this.crosshair();
  }

  /** Tell again, as what is there has changed. */
  refresh() {
    if (this.hovering && this.last) this.over(this.last.pane, this.last.place);
    else this.crosshair();
  }

  /** What is at the crosshair. */
  crosshair() {
    if (this.viewer.state) this.tell(this.viewer.state.at, this.viewer.active);
  }

  /** @param {number[]} at
   *  @param {Pane} pane */
  tell(at, pane) {
    clearTimeout(this.resting);
    this.pane = pane;
    const { coding, voxel } = pane.told;
    const place = placeText(at, voxel);
    const { codes, level } = pane.shown === at[pane.plane.across] ? codesAt(pane, at) : { codes: null, level: 0 };
    const score = this.scoreText(pane, at) + this.viewer.editing.textAt(pane, at);
    const write = (/** @type {string} */ value) => {
      this.output.value = `${place} · value ${value}${score}`;
    };
    if (codes === null) return write("…");
    const value = meaningOf(codes, coding);
    const exact = coding.exact && level === 0;
    write(value === null ? "none" : exact ? shown(value) : `≈ ${shown(value)}`);
    if (!exact) this.resting = setTimeout(() => this.ask(at).then((text) => text !== null && write(text)), REST_MS);
  }

  /** The value in the file itself, null if another place was asked for meanwhile.
   *  @param {number[]} at */
  async ask([z, y, x]) {
    const ticket = {};
    this.asked = ticket;
    const address = this.viewer.images.address.replace(/display$/, "value");
    const response = await fetch(`${address}?z=${z}&y=${y}&x=${x}`).catch(() => null);
    if (!response?.ok || ticket !== this.asked) return null;
    const { value } = await response.json();
    return value === null ? "none" : shown(value);
  }

  /** @param {Pane} pane
   *  @param {number[]} at */
  scoreText(pane, at) {
    const told = this.viewer.scores?.told;
    if (!told || this.viewer.first !== this.viewer.scores) return "";
    const inside = Object.values(this.viewer.panes).every(
      ({ plane }) => scoredIndex(told.place, told.shape, plane, at[plane.across]) !== null,
    );
    if (!inside) return " · not scored";
    if (!pane.codes || pane.shown !== at[pane.plane.across]) return "";
    const { rows, columns, codes, level } = pane.codes;
    const step = told.place.bin * told.levels[level].factor;
    const first = within(pane.plane, told.place.first);
    const [u, v] = within(pane.plane, at).map((n, i) => Math.floor((n - first[i]) / step));
    return ` · score ${decodeScore(codes[Math.min(rows - 1, v) * columns + Math.min(columns - 1, u)]).toFixed(2)}`;
  }
}

/** @param {Pane} pane
 *  @param {number[]} at */
function codesAt(pane, at) {
  if (!pane.grey) return { codes: null, level: 0 };
  const { rows, columns, codes, level } = pane.grey;
  const { factor } = pane.told.levels[level];
  const [u, v] = within(pane.plane, at).map((n) => Math.floor(n / factor));
  return { codes: codes[Math.min(rows - 1, v) * columns + Math.min(columns - 1, u)], level };
}
