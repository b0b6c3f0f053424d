// Bundles libraries.js into the front end. The same versions give the same bytes.

import { readFileSync } from "node:fs";
import { build } from "esbuild";

const packages = ["three", "gifenc", "mp4-muxer"];
const read = (name, file) => readFileSync(`node_modules/${name}/${file}`, "utf8").trim();
const licences = packages.map((name) => {
  const { version, license } = JSON.parse(read(name, "package.json"));
  const file = { gifenc: "LICENSE.md" }[name] ?? "LICENSE";
  return `${name} ${version} (${license})\n\n${read(name, file)}`;
});

await build({
  entryPoints: ["libraries.js"],
  outfile: "../frontend/surface/libraries.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  banner: { js: `/*! Built by pages/shared/surface_view from:\n\n${licences.join("\n\n---\n\n")}\n*/` },
});
