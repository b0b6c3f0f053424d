import assert from "node:assert/strict";
import { test } from "node:test";

import { droppedFiles, mayBeSlices } from "../upload/dropped.js";

const file = (name) => ({ name, isFile: true, isDirectory: false, file: (resolve) => resolve({ name }) });
const folder = (name, ...inside) => {
  // As a browser does: in parts, of which an empty one is the last.
  const createReader = () => {
    const left = [...inside];
    return { readEntries: (resolve) => resolve(left.splice(0, 2)) };
  };
  return { name, isFile: false, isDirectory: true, createReader };
};
const names = ({ files }) => files.map(({ name }) => name);

test("files are taken as they are, of folders what may be a tomogram, however deep", async () => {
  const day = folder("day 1", file("a.mrc"), file("notes.txt"), file(".hidden.tif"), folder("deep", file("B.TIF")), folder(".git", file("c.mrc")));
  const found = await droppedFiles([file("anything.xyz"), day], [".mrc", ".tif"]);
  assert.deepEqual(names(found), ["anything.xyz", "a.mrc", "B.TIF"]);
  assert.deepEqual(found.problems, []);
});

test("slices of one stack do not become tomograms of one slice each", async () => {
  const slices = [1, 2, 3, 4, 5].map((n) => file(`slice_${n}.tif`));
  const found = await droppedFiles([folder("stack", ...slices, file("notes.txt")), folder("two", ...slices.slice(0, 2))], [".tif"]);
  assert.deepEqual(names(found), ["slice_1.tif", "slice_2.tif"]);
  assert.match(found.problems.join(), /^stack holds numbered pictures/);
  assert.ok(!mayBeSlices(["a1.tif", "b1.tif", "c1.tif", "d1.tif"]));
});

test("an OME-Zarr is not taken apart", async () => {
  const found = await droppedFiles([folder("image.zarr", file("zarr.json"), folder("0", file("x.tif")))], [".tif"]);
  assert.deepEqual(names(found), []);
  assert.match(found.problems.join(), /zip the folder/);
});
