import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.window = globalThis; // what the browser can do is asked there

const { colourOfCode, columnsOf, mapped, ownColour, shown, valueScale, UNKNOWN } = await import("../surface/colours.js");
const { boundsOf, corners, sliceBorder } = await import("../surface/geometry.js");
const { beginning, nextChoice } = await import("../surface/state.js");
const { addressOf, stateAsked, stateIn } = await import("../surface/links.js");
const { addressAt, oneAtATime } = await import("../surface/live.js");
const { nameOf, rowsWith } = await import("../surface/list.js");
const { lookOf } = await import("../surface/objects.js");
const { CHOSEN, FADED, HIDDEN, PLAIN } = await import("../surface/shading.js");

const data = (mesh, depth = 40) => ({ slices: { shape: [depth, 20, 30] }, levels: ["coarse", mesh] });

test("a surface that nobody has looked at shows all objects and the slice in the middle", () => {
  const state = beginning(null, data("a"));
  assert.deepEqual(state.hidden, []);
  assert.equal(state.z, 20);
});

test("what was set is found again", () => {
  const left = { ...beginning(null, data("a")), opacity: 40, hidden: [3], camera: { half: 2 } };
  const again = beginning(JSON.parse(JSON.stringify(left)), data("a"));
  assert.equal(again.opacity, 40);
  assert.deepEqual(again.hidden, [3]);
  assert.deepEqual(again.camera, { half: 2 });
});

test("hidden objects do not carry over to another mesh", () => {
  const left = { ...beginning(null, data("a")), hidden: [1, 2], opacity: 40 };
  const other = beginning(left, data("b"));
  assert.deepEqual(other.hidden, []);
  assert.equal(other.opacity, 40);
  assert.deepEqual(left.hidden, [1, 2]);
});

test("two surfaces share no list of hidden objects", () => {
  beginning(null, data("a")).hidden.push(1);
  assert.deepEqual(beginning(null, data("b")).hidden, []);
});

test("a slice that is not there is replaced by the nearest one", () => {
  assert.equal(beginning({ z: 39 }, data("a", 10)).z, 9);
  assert.equal(beginning({ z: -4 }, data("a", 10)).z, 0);
});

test("a click chooses, with a key it adds and takes away, beside all it lets go", () => {
  assert.deepEqual(nextChoice([1, 2], 3, false), [3]);
  assert.deepEqual(nextChoice([1, 2], 3, true), [1, 2, 3]);
  assert.deepEqual(nextChoice([1, 2], 1, true), [2]);
  assert.deepEqual(nextChoice([1, 2], null, false), []);
  assert.deepEqual(nextChoice([1, 2], null, true), [1, 2]);
});

test("hidden counts more than chosen, and the others fade where some are chosen", () => {
  assert.equal(lookOf(1, new Set([1]), new Set([1])), HIDDEN);
  assert.equal(lookOf(1, new Set(), new Set([1])), CHOSEN);
  assert.equal(lookOf(1, new Set(), new Set([2])), FADED);
  assert.equal(lookOf(1, new Set(), new Set()), PLAIN);
});

test("the box around boxes holds all of their corners", () => {
  const around = boundsOf([[0, 1, 0, 1, 0, 1], [-2, 0.5, 3, 4, 0.2, 9]]);
  assert.deepEqual(around, [-2, 1, 0, 4, 0, 9]);
  assert.deepEqual(corners(around)[0], [-2, 0, 0]);
  assert.deepEqual(corners(around)[7], [1, 4, 9]);
  assert.equal(new Set(corners(around).map(String)).size, 8);
});

test("a slice reaches half a voxel beyond the centres of its outermost voxels", () => {
  const border = sliceBorder({ shape: [5, 20, 30], edges: [3, 2, 1], first: [0, 100, 10] });
  assert.deepEqual(border, [9.5, 39.5, 99, 139]);
});

test("a scale runs over the known values, in factors where they differ much", () => {
  const scale = valueScale([1, 2, 3, Number.NaN]);
  assert.equal(scale.byFactors, false);
  assert.deepEqual(scale.colour(1), mapped(0));
  assert.deepEqual(scale.colour(3), mapped(1));
  assert.deepEqual(scale.colour(Number.NaN), UNKNOWN);
  const wide = valueScale([1, 100]);
  assert.equal(wide.byFactors, true);
  assert.deepEqual(wide.colour(10), mapped(0.5));
  assert.deepEqual(valueScale([7, 7]).marks, [[0.5, 7]]);
});

