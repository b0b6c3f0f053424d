import assert from "node:assert/strict";
import { test } from "node:test";

import { codeOf, decodeScore, meaningOf, movedWindow, spanOf, takenPart, thresholdCode } from "../planes/codes.js";
import { chosenAfter, heldShare, legendOf, nextMode, settled } from "../planes/sides.js";
import {
  clamped, fitted, indexAt, levelFor, panned, PLANES, revealing, scaleBar, scoredIndex, toPlane, toScreen, within, zoomed,
} from "../planes/geometry.js";
import { barsPath } from "../planes/histogram.js";
import { SHORTCUTS, wishOf } from "../planes/keys.js";
import { Lru } from "../planes/lru.js";
import { placeText } from "../planes/readout.js";
import { comparisonLooks, DIFFERENCE_RGB, looks } from "../planes/shaders.js";
import { beginning, ordered } from "../planes/state.js";
import { NotYet, PlaneStore } from "../planes/store.js";

const near = (got, wanted, tolerance = 1e-9) => {
  assert.equal(got.length, wanted.length);
  for (const [n, value] of got.entries()) assert.ok(Math.abs(value - wanted[n]) <= tolerance, `${got} is not ${wanted}`);
};

const SIZE = [640, 400];
const EXTENT = [512, 100];
const EDGES = [10, 30];

test("each plane has its own two axes, and none twice", () => {
  for (const { across, u, v } of Object.values(PLANES)) assert.deepEqual([across, u, v].sort(), [0, 1, 2]);
  assert.deepEqual(within(PLANES.y, [7, 8, 9]), [9, 7]);
});

test("a fitted plane is on the screen as a whole, its voxels in scale", () => {
  const view = fitted(EXTENT, EDGES, SIZE);
  const [low, high] = [[0, 0], EXTENT].map((corner) => toScreen(view, EDGES, SIZE, corner));
  near([low[0], high[0]], [0, 640]);
  assert.ok(low[1] >= 0 && high[1] <= 400);
  near([(high[1] - low[1]) / (high[0] - low[0])], [(100 * 30) / (512 * 10)]);
});

test("places and points are each other's inverse", () => {
  const view = { zoom: 0.37, centre: [200, 31], fitted: false };
  near(toPlane(view, EDGES, SIZE, toScreen(view, EDGES, SIZE, [12.5, 77])), [12.5, 77]);
});

test("what is under the pointer stays there when the plane is zoomed", () => {
  const point = [123, 222];
  const before = fitted(EXTENT, EDGES, SIZE);
  const under = toPlane(before, EDGES, SIZE, point);
  for (const factor of [1.3, 4, 0.8]) {
    const after = zoomed(before, EXTENT, EDGES, SIZE, factor, point);
    near(toPlane(after, EDGES, SIZE, point), under, 1e-6);
    assert.equal(after.fitted, false);
  }
});

test("zoom ends at half the fitted plane and at large voxels", () => {
  let view = fitted(EXTENT, EDGES, SIZE);
  const { zoom } = view;
  for (let n = 0; n < 60; n++) view = zoomed(view, EXTENT, EDGES, SIZE, 0.5, [0, 0]);
  near([view.zoom], [zoom / 2]);
  for (let n = 0; n < 60; n++) view = zoomed(view, EXTENT, EDGES, SIZE, 2, [0, 0]);
  near([view.zoom * 10], [48]);
});

test("a plane is dragged with the hand and never lost", () => {
  const view = { zoom: 0.2, centre: [256, 50], fitted: false };
  near(panned(view, EXTENT, EDGES, [20, -60]).centre, [246, 60]);
  near(panned(view, EXTENT, EDGES, [1e6, -1e6]).centre, [0, 100]);
});

test("a place off the screen is brought onto it, and one that is there moves nothing", () => {
  const view = { zoom: 2, centre: [256, 50], fitted: false };
  assert.equal(revealing(view, EDGES, SIZE, [256, 50]), view);
  assert.deepEqual(revealing(view, EDGES, SIZE, [3, 4]).centre, [3, 4]);
});

