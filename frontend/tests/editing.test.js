import assert from "node:assert/strict";
import { test } from "node:test";

import { describe } from "../planes/editing/client.js";
import { Exchange } from "../planes/editing/exchange.js";
import { actionOf } from "../planes/editing/keys.js";
import {
  brushOf, copied, drawn, filled, interpolated, limitsOf, outlineOf, thinned,
} from "../planes/editing/operations.js";
import { bytesOf, changed, DRAWN, found, freeId, HATCHED, HIDDEN, paletteOf } from "../planes/editing/palette.js";
import {
  distance, inAnnotation, patched, placeOf, pointOf, shownAt, touched, voxelOf,
} from "../planes/editing/places.js";
import { after, AT_FIRST, LARGEST_RADIUS, resized } from "../planes/editing/state.js";
import { LabelStore } from "../planes/editing/store.js";
import { Fingers } from "../planes/fingers.js";
import { PLANES } from "../planes/geometry.js";
import { NotConnected } from "../planes/editing/client.js";

const PLACING = { first: [2, 4, 8], bin: 2 };
const row = (id, more = {}) => (
  { id, class_name: "membrane", name: `Object ${id}`, colour: "#102030", origin: "drawn", state: "reviewed", locked: false, ...more }
);
const rowsOf = (...rows) => new Map(rows.map((one) => [one.id, one]));

test("the middle of a voxel is a whole number, and there and back is the same place", () => {
  assert.deepEqual(inAnnotation([0.5, 7.5], [0, 0], 1), [0, 7]);
  for (const plane of Object.values(PLANES)) {
    const place = [21, 30];
    const point = pointOf(plane, place, 5, PLACING);
    assert.equal(point[plane.across], 5);
    assert.deepEqual(placeOf(plane, point, PLACING), place);
  }
});

test("voxels of a binned annotation are found in the tomogram and back", () => {
  assert.deepEqual(voxelOf([2, 7, 11], PLACING), [0, 1, 1]);
  for (const voxel of [[0, 0, 0], [3, 5, 9]]) assert.deepEqual(voxelOf(shownAt(voxel, PLACING), PLACING), voxel);
});

test("a box touches the planes that it reaches, in pixels of their level", () => {
  const box = [10, 20, 30, 13, 25, 39];
  const fine = { shape: [40, 60, 80], factor: 1 };
  assert.deepEqual(touched(box, PLANES.z, 12, fine), { rows: [20, 25], columns: [30, 39] });
  assert.equal(touched(box, PLANES.z, 13, fine), null);
  assert.deepEqual(touched(box, PLANES.y, 20, fine), { rows: [10, 13], columns: [30, 39] });
  assert.deepEqual(touched(box, PLANES.x, 38, fine), { rows: [10, 13], columns: [20, 25] });
  const coarse = { shape: [10, 15, 20], factor: 4 };
  assert.deepEqual(touched(box, PLANES.z, 3, coarse), { rows: [5, 7], columns: [7, 10] });
  assert.equal(touched(box, PLANES.z, 2, coarse), null); // it shows slice 8
});

test("a part is put into its place in a plane", () => {
  const plane = { codes: new Uint16Array(12), rows: 3, columns: 4, level: 0 };
  const next = patched(plane, { rows: [1, 3], columns: [2, 4] }, Uint16Array.from([1, 2, 3, 4]));
  assert.notEqual(next, plane);
  assert.deepEqual([...next.codes], [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4]);
});

test("lengths respect the edges of voxels", () => assert.equal(distance([0, 0], [3, 2], [10, 20]), 50));

test("the palette has colours, and says what is hidden, isolated, not judged", () => {
  assert.deepEqual(bytesOf("#4e79a7"), [78, 121, 167]);
  const rows = rowsOf(row(1), row(2, { class_name: "not judged" }), row(65535));
  const palette = paletteOf(rows, new Set([65535]), null);
  assert.deepEqual([...palette.subarray(4, 8)], [16, 32, 48, DRAWN]);
  assert.equal(palette[11], HATCHED);
  assert.equal(palette[4 * 65535 + 3], HIDDEN);
  assert.equal(palette[3], HIDDEN);
  const alone = paletteOf(rows, new Set([65535]), 65535);
  assert.deepEqual([alone[7], alone[11], alone[4 * 65535 + 3]], [HIDDEN, HIDDEN, DRAWN]);
});

