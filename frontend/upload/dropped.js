// What was dropped: files, and folders with all that is in them.

const FEWEST_SLICES = 4;
const PICTURES = [".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp"];
const MOST_FILES = 1000;

/**
 * @typedef {{isFile: boolean, isDirectory: boolean, name: string, file?: Function, createReader?: Function}} Dropped
 * @typedef {{files: File[], problems: string[]}} Found
 */

/**
 * Files of a drop; of folders those that end as tomograms do.
 * @param {Dropped[]} entries what was dropped, as the browser tells it
 * @param {string[]} suffixes of files that are taken out of folders
 * @returns {Promise<Found>}
 */
export async function droppedFiles(entries, suffixes) {
  /** @type {Found} */
  const found = { files: [], problems: [] };
  for (const entry of entries) {
    if (entry.isFile) found.files.push(await fileOf(entry));
    else if (entry.isDirectory) await open(entry, suffixes, found);
  }
  return found;
}

/** Whether files of these names may be the slices of one stack: pictures that differ in a number.
 *  @param {string[]} names */
export function mayBeSlices(names) {
  const pictures = names.map((name) => name.toLowerCase()).filter((name) => PICTURES.some((end) => name.endsWith(end)));
  return pictures.length >= FEWEST_SLICES && new Set(pictures.map((name) => name.replace(/\d+/g, "#"))).size === 1;
}

/** @param {Dropped} folder
 *  @param {string[]} suffixes
 *  @param {Found} found */
async function open(folder, suffixes, found) {
  const inside = (await entriesOf(folder)).filter((entry) => !entry.name.startsWith("."));
  const files = inside.filter((entry) => entry.isFile);
  if (files.some((entry) => /^(zarr\.json|\.?zgroup)$/.test(entry.name))) {
    found.problems.push(`${folder.name} is an OME-Zarr: zip the folder and drop that.`);
    return;
  }
  if (mayBeSlices(files.map((entry) => entry.name))) {
    found.problems.push(`${folder.name} holds numbered pictures, the slices of one tomogram: zip the folder and drop that.`);
    return;
  }
  for (const entry of files.filter(({ name }) => suffixes.some((end) => name.toLowerCase().endsWith(end)))) {
    if (found.files.length >= MOST_FILES) {
      found.problems.push(`${folder.name}: at most ${MOST_FILES} files are taken at once.`);
      return;
    }
    found.files.push(await fileOf(entry));
  }
  for (const entry of inside) if (entry.isDirectory) await open(entry, suffixes, found);
}

/** @param {Dropped} entry
 *  @returns {Promise<File>} */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file?.(resolve, reject));
}

// The browser hands out what is in a folder in parts; an empty one is the last.
/** @param {Dropped} folder
 *  @returns {Promise<Dropped[]>} */
async function entriesOf(folder) {
  const reader = folder.createReader?.();
  /** @type {Dropped[]} */
  const all = [];
  for (;;) {
    /** @type {Dropped[]} */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return all;
    all.push(...part);
  }
}
