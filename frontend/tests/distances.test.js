import assert from "node:assert/strict";
import { test } from "node:test";

import { BEHIND, BEYOND, deviationColour, LEVEL, legendOf, otherOf, rangeOf, toleranceOf } from "../surface/distances.js";

test("the scale reaches as far as nearly all distances, whatever is not known", () => {
  const distances = Float32Array.from({ length: 1000 }, (_, n) => (n % 2 ? 1 : -1) * n);
  distances[0] = NaN;
  assert.ok(Math.abs(rangeOf(distances) - 980) < 10);
  assert.equal(rangeOf(Float32Array.of(NaN, NaN)), 1);
  assert.deepEqual([0, 0.5, 1].map(deviationColour), [BEHIND, LEVEL, BEYOND]);
});

test("lengths are told in nm where they are known, and two voxels are tolerated at first", () => {
  assert.equal(toleranceOf(null, [0.04, 0.02, 0.02], "µm"), 80);
  assert.equal(toleranceOf(null, [1, 1, 1], "voxel"), 2);
  assert.equal(toleranceOf(0, [1, 1, 1], "voxel"), 0);
  const signed = legendOf("signed", 0.05, 80, "µm", "truth.tif");
  assert.equal(signed.title, "Distance to truth.tif (nm)");
  assert.deepEqual(signed.marks, [[0, -50], [0.5, 0], [1, 50]]);
  assert.match(/** @type {any} */ (legendOf("beyond", 1, 3, "voxel", "b")).swatches[0][1], /more than 3 voxels outside/);
});

test("what is gone is not compared with", () => {
  const distances = [{ id: "a" }, { id: "b" }];
  assert.equal(otherOf({ data: { distances }, state: { against: "b" } }).id, "b");
  assert.equal(otherOf({ data: { distances }, state: { against: "gone" } }).id, "a");
  assert.equal(otherOf({ data: { distances: [] }, state: { against: null } }), undefined);
});
