import assert from "node:assert/strict";
import { test } from "node:test";

import { placeOf } from "../manual/manual.js";

const BASE = "http://localhost:8501/lab/";

test("a link to a document is known, and no other", () => {
  assert.deepEqual(placeOf("help?doc=review&section=how", BASE), { name: "review", section: "how" });
  assert.deepEqual(placeOf("help", BASE), { name: "index", section: "" });
  for (const other of ["https://doi.org/help?doc=x", "slices?doc=review", "http://localhost:8501/help?doc=review"]) {
    assert.equal(placeOf(other, BASE), null);
  }
});
