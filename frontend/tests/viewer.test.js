import assert from "node:assert/strict";
import { test } from "node:test";

import { formatLength, roundLength } from "../shared/lengths.js";
import { decodeScore, greyTable, paintGrey, paintResult, thresholdCode } from "../viewer/painting.js";
import { beginning, isAnother } from "../viewer/state.js";

const whole = { id: "t", shape: [60, 100, 120], threshold: 0.2 };
const cropped = { id: "t", shape: [20, 50, 40], threshold: 0.2 };

test("another part of the same tomogram is another picture", () => {
  assert.equal(isAnother(undefined, whole), true);
  assert.equal(isAnother(whole, { ...whole }), false);
  assert.equal(isAnother(whole, cropped), true);
  assert.equal(isAnother(whole, { ...whole, id: "u" }), true);
});

test("the slice that was looked at is kept where it is there", () => {
  assert.equal(beginning(null, whole).z, 30);
  assert.equal(beginning({ z: 45 }, whole).z, 45);
  assert.equal(beginning({ z: 45 }, cropped).z, 19);
});

test("the threshold is the server's, whatever is remembered", () => {
  assert.equal(beginning({ threshold: 0.9, mode: "beside" }, whole).threshold, 0.2);
  assert.equal(beginning({ threshold: 0.9, mode: "beside" }, whole).mode, "beside");
});

test("codes and thresholds are those of the core", () => {
  assert.equal(decodeScore(0), -1);
  assert.equal(decodeScore(255), 1);
  assert.equal(thresholdCode(0), 128);
  assert.equal(thresholdCode(-1), 1);
  for (const threshold of [-0.7, 0, 0.31, 0.99]) {
    const lowest = thresholdCode(threshold);
    assert.ok(decodeScore(lowest) > threshold);
    assert.ok(decodeScore(lowest - 1) <= threshold);
  }
});

test("black and white stretch the grey values, and inversion turns them round", () => {
  const table = greyTable(100, 200, false);
  assert.deepEqual([table[50], table[100], table[150], table[200], table[250]], [0, 0, 128, 255, 255]);
  assert.equal(greyTable(100, 200, true)[100], 255);
});

test("a result is painted where it lies above the threshold, as an area or as its edge", () => {
  const [width, height] = [5, 5];
  const codes = new Uint8Array(width * height);
  for (let y = 1; y < 4; y++) codes.fill(255, y * width + 1, y * width + 4);
  const painted = (style) => {
    const pixels = new Uint8ClampedArray(4 * width * height);
    paintGrey(pixels, new Uint8Array(width * height), greyTable(0, 255, false));
    paintResult(pixels, codes, width, { threshold: 0, opacity: 100, style });
    return [...codes.keys()].filter((i) => pixels[4 * i] > 0).length;
  };
  assert.equal(painted("fill"), 9);
  assert.equal(painted("outline"), 8);
});

test("lengths are round and carry their unit", () => {
  assert.equal(roundLength(0.73), 0.5);
  assert.equal(roundLength(2000), 2000);
  assert.equal(formatLength(1500), "1.5 µm");
  assert.equal(formatLength(20), "20 nm");
});
