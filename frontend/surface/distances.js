// The surface coloured by its distance to another one, or to a truth. The server measures it.

const FAR = 1e30; // stands in the mesh for what is not known
const RANGE_SHARE = 0.98;
const VOXELS = 2; // the tolerance that nobody has set

/** Colours as in the slices: what reaches beyond the other, what stays behind it, and what agrees. */
export const BEYOND = [242, 120, 40], BEHIND = [86, 150, 255], WITHIN = [46, 178, 130], LEVEL = [235, 235, 235];

/** The distance that the scale ends at: nearly all lie nearer.
 *  @param {Float32Array} distances NaN where it is not known */
export function rangeOf(distances) {
  const step = Math.max(1, Math.floor(distances.length / 20000));
  const known = Array.from(distances).filter((value, n) => n % step === 0 && Number.isFinite(value)).map(Math.abs);
  known.sort((a, b) => a - b);
  return known[Math.floor((known.length - 1) * RANGE_SHARE)] || 1;
}

/** The colour at a share of the scale, from inside (0) to outside (1). */
export function deviationColour(/** @type {number} */ share) {
  const end = share < 0.5 ? BEHIND : BEYOND;
  const part = Math.min(1, Math.abs(share - 0.5) * 2);
  return LEVEL.map((value, n) => Math.round(value + (end[n] - value) * part));
}

/** What lengths of the surface are told in: [unit, how many of it make one of the surface's].
 *  @param {string} unit
 *  @returns {[string, number]} */
export const toldIn = (unit) => (unit === "µm" ? ["nm", 1000] : ["voxels", 1]);

/** The tolerance in nm, or in voxels where their size is not known: as it was set, else two voxels.
 *  @param {number | null} set
 *  @param {number[]} edges of a voxel, in the unit of the surface
 *  @param {string} unit */
export function toleranceOf(set, edges, unit) {
  return set ?? +(VOXELS * Math.max(...edges) * toldIn(unit)[1]).toPrecision(2);
}

/** What the legend says of the distances.
 *  @param {string} kind "signed" or "beyond"
 *  @param {number} range in the unit of the surface
 *  @param {number} tolerance in the unit that is told
 *  @param {string} unit of the surface
 *  @param {string} name of the other one */
export function legendOf(kind, range, tolerance, unit, name) {
  const [told, factor] = toldIn(unit);
  const short = name.length > 34 ? `${name.slice(0, 33)}…` : name;
  if (kind === "signed") {
    return { title: `Distance to ${short} (${told})`, marks: [[0, -range * factor], [0.5, 0], [1, range * factor]], colour: deviationColour };
  }
  return {
    title: `Against ${short}`,
    swatches: [
      [BEYOND, `more than ${tolerance} ${told} outside of it`], [WITHIN, `within ${tolerance} ${told}`],
      [BEHIND, `more than ${tolerance} ${told} inside of it`],
    ],
  };
}

/** What the surface is compared with, of what is offered.
 *  @param {any} view */
export const otherOf = ({ data, state }) => data.distances.find(({ id }) => id === state.against) ?? data.distances[0];

/** Fetch the distances for all meshes that are here, once, if the colours shall stand for them.
 *  @param {any} view */
export async function loadDistances(view) {
  const { scene, state, unit } = view;
  const other = state.colour === "distance" ? otherOf(view) : null;
  if (!other) return scene.setDeviation(0, 1);
  view.note("colour", "Measuring the distances …");
  try {
    for (const level of Object.keys(scene.levels).filter((name) => name !== "live")) {
      if (scene.levels[level].against === other.id) continue;
      const address = new URL(`${other.address}view-${level}.bin`, document.baseURI);
      const answer = await fetch(address, { signal: view.loading.signal });
      if (!answer.ok) throw new Error(await answer.text());
      const distances = new Float32Array(await answer.arrayBuffer());
      if (view.scene !== scene || otherOf(view) !== other) return;
      view.range = rangeOf(distances);
      scene.setDistances(level, other.id, distances.map((value) => (Number.isFinite(value) ? value : FAR)));
    }
    const tolerance = toleranceOf(state.tolerance, view.data.slices.edges, unit);
    const signed = state.deviation === "signed";
    scene.setDeviation(signed ? 1 : 2, signed ? view.range : tolerance / toldIn(unit)[1]);
    view.note("colour", "Grey: the other one says nothing there. What it has and this surface lacks lies on no place of this one.");
  } catch (error) {
    if (error.name !== "AbortError") view.note("colour", `Not measured: ${error.message}`);
  }
  view.paint();
}