test("colours repeat with the palette", () => {
  const palette = [[1, 0, 0], [0, 1, 0]];
  assert.deepEqual(ownColour(palette, 1), [1, 0, 0]);
  assert.deepEqual(ownColour(palette, 4), [0, 1, 0]);
});

test("a table of numbers is read by its columns, what is empty as unknown", () => {
  assert.deepEqual(columnsOf("object,volume\r\n1,2.5\r\n2,\r\n"), { object: [1, 2], volume: [2.5, Number.NaN] });
});

test("a name in a table may hold commas and quotation marks", () => {
  const table = columnsOf('object,name,volume\r\n2,"Mito, the ""large"" one",2.5\r\n');
  assert.deepEqual(table, { object: [2], name: [Number.NaN], volume: [2.5] });
});

test("colours that people gave are read, others are none", () => {
  assert.deepEqual(colourOfCode("#12ab34"), [18, 171, 52]);
  for (const code of [null, "", "red", "#12"]) assert.equal(colourOfCode(code), null);
});

test("objects are found by name, class and number; who has no name has a number", () => {
  const objects = { object: [3, 14, 7], name: ["Mito A", "", "vesicle"], class: ["mitochondrion", "membrane", "vesicle"] };
  assert.equal(nameOf(objects, 1), "Object 14");
  assert.equal(nameOf({ object: [5] }, 0), "Object 5");
  assert.deepEqual(rowsWith(objects, ""), [0, 1, 2]);
  assert.deepEqual(rowsWith(objects, " MITO "), [0]);
  assert.deepEqual(rowsWith(objects, "membr"), [1]);
  assert.deepEqual(rowsWith(objects, "7"), [2]);
});

test("an address holds what is set, the camera and the objects, and gives them back once", () => {
  const query = { t: "cell", score: "s", surface: "f" };
  const state = { ...beginning(null, data("a")), cut: "x", hidden: [2], camera: { half: 1 / 3, target: [1, 2, 3] } };
  const address = addressOf("http://host/surface?t=other&object=9", query, [4, 5], state);
  const { searchParams, search } = new URL(address);
  assert.deepEqual([searchParams.get("t"), searchParams.get("surface"), searchParams.get("object")], ["cell", "f", "4,5"]);
  const found = stateIn(search);
  assert.deepEqual([found.cut, found.hidden, found.camera], ["x", [2], { half: 0.333333, target: [1, 2, 3] }]);
  assert.ok(!("opacity" in found));

  globalThis.location = /** @type {any} */ ({ search });
  assert.equal(stateAsked({ query: { surface: "another" }, levels: ["m"] }), null);
  assert.deepEqual(stateAsked({ query, levels: ["m"] }).hidden, [2]);
  assert.equal(stateAsked({ query, levels: ["m"] }), null);
});

test("an address with something else for a view asks for none", () => {
  for (const view of ["", "{", "[1]", "7", "null"]) assert.equal(stateIn(`?view=${view}`), null);
});

test("of wishes that come while one is answered, the last alone is answered next", async () => {
  const answered = [];
  /** @type {(() => void)[]} */
  const waiting = [];
  const wish = oneAtATime(async (value) => {
    answered.push(value);
    await new Promise((done) => waiting.push(() => done(undefined)));
  });
  const first = wish(0.1);
  for (const value of [0.2, 0.3, 0.4]) wish(value);
  assert.deepEqual(answered, [0.1]);
  waiting.pop()();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(answered, [0.1, 0.4]);
  waiting.pop()();
  await first;
  assert.equal(addressAt("a/b", -0.1, null), "a/b?threshold=-0.10");
  assert.equal(addressAt("a/b", 0.5, 0.2), "a/b?threshold=0.50&low=0.20");
  assert.equal(addressAt("a/b", 0.1, 0.2), "a/b?threshold=0.10");
});

test("numbers are short and never lose their size", () => {
  assert.equal(shown(1234567), "1,234,567");
  assert.equal(shown(0.00001234), "0.00001234");
  assert.equal(shown(Number.POSITIVE_INFINITY), "–");
  assert.equal(shown(2.34567), "2.346");
});
