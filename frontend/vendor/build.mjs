// Bundles entry.js into libraries.js. The same versions give the same bytes; with --check nothing is
// written, and another content than the one that is there is an error.

import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const TARGET = "vendor/libraries.js";
const packages = ["three", "gifenc", "mp4-muxer"];
const read = (name, file) => readFileSync(`node_modules/${name}/${file}`, "utf8").trim();
const licences = packages.map((name) => {
  const { version, license } = JSON.parse(read(name, "package.json"));
  const file = { gifenc: "LICENSE.md" }[name] ?? "LICENSE";
  return `${name} ${version} (${license})\n\n${read(name, file)}`;
});

const { outputFiles: [bundle] } = await build({
  entryPoints: ["vendor/entry.js"],
  write: false,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  banner: { js: `/*! Built by frontend/vendor from:\n\n${licences.join("\n\n---\n\n")}\n*/` },
});
if (!process.argv.includes("--check")) writeFileSync(TARGET, bundle.contents);
else if (!readFileSync(TARGET).equals(Buffer.from(bundle.contents))) {
  console.error(`${TARGET} is not what vendor/entry.js gives. Run: npm run build`);
  process.exit(1);
}
