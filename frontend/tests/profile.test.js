import assert from "node:assert/strict";
import { test } from "node:test";

import { nearness } from "../planes/notes.js";
import { csvOf, distanceOf, pathOf, PLOT, plotOf, rangeOf } from "../planes/profile.js";

const COLUMNS = { distance_um: [0, 0.1, 0.2, 0.3], x: [1, 2, 3, 4], value: [5, null, 9, 7], score: [-1, 0, null, 1] };

test("a profile is a table with an empty field where there is no value", () => {
  assert.equal(csvOf(COLUMNS), "distance_um,x,value,score\n0,1,5,-1\n0.1,2,,0\n0.2,3,9,\n0.3,4,7,1\n");
  assert.deepEqual(distanceOf(COLUMNS), ["distance_um", "µm"]);
  assert.deepEqual(distanceOf({ distance_px: [] }), ["distance_px", "px"]);
});

test("the range of values leaves out what is none, and is never empty", () => {
  assert.deepEqual(rangeOf(COLUMNS.value), [5, 9]);
  assert.equal(rangeOf([null, null]), null);
  const [low, high] = rangeOf([3, 3]);
  assert.ok(low < 3 && high > 3);
});

test("the line spans the plot, and is broken where there is no value", () => {
  const path = pathOf(COLUMNS.distance_um, COLUMNS.value, [5, 9]);
  assert.equal(path.match(/M/g).length, 2);
  assert.ok(path.startsWith(`M${PLOT.left.toFixed(1)} ${(PLOT.height - PLOT.bottom).toFixed(1)}`));
  assert.ok(path.includes(`L${(PLOT.width - PLOT.right).toFixed(1)} `));
});

test("the plot says what it shows", () => {
  const plot = plotOf(COLUMNS, 0);
  for (const text of ["0.3 µm", ">5<", ">9<", "score (dashed: threshold)"]) assert.ok(plot.includes(text), text);
  const { score, ...bare } = COLUMNS;
  assert.ok(score && !plotOf(bare, 0).includes("score"));
  assert.ok(!plotOf({ ...bare, value: [null, null, null, null] }, 0).includes("NaN"));
});

test("a pin shows in its own plane best, and faintly some planes away", () => {
  assert.equal(nearness(0), 1);
  assert.ok(nearness(-2) > nearness(3) && nearness(3) > 0);
  assert.equal(nearness(9), 0);
});