test("the table follows what a change says", () => {
  const table = { classes: { membrane: "#111111", old: "#222222" }, rows: rowsOf(row(1), row(2)) };
  const next = changed(table, { 1: null, 3: row(3, { name: "new" }) }, { old: null, lysosome: "#333333" });
  assert.deepEqual([...next.rows.keys()], [2, 3]);
  assert.deepEqual(next.classes, { membrane: "#111111", lysosome: "#333333" });
  assert.equal(table.rows.size, 2);
});

test("a free id is the next, then one of the gaps, then none", () => {
  assert.equal(freeId(new Map()), 1);
  assert.equal(freeId(rowsOf(row(1), row(7))), 8);
  assert.equal(freeId(rowsOf(row(1), row(65535))), 2);
  assert.equal(freeId(new Map(Array.from({ length: 65535 }, (_, n) => [n + 1, row(n + 1)]))), null);
});

test("objects are found by all words of name, class and number", () => {
  const rows = rowsOf(row(12, { name: "Big one" }), row(2, { class_name: "nucleus" }), row(3));
  assert.deepEqual(found(rows, "").map(({ id }) => id), [2, 3, 12]);
  assert.deepEqual(found(rows, "BIG membr").map(({ id }) => id), [12]);
  assert.deepEqual(found(rows, "2 nucl").map(({ id }) => id), [2]);
  assert.deepEqual(found(rows, "nothing"), []);
});

test("Space goes between the last two tools", () => {
  const steps = [{ do: "tool", tool: "brush" }, { do: "tool", tool: "eraser" }, { do: "toggle-tool" }, { do: "toggle-tool" }];
  const tools = [];
  let state = AT_FIRST;
  for (const action of steps) {
    state = after(state, action);
    tools.push(state.tool);
  }
  assert.deepEqual(tools, ["brush", "eraser", "brush", "eraser"]);
  assert.equal(after(state, { do: "tool", tool: "eraser" }), state);
});

test("hiding and isolating go and come; nothing is changed in place", () => {
  const hidden = after(AT_FIRST, { do: "hide", object: 4 });
  assert.ok(hidden.hidden.has(4) && !AT_FIRST.hidden.has(4));
  assert.ok(!after(hidden, { do: "hide", object: 4 }).hidden.has(4));
  const alone = after(AT_FIRST, { do: "isolate", object: 4 });
  assert.equal(alone.isolated, 4);
  assert.equal(after(alone, { do: "isolate", object: 4 }).isolated, null);
  assert.equal(after(AT_FIRST, { do: "no such thing" }), AT_FIRST);
});

test("a radius stays within its limits, with larger steps where it is large", () => {
  assert.equal(resized(0, -1), 0);
  assert.equal(resized(3, 1), 4);
  assert.equal(resized(50, 1), 55);
  assert.equal(resized(LARGEST_RADIUS, 3), LARGEST_RADIUS);
});

test("keys have a meaning each, and those with Ctrl are undo and redo alone", () => {
  assert.deepEqual(actionOf({ key: "B" }), { do: "tool", tool: "brush" });
  assert.deepEqual(actionOf({ key: "z", ctrlKey: true }), { do: "undo" });
  assert.deepEqual(actionOf({ key: "Z", ctrlKey: true, shiftKey: true }), { do: "redo" });
  assert.deepEqual(actionOf({ key: "y", metaKey: true }), { do: "redo" });
  assert.deepEqual(actionOf({ key: "q", altKey: true }), { do: "press", shiftKey: false, altKey: true });
  for (const event of [{ key: "b", ctrlKey: true }, { key: "z", altKey: true }, { key: "z" }, { key: "Tab" }]) {
    assert.equal(actionOf(event), null);
  }
});