test("planes come as they are unless they are too large for what the screen shows of them", () => {
  const levels = [1, 2, 4].map((factor) => ({ shape: [400 / factor, 4000 / factor, 4000 / factor], factor }));
  const most = { pixels: 2 ** 22, side: 8192 };
  assert.equal(levelFor(levels, PLANES.z, [0.2, 0.2], most), 1);
  assert.equal(levelFor(levels, PLANES.z, [0.7, 0.7], most), 0);
  assert.equal(levelFor(levels, PLANES.y, [0.2, 0.2], most), 0);
  assert.equal(levelFor(levels, PLANES.z, [5, 5], { ...most, side: 1500 }), 2);
});

test("a coarser level holds the voxel in its last plane too", () => {
  assert.equal(indexAt(7, { shape: [4, 10, 10], factor: 2 }, PLANES.z), 3);
  assert.equal(indexAt(8, { shape: [4, 10, 10], factor: 2 }, PLANES.z), 3);
});

test("a score has planes only where it was made", () => {
  const place = { first: [10, 4, 0], bin: 2 };
  const at = (index) => scoredIndex(place, [5, 8, 8], PLANES.z, index);
  assert.deepEqual([9, 10, 11, 12, 19, 20].map(at), [null, 0, 0, 1, 4, null]);
});

test("a scale bar is a round length, as long as it says", () => {
  const bar = scaleBar(0.05, 150, true);
  assert.equal(bar.text, "2 µm");
  near([bar.width], [100]);
  assert.equal(scaleBar(2, 150, false).text, "50 px");
});

test("a voxel is always one that there is", () => {
  assert.deepEqual(clamped([-3, 4.7, 99], [10, 10, 10]), [0, 4, 9]);
});

const CODING = { dtype: "uint16", scale: 0.5, offset: -10, has_invalid: true, exact: false };

test("codes stand for values, and 0 for none where there are such", () => {
  assert.equal(meaningOf(21, CODING), 0.5);
  assert.equal(codeOf(0.5, CODING), 21);
  assert.equal(meaningOf(0, CODING), null);
  assert.equal(meaningOf(0, { ...CODING, has_invalid: false }), -10);
});

test("scores above the threshold are those of the core", () => {
  for (const threshold of [-1, -0.7, 0, 0.31, 0.98]) {
    const lowest = thresholdCode(threshold);
    assert.ok(decodeScore(lowest) > threshold);
    assert.ok(decodeScore(lowest - 1) <= threshold);
  }
});

test("the shader is told codes, whatever the values are", () => {
  const state = {
    black: 0, white: 10, invert: true, overlay: true, threshold: 0, low: null, opacity: 60, style: "outline",
  };
  const told = looks(state, CODING);
  near([told.black, told.gain, told.opacity], [20, 1 / 20, 0.6]);
  assert.deepEqual([told.invert, told.invalid, told.lowest, told.style], [1, 1, 128, 2]);
  assert.equal(told.faintest, told.lowest);
  assert.equal(looks({ ...state, low: -0.5 }, CODING).faintest, thresholdCode(-0.5));
  assert.equal(looks({ ...state, overlay: false }, CODING).style, 0);
  assert.ok(Number.isFinite(looks({ ...state, white: 0 }, CODING).gain));
});

test("a comparison has a threshold of its own, and a line at its share of the plane", () => {
  assert.deepEqual(comparisonLooks(null, 0.5, 800), { compare: 0 });
  const told = comparisonLooks({ mode: "swipe", threshold: 0.5 }, 0.25, 800);
  assert.deepEqual(told, { compare: 2, otherLowest: thresholdCode(0.5), swipe: 200 });
  assert.equal(comparisonLooks({ mode: "difference", threshold: 0 }, 0.5, 800).compare, 1);
  assert.deepEqual([-1, 0.3, 7].map(heldShare), [0.02, 0.3, 0.98]);
});

test("the legend names both sides and every colour", () => {
  const score = { id: "a", name: "small", address: "", kind: "score" };
  const truth = { id: "b", name: "cell.truth.tif", address: "", kind: "truth" };
  const chosen = { id: "b", from: null, mode: "difference", threshold: 0.2 };
  const names = [["A", "small, above 0.10"], ["B", "cell.truth.tif"]];
  assert.deepEqual(legendOf(score, truth, 0.1, { ...chosen, mode: "swipe" }), names);
  assert.deepEqual(legendOf(score, truth, 0.1, chosen), [
    ...names,
    [DIFFERENCE_RGB.a, "only A: marked, not true"], [DIFFERENCE_RGB.b, "only B: true, not marked"], [DIFFERENCE_RGB.both, "both"],
    ["▨", "not compared: not scored, or not judged"],
  ]);
  assert.deepEqual(legendOf(score, score, 0.1, chosen)[1], ["B", "small, above 0.20"]);
});

