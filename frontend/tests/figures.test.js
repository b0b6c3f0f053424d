import assert from "node:assert/strict";
import { test } from "node:test";

import { AT_FIRST } from "../planes/editing/state.js";
import { figureQuery, filmWords, framesOf, sightOf } from "../planes/figures.js";
import { fitted } from "../planes/geometry.js";

const PANE = { edges: [10, 20], size: [400, 300], extent: [100, 60] };
const STATE = { black: 3, white: 9, invert: false, overlay: true, style: "fill", threshold: 0.2, low: null, opacity: 60 };
const OVER = { score: "api/tomograms/t/scores/s/display", annotation: "api/tomograms/t/annotations/a", holding: AT_FIRST };

test("what is in sight is the part of the plane on the screen, in its pixels", () => {
  const whole = sightOf({ ...PANE, view: fitted(PANE.extent, PANE.edges, PANE.size) });
  assert.deepEqual(whole.view.map(Math.round), [0, 0, 60, 100]);
  assert.equal(whole.width, 250);
  const near = sightOf({ ...PANE, view: { zoom: 1, centre: [10, 30], fitted: false } });
  assert.deepEqual(near.view, [22.5, 0, 37.5, 30]);
  assert.equal(near.width, 300);
  assert.equal(sightOf({ ...PANE, view: { zoom: 1, centre: [-100, 30], fitted: false } }), null);
});

test("the server is told what is shown, and nothing that is not", () => {
  const sight = { view: [0, 1, 2, 3], width: 500 };
  const told = new URLSearchParams(figureQuery(sight, STATE, OVER, { ratio: 4, caption: true }));
  assert.equal(told.get("view"), "0.00,1.00,2.00,3.00");
  assert.deepEqual(["width_px", "ratio", "score", "annotation", "threshold", "opacity", "low"].map((name) => told.get(name)),
    ["500", "4", "s", "a", "0.2", "0.6", null]);
  const holding = { ...AT_FIRST, labels: false };
  const bare = new URLSearchParams(figureQuery(sight, { ...STATE, overlay: false }, { ...OVER, holding }, { ratio: 1, caption: false }));
  assert.deepEqual(["score", "annotation", "threshold", "caption"].map((name) => bare.get(name)), [null, null, null, "0"]);
  const hiding = { ...AT_FIRST, hidden: new Set([3, 5]), isolated: 7 };
  const some = new URLSearchParams(figureQuery(sight, { ...STATE, low: -0.1 }, { ...OVER, holding: hiding }, { ratio: 1, caption: true }));
  assert.deepEqual(["hidden", "only", "low"].map((name) => some.get(name)), ["3,5", "7", "-0.1"]);
});

test("a film goes through all slices, evenly, and its size is said beforehand", () => {
  const short = framesOf(5, { format: "mp4", seconds: 10 });
  assert.deepEqual(short, { indices: [0, 1, 2, 3, 4], perSecond: 0.5 });
  const { indices } = framesOf(1000, { format: "gif", seconds: 2 });
  assert.equal(indices.length, 24);
  assert.deepEqual([indices[0], indices.at(-1)], [0, 999]);
  assert.deepEqual(framesOf(1, { format: "gif", seconds: 2 }).indices, [0]);
  const sight = { view: [0, 0, 1, 1], width: 1000, height: 500 };
  assert.equal(filmWords(300, sight, { format: "mp4", seconds: 8 }), "240 slices of 1000 × 500 px, at most 4 MB");
  assert.match(filmWords(300, sight, { format: "gif", seconds: 8 }), /^96 slices of 640 × 320 px, about 10 MB$/);
});