const SHOWN = { threshold: 0.2, black: 10, white: 90 };
const HOLDING = { ...AT_FIRST, object: 5, radius: 4 };

test("limits say what the core understands", () => {
  assert.deepEqual(limitsOf(HOLDING, SHOWN, false), {});
  const limited = { ...HOLDING, limit: "above", overwrite: "only" };
  assert.deepEqual(limitsOf(limited, SHOWN, false), { limits: { score: [0.2, 1], overwrite: "only", only: [5] } });
  assert.deepEqual(limitsOf({ ...HOLDING, limit: "grey", overwrite: "empty" }, SHOWN, false), {
    limits: { grey: [10, 90], overwrite: "empty" },
  });
  // Nothing is there to be erased where it is empty.
  assert.deepEqual(limitsOf({ ...HOLDING, overwrite: "empty" }, SHOWN, true), {});
});

test("strokes are discs, balls or outlines, without points that tell nothing", () => {
  const points = [[3, 1, 1], [3, 1, 1.1], [3, 1, 9]];
  assert.deepEqual(thinned(points), [[3, 1, 1], [3, 1, 9]]);
  assert.deepEqual(brushOf(HOLDING, PLANES.z, points), { kind: "brush", points: thinned(points), radius: 4, plane: "xy" });
  assert.deepEqual(brushOf({ ...HOLDING, ball: true, limit: "snap" }, PLANES.z, points), {
    kind: "brush", points: thinned(points), radius: 4, snap: 4,
  });
  const corners = [[1, 7, 2], [4, 7, 2], [4, 7, 8]];
  assert.deepEqual(outlineOf(PLANES.y, corners), {
    kind: "polygon", plane: "xz", index: 7, corners: [[1, 2], [4, 2], [4, 8]],
  });
  assert.deepEqual(drawn(HOLDING, "s", SHOWN, false), { kind: "paint", object: 5, stroke: "s" });
  assert.deepEqual(drawn(HOLDING, "s", SHOWN, true), { kind: "erase", stroke: "s" });
});

test("fills, copies and interpolations name planes and stay inside", () => {
  const seed = [1, 30, 3];
  assert.deepEqual(filled({ ...HOLDING, tool: "fill" }, PLANES.x, seed, [8, 40, 40], SHOWN), {
    kind: "fill slice", object: 5, seed, plane: "yz",
  });
  assert.deepEqual(filled({ ...HOLDING, tool: "fill-3d" }, PLANES.x, seed, [8, 40, 40], SHOWN), {
    kind: "fill box", object: 5, seed, first: [0, 26, 0], end: [6, 35, 8],
  });
  assert.deepEqual(copied(5, PLANES.z, 3, 4), { kind: "copy slice", object: 5, plane: "xy", source: 3, target: 4 });
  assert.deepEqual(interpolated(5, PLANES.y, [8, 40, 40]), {
    kind: "interpolate", object: 5, plane: "xz", first: 0, last: 39,
  });
});

