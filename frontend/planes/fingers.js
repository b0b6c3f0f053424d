// Fingers on a screen: two of them move and stretch what they hold. Knows nothing of the page.

export class Fingers {
  constructor() {
    /** @type {Map<number, number[]>} */
    this.places = new Map();
  }

  /** Take in a finger that comes down; returns how many there are.
   *  @param {{pointerId: number, pointerType: string}} event
   *  @param {number[]} place */
  down({ pointerId, pointerType }, place) {
    if (pointerType === "touch") this.places.set(pointerId, place);
    return this.places.size;
  }

  /** @param {{pointerId: number}} event */
  up({ pointerId }) {
    this.places.delete(pointerId);
  }

  /** What two fingers do as one of them moves; null if there are not two.
   *  @param {{pointerId: number}} event
   *  @param {number[]} place
   *  @returns {{shift: number[], stretch: number, middle: number[]} | null} */
  move({ pointerId }, place) {
    if (!this.places.has(pointerId)) return null;
    const before = [...this.places.values()];
    this.places.set(pointerId, place);
    const after = [...this.places.values()];
    if (after.length !== 2) return null;
    const [middle, then] = [after, before].map(([a, b]) => a.map((n, i) => (n + b[i]) / 2));
    const [wide, narrow] = [after, before].map(([a, b]) => Math.hypot(...a.map((n, i) => n - b[i])));
    return { shift: middle.map((n, i) => n - then[i]), stretch: narrow ? wide / narrow : 1, middle };
  }
}