test("either side of a comparison can be an annotation, and what is gone is not compared", () => {
  const offered = /** @type {any} */ (["score", "annotation", "annotation", "truth"].map((kind, n) => ({ id: `${n}`, name: "", address: "", kind })));
  const chosen = { id: "3", from: "1", mode: "side", threshold: 0.4 };
  assert.deepEqual(settled(chosen, offered, true), { ...chosen, threshold: 0 });
  assert.deepEqual(settled({ ...chosen, id: "0", from: null }, offered, true), { ...chosen, id: "0", from: null });
  assert.equal(settled({ ...chosen, from: "gone" }, offered, true)?.from, null);
  assert.equal(settled({ ...chosen, from: "0" }, offered, false)?.from, "1"); // without a result, an annotation
  assert.equal(settled({ ...chosen, id: "1" }, offered, false)?.from, "2"); // never itself
  assert.equal(settled({ ...chosen, id: "gone" }, offered, true), null);
  assert.equal(settled(chosen, offered.slice(3), false), null);
  assert.equal(settled({ ...chosen, mode: "?" }, offered, true)?.mode, "difference");
  assert.deepEqual(chosenAfter(chosen, "from", "3", "0"), { ...chosen, from: "3", id: "1" }); // both change their places
  assert.deepEqual(chosenAfter({ ...chosen, id: "1", from: null }, "from", "1", "0"), { ...chosen, from: "1", id: "0" });
  assert.deepEqual(chosenAfter(chosen, "id", "1", "0"), { ...chosen, id: "1", from: "3" });
  assert.deepEqual(chosenAfter(chosen, "id", null, "0").from, "1");
  assert.deepEqual(["difference", "swipe", "side", undefined].map(nextMode), ["swipe", "side", "difference", "difference"]);
});

test("a window is dragged by its ends or as a whole, and keeps its order", () => {
  assert.equal(takenPart(0.3, 0.28, 0.7), "black");
  assert.equal(takenPart(0.5, 0.28, 0.7), "both");
  assert.equal(takenPart(0.9, 0.28, 0.7), "white");
  const before = { black: 20, white: 60 };
  assert.deepEqual(movedWindow(before, "both", 10, [0, 100]), { black: 30, white: 70 });
  assert.deepEqual(movedWindow(before, "both", 90, [0, 100]), { black: 60, white: 100 });
  for (const part of ["black", "white"]) {
    for (const by of [-500, 500]) {
      const { black, white } = movedWindow(before, /** @type {any} */ (part), by, [0, 100]);
      assert.ok(0 <= black && black < white && white <= 100);
    }
  }
});

test("the bars of the histogram lie within the range that they count", () => {
  const numbers = barsPath([1, 4, 0], [10, 20]).match(/[\d.]+/g).map(Number);
  assert.ok(numbers.every(Number.isFinite));
  const [low, high] = spanOf([10, 20]);
  near([numbers[0]], [(200 * (10 - low)) / (high - low)], 0.1);
});

test("the least recently used goes first, by bytes", () => {
  const lru = new Lru(100);
  for (const key of ["a", "b", "c"]) lru.set(key, key, 30);
  lru.get("a");
  lru.set("d", "d", 30);
  assert.deepEqual([...lru.held.keys()], ["c", "a", "d"]);
  lru.set("c", "c", 10);
  assert.equal(lru.bytes, 70);
  lru.set("large", "large", 500);
  assert.deepEqual([...lru.held.keys()], ["large"]);
  lru.set("e", "e", 1);
  assert.deepEqual([[...lru.held.keys()], lru.bytes], [["e"], 1]);
});

test("every key of the help does something, and keys of the browser are left to it", () => {
  assert.deepEqual(wishOf({ key: "PageUp" }), { step: 10 });
  assert.deepEqual(wishOf({ key: "ArrowLeft" }), { step: -1 });
  assert.deepEqual(wishOf({ key: "ArrowLeft", shiftKey: true }), { move: [-1, 0] });
  assert.deepEqual(wishOf({ key: "PageDown", shiftKey: true }), { move: [0, 10] });
  assert.deepEqual(wishOf({ key: "?", shiftKey: true }), { act: "help" });
  assert.deepEqual(wishOf({ key: "O", shiftKey: true }), { act: "overlay" });
  assert.deepEqual(wishOf({ key: "s" }), { act: "compare" });
  assert.equal(wishOf({ key: "f", ctrlKey: true }), null);
  assert.equal(wishOf({ key: "Tab" }), null);
  for (const [keys] of SHORTCUTS) {
    for (const key of keys.split(" ")) {
      if (/^[A-Z0-9+?[\]]$/.test(key)) assert.ok(wishOf({ key }), key);
    }
  }
});