test("browsers are named as people know them", () => {
  assert.equal(describe("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140 Safari/537.36"), "Chromium on Linux");
  assert.equal(describe("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Windows");
  assert.equal(describe(""), "A browser on some system");
});

test("two fingers move and stretch, one does not", () => {
  const fingers = new Fingers();
  assert.equal(fingers.down({ pointerId: 1, pointerType: "touch" }, [0, 0]), 1);
  assert.equal(fingers.move({ pointerId: 1 }, [1, 0]), null);
  assert.equal(fingers.down({ pointerId: 2, pointerType: "touch" }, [11, 0]), 2);
  assert.deepEqual(fingers.move({ pointerId: 2 }, [21, 0]), { shift: [5, 0], stretch: 2, middle: [11, 0] });
  fingers.up({ pointerId: 1 });
  assert.equal(fingers.move({ pointerId: 2 }, [0, 0]), null);
  assert.equal(new Fingers().down({ pointerId: 1, pointerType: "mouse" }, [0, 0]), 0);
});

const TOLD = { version: 7, undo: 0, redo: 0, editor: null };

/** An exchange with a server that answers as told, and what its listener heard. */
function exchanged(answers) {
  const heard = [];
  const listener = Object.fromEntries(["changed", "tell", "done", "refused", "lost", "found"].map((name) => [
    name, (...args) => {
      heard.push([name, ...args]);
      return args[0];
    },
  ]));
  const client = {
    posted: [],
    async post(what, content) {
      this.posted.push([what, content]);
      const next = answers.shift();
      if (next instanceof Error) throw next;
      return next;
    },
  };
  const exchange = new Exchange(client, listener);
  clearInterval(exchange.timer);
  return { exchange, client, heard };
}

const settled = () => new Promise((done) => setTimeout(done, 5));

test("changes are sent one after the other, and are done when they are answered", async () => {
  const { exchange, client, heard } = exchanged([{ version: 2 }, { version: 3 }]);
  exchange.send("operations", { n: 1 }, "first");
  exchange.send("undo", {}, "second");
  assert.equal(client.posted.length, 1);
  await settled();
  assert.deepEqual(heard.map(([name, what]) => [name, what.version ?? what]), [
    ["changed", 2], ["done", "first"], ["changed", 3], ["done", "second"],
  ]);
  assert.equal(exchange.version, 3);
});

test("what is refused is told, and what comes after it goes on", async () => {
  const { exchange, heard } = exchanged([new Error("locked"), { version: 2 }]);
  exchange.send("operations", {}, "first");
  exchange.send("operations", {}, "second");
  await settled();
  assert.deepEqual(heard.map(([name]) => name), ["refused", "done", "changed", "done"]);
});

test("without a server all that waits is dropped, and what it kept is told when it is back", async (context) => {
  for (const [version, kept] of [[7, false], [8, true]]) {
    const { exchange, client, heard } = exchanged([new NotConnected(), new NotConnected(), { ...TOLD, version }, { version: 9 }]);
    exchange.version = 7;
    context.mock.timers.enable({ apis: ["setTimeout"] });
    exchange.send("operations", {}, "first");
    exchange.send("operations", {}, "second");
    for (let n = 0; n < 6; n++) await Promise.resolve();
    assert.deepEqual(heard.splice(0), [["lost", 2]]);
    for (let tries = 0; tries < 2; tries++) {
      context.mock.timers.tick(1000);
      for (let n = 0; n < 6; n++) await Promise.resolve();
    }
    assert.deepEqual(heard.splice(0), [["found", { ...TOLD, version }, 2, kept]]);
    exchange.send("operations", {}, "third");
    for (let n = 0; n < 6; n++) await Promise.resolve();
    assert.equal(heard[0][0], "changed");
    assert.equal(client.posted.length, 4);
    context.mock.timers.reset();
  }
});

test("a change drops the planes that it touches, patches those shown, and keeps the others", async () => {
  const store = new LabelStore("api/annotations/a");
  store.told = { version: 1, levels: [{ shape: [4, 3, 3], factor: 1 }], shape: [4, 3, 3] };
  const plane = () => ({ codes: new Uint16Array(9), rows: 3, columns: 3, dtype: "uint16", level: 0 });
  for (const key of ["z/1?level=0", "z/2?level=0", "z/3?level=0"]) store.held.set(key, plane(), 18);
  const asked = [];
  globalThis.fetch = async (address) => {
    asked.push(address);
    return new Response(Uint16Array.from([5, 6]).buffer);
  };
  await store.accept([1, 0, 1, 3, 1, 3], 2, ["z/2?level=0"]);
  assert.deepEqual(asked, ["api/annotations/a/planes/z/2?level=0&rows=0:1&columns=1:3&v=2"]);
  assert.equal(store.peek(PLANES.z, 0, 1), undefined);
  assert.deepEqual([...store.peek(PLANES.z, 0, 2).codes], [0, 5, 6, 0, 0, 0, 0, 0, 0]);
  assert.ok(store.peek(PLANES.z, 0, 3));
  await store.accept(null, 3, []);
  assert.equal(store.told.version, 3);
  store.renew(4);
  assert.equal(store.peek(PLANES.z, 0, 3), undefined);
});
