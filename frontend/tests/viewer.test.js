import assert from "node:assert/strict";
import { test } from "node:test";

import { formatLength, roundLength } from "../shared/lengths.js";
import { paintGrey } from "../viewer/painting.js";
import { beginning, isAnother } from "../viewer/state.js";

const whole = { id: "t", shape: [60, 100, 120] };
const cropped = { id: "t", shape: [20, 50, 40] };

test("another part of the same tomogram is another picture", () => {
  assert.equal(isAnother(undefined, whole), true);
  assert.equal(isAnother(whole, { ...whole }), false);
  assert.equal(isAnother(whole, cropped), true);
  assert.equal(isAnother(whole, { ...whole, id: "u" }), true);
});

test("the slice that was looked at is kept where it is there", () => {
  assert.equal(beginning(null, whole), 30);
  assert.equal(beginning(45, whole), 45);
  assert.equal(beginning(45, cropped), 19);
});

test("a slice is painted grey and opaque", () => {
  const pixels = new Uint8ClampedArray(8);
  paintGrey(pixels, new Uint8Array([0, 200]));
  assert.deepEqual([...pixels], [0, 0, 0, 255, 200, 200, 200, 255]);
});

test("lengths are round and carry their unit", () => {
  assert.equal(roundLength(0.73), 0.5);
  assert.equal(roundLength(2000), 2000);
  assert.equal(formatLength(1500), "1.5 µm");
  assert.equal(formatLength(20), "20 nm");
});