test("places are told in voxels, and in µm where the size is known", () => {
  assert.equal(placeText([1, 2, 3], [30, 20, 10]), "x 3, y 2, z 1 · 0.030, 0.040, 0.030 µm");
  assert.equal(placeText([1, 2, 3], null), "x 3, y 2, z 1");
});

test("a second threshold is none where it is not below the first", () => {
  assert.deepEqual(ordered({ threshold: 0.4, low: 0.1 }), { threshold: 0.4, low: 0.1 });
  assert.deepEqual(ordered({ threshold: 0.1, low: 0.1 }), { threshold: 0.1, low: null });
  assert.deepEqual(ordered({ threshold: 0.1, low: null }), { threshold: 0.1, low: null });
});

test("what was kept of a tomogram is used while it is the same", () => {
  const told = { shape: [10, 20, 30], range: [5, 9], version: "a" };
  const thresholds = { threshold: 0.2, low: null };
  assert.deepEqual(beginning(null, told, thresholds).at, [5, 10, 15]);
  const kept = { at: [50, 1, 2], invert: true, threshold: 0.9, low: 0.1, version: "a" };
  const state = beginning(kept, told, thresholds);
  assert.deepEqual([state.at, state.invert, state.threshold, state.low], [[9, 1, 2], true, 0.2, null]);
  assert.equal(beginning({ ...kept, version: "b" }, told, thresholds).invert, false);
});

const TOLD = { version: "v", state: "ready", progress: 1, problem: "", shape: [40, 8, 8], levels: [{ shape: [40, 8, 8], factor: 1 }] };

/** A store over a server that answers when it is let, with all that was asked of it. */
function standIn(told = TOLD) {
  const store = new PlaneStore("api/tomograms/t/display");
  store.told = told;
  const asked = [];
  globalThis.fetch = /** @type {any} */ ((url, { signal }) => new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    const answer = { ok: true, status: 200, headers: new Headers({ "X-Shape": "8,8", "X-Dtype": "uint16" }),
      arrayBuffer: async () => new ArrayBuffer(128) };
    asked.push({ url, signal, let: () => resolve(answer) });
  }));
  return { store, asked };
}

test("a plane is asked for once, and kept", async () => {
  const { store, asked } = standIn();
  const both = Promise.all([store.get(PLANES.z, 0, 3), store.get(PLANES.z, 0, 3)]);
  assert.deepEqual(asked.map(({ url }) => url), ["api/tomograms/t/planes/z/3?level=0&v=v"]);
  asked[0].let();
  assert.equal((await both)[0].codes.length, 64);
  await store.get(PLANES.z, 0, 3);
  assert.equal(asked.length, 1);
  assert.equal(store.held.bytes, 128);
});

test("what is no longer near is given up, across the same axis alone", async () => {
  const { store, asked } = standIn();
  store.readAhead(PLANES.z, 0, [3, 4, 5, 2]);
  store.readAhead(PLANES.x, 0, [1]);
  store.giveUp(PLANES.z, 0, [30, 4, 40]);
  store.readAhead(PLANES.z, 0, [30, 4, 40]);
  const given = asked.filter(({ signal }) => signal.aborted).map(({ url }) => url.match(/[zyx]\/\d+/)[0]);
  assert.deepEqual(given, ["z/3", "z/5", "z/2"]);
  assert.equal(asked.filter(({ signal }) => !signal.aborted).length, 3);
  // Asked for again, it comes.
  const again = store.get(PLANES.z, 0, 3);
  asked.at(-1).let();
  assert.equal((await again).rows, 8);
});

test("until the planes are prepared only slices are asked for", async () => {
  const { store, asked } = standIn({ ...TOLD, state: "making", progress: 0.4 });
  await assert.rejects(store.get(PLANES.y, 0, 3), (error) => error instanceof NotYet && error.message.includes("40 %"));
  store.get(PLANES.z, 0, 3).catch(() => {});
  assert.equal(asked.length, 1);
});
