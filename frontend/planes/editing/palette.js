// Which colour each object has on the screen. Knows nothing of the page.

/**
 * @typedef {{id: number, class_name: string, name: string, colour: string, origin: string, state: string,
 *   locked: boolean}} Row
 * @typedef {{classes: Record<string, string>, rows: Map<number, Row>}} Table
 */

export const NOT_JUDGED = "not judged";
/** What the fourth byte says of an object. */
export const [HIDDEN, HATCHED, DRAWN] = [0, 128, 255];
const IDS = 65536;

/** Red, green and blue of a colour such as "#4e79a7".
 *  @param {string} colour */
export const bytesOf = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** Four bytes for each id: colour, and whether it is drawn.
 *  @param {Map<number, Row>} rows
 *  @param {Set<number>} hidden
 *  @param {number | null} isolated if set, nothing else is drawn
 *  @returns {Uint8Array} */
export function paletteOf(rows, hidden, isolated) {
  const palette = new Uint8Array(4 * IDS);
  for (const { id, class_name, colour } of rows.values()) {
    const unseen = isolated === null ? hidden.has(id) : isolated !== id;
    palette.set([...bytesOf(colour), unseen ? HIDDEN : class_name === NOT_JUDGED ? HATCHED : DRAWN], 4 * id);
  }
  return palette;
}

/** The table with what a change says of rows and classes; null is what is no more.
 *  @param {Table} table
 *  @param {Record<string, Row | null>} rows
 *  @param {Record<string, string | null>} classes
 *  @returns {Table} */
export function changed(table, rows, classes) {
  const next = new Map(table.rows);
  for (const [id, row] of Object.entries(rows)) {
    if (row) next.set(+id, row);
    else next.delete(+id);
  }
  /** @type {Record<string, string>} */
  const colours = {};
  for (const [name, colour] of Object.entries({ ...table.classes, ...classes })) if (colour) colours[name] = colour;
  return { classes: colours, rows: next };
}

/** An id that no object has: the one after the highest, else a gap, null if there is none.
 *  @param {Map<number, Row>} rows */
export function freeId(rows) {
  const highest = Math.max(0, ...rows.keys());
  if (highest + 1 < IDS) return highest + 1;
  for (let id = 1; id < IDS; id++) if (!rows.has(id)) return id;
  return null;
}

/** The rows whose name, class or id has all words of a search, in the order of ids.
 *  @param {Map<number, Row>} rows
 *  @param {string} search
 *  @returns {Row[]} */
export function found(rows, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...rows.values()].sort((a, b) => a.id - b.id);
  return all.filter(({ id, name, class_name }) => {
    const text = `${id} ${name} ${class_name}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
