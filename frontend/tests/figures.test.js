import assert from "node:assert/strict";
import { test } from "node:test";

import { AT_FIRST } from "../planes/editing/state.js";
import { queryOf, shotOf, sightOf } from "../planes/figures.js";
import { fitted } from "../planes/geometry.js";

const PANE = { edges: [10, 20], size: [400, 300], extent: [100, 60] };
const STATE = { black: 3, white: 9, invert: false, overlay: true, style: "fill", threshold: 0.2, low: null, opacity: 60 };
const OVER = {
  first: "api/tomograms/t/scores/s/display", other: null, chosen: null, limits: { threshold: 0.2, low: null }, line: 0.5,
  annotation: "api/tomograms/t/annotations/a", style: "fill", holding: AT_FIRST,
};

test("what is in sight is the part of the plane on the screen, in its pixels", () => {
  const whole = sightOf({ ...PANE, view: fitted(PANE.extent, PANE.edges, PANE.size) });
  assert.deepEqual(whole.view.map(Math.round), [0, 0, 60, 100]);
  assert.equal(whole.width, 250);
  const near = sightOf({ ...PANE, view: { zoom: 1, centre: [10, 30], fitted: false } });
  assert.deepEqual(near.view, [22.5, 0, 37.5, 30]);
  assert.equal(near.width, 300);
  assert.equal(sightOf({ ...PANE, view: { zoom: 1, centre: [-100, 30], fitted: false } }), null);
});

const drawn = (sight, state, over, wish = { ratio: 1, caption: true }) =>
  new URLSearchParams(queryOf(shotOf({ plane: { axis: "z" } }, 3, sight, state, over), wish));
const values = (query, ...names) => names.map((name) => query.get(name));
const SIGHT = { view: [0, 1, 2, 3], width: 500 };

test("the server is told what is shown, and nothing that is not", () => {
  const told = drawn(SIGHT, STATE, OVER, { ratio: 4, caption: true });
  assert.deepEqual(values(told, "view", "width_px", "ratio", "first", "annotation", "threshold", "opacity", "low", "compare"),
    ["0,1,2,3", "500", "4", "scores/s", "a", "0.2", "0.6", null, null]);
  const holding = { ...AT_FIRST, labels: false };
  const bare = drawn(SIGHT, { ...STATE, overlay: false }, { ...OVER, holding }, { ratio: 1, caption: false });
  assert.deepEqual(values(bare, "first", "annotation", "threshold", "caption"), [null, null, null, "0"]);
  const hiding = { ...AT_FIRST, hidden: new Set([3, 5]), isolated: 7 };
  const limits = { threshold: 0.2, low: -0.1 };
  assert.deepEqual(values(drawn(SIGHT, STATE, { ...OVER, limits, holding: hiding }), "hidden", "only", "low"), ["3,5", "7", "-0.1"]);
});

test("what is compared is told by its names, with the line where it is seen", () => {
  const chosen = { id: "x", from: null, mode: "side", threshold: 0.4 };
  const other = "api/tomograms/t/scores/s/truths/0a-3/display";
  const first = "api/tomograms/t/annotations/a/judged/display";
  const told = drawn(SIGHT, STATE, { ...OVER, first, other, chosen, line: 0.25 });
  assert.deepEqual(values(told, "first", "other", "compare", "other_threshold", "share", "width_px"),
    ["annotations/a/judged", "scores/s/truths/0a-3", "side", "0.4", "0.25", "1004"]);
});
