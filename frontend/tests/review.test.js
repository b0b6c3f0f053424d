import assert from "node:assert/strict";
import { test } from "node:test";

import { clicked } from "../planes/editing/operations.js";
import { coverageText, nextText, noteText, rowsOf, wishOf } from "../planes/review/texts.js";

const none = { all: 0, right: 0, corrected: 0, wrong: 0, doubtful: 0, sampled: 0, targeted: 0, lacking: 0 };

test("keys judge only while a review is under way", () => {
  assert.equal(wishOf({ key: "0" }, false, "unit"), "toggle");
  assert.equal(wishOf({ key: "y" }, false, "unit"), null);
  assert.equal(wishOf({ key: "Y" }, true, "unit"), "right");
  assert.equal(wishOf({ key: "n" }, true, "object"), "wrong");
  assert.equal(wishOf({ key: "n" }, true, "unit"), null); // a new object, to draw what was missed
  assert.equal(wishOf({ key: "z", ctrlKey: true }, true, "unit"), null); // undo
});

test("numbers stand with their unit, interval and what the machine had", () => {
  const estimates = [
    { name: "volume", machine: 1.23456, value: 1.3, low: 1.101, high: 1.5 },
    { name: "count", machine: 12, value: null, low: null, high: null },
    { name: "f1", machine: null, value: 0.8764, low: 0.8, high: 0.9 },
  ];
  const state = { class: null, tiles: none, objects: none, estimates, unit: "µm" };
  assert.deepEqual(rowsOf(state), [
    { title: "Volume (µm³)", value: "1.3", interval: "1.1 to 1.5", machine: "1.23" },
    { title: "Objects", value: "–", interval: "", machine: "12" },
    { title: "F1", value: "87.6 %", interval: "80.0 % to 90.0 %", machine: "" },
  ]);
});

test("coverage is always told, and what is lacking", () => {
  const tiles = { ...none, all: 2000, right: 6, corrected: 2, doubtful: 1, sampled: 7, targeted: 1, lacking: 3 };
  assert.equal(
    coverageText(tiles, "unit"),
    "9 of 2,000 tiles (0.5 %): 6 right as they were, 2 corrected, 1 doubtful · 7 of the sample, 1 targeted",
  );
  assert.equal(coverageText(none, "object"), "0 of 0 objects");
  const state = { class: null, tiles, objects: none, estimates: [], unit: "µm" };
  assert.match(noteText(state), /^3 more tiles/);
  assert.match(noteText({ ...state, tiles: { ...tiles, lacking: 0 } }), /Doubtful ones \(1\) count as not seen/);
});

test("what is judged is told with its slice", () => {
  const next = /** @type {const} */ ({ kind: "object", number: 7, box: [0, 0, 0, 1, 1, 1], voxel: [3, 4, 5] });
  assert.equal(nextText(next, "targeted", ([z]) => z + 1), "Is object 7 right? · slice 4 · where looking pays");
  assert.match(nextText(null, "random", () => 0), /^Nothing is left/);
});

test("a click names all clicks of its organelle, and a class if there is one", () => {
  const body = { object: 4, inside: [[1, 2, 3]], outside: [[4, 5, 6]] };
  assert.deepEqual(clicked(body, " vesicle "), { kind: "click", ...body, class_name: "vesicle" });
  assert.equal("class_name" in clicked(body, " "), false);
});
