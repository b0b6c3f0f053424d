// Fetches a mesh as `deepsxt_core.surface.view` writes it, and prepares it for the graphics card.

const FIRST_BYTE_MS = 180_000; // the server may have to make the file first
const NEXT_BYTE_MS = 30_000;

/** Resolve to a mesh; `onProgress` is told the bytes so far and in all. A server that says nothing
 *  for too long is given up. */
export async function fetchMesh(address, { signal, onProgress }) {
  const stalled = new AbortController();
  const giveUp = () => stalled.abort(new Error("The server stopped sending the surface."));
  let timer = setTimeout(giveUp, FIRST_BYTE_MS);
  try {
    const answer = await fetch(new URL(address, document.baseURI), {
      signal: AbortSignal.any([signal, stalled.signal]),
    });
    if (!answer.ok) throw new Error((await answer.text()) || `The server answered ${answer.status}.`);
    const total = +answer.headers.get("content-length");
    const bytes = new Uint8Array(total);
    let at = 0;
    for await (const piece of pieces(answer.body)) {
      bytes.set(piece, at);
      at += piece.length;
      onProgress?.(at, total);
      clearTimeout(timer);
      timer = setTimeout(giveUp, NEXT_BYTE_MS);
    }
    return decode(bytes.buffer);
  } finally {
    clearTimeout(timer);
  }
}

async function* pieces(body) {
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const points = new Float32Array(buffer, 4 + length, 3 * head.points);
  const triangles = new Uint32Array(buffer, 4 + length + points.byteLength, 3 * head.faces);
  return { head, points, triangles, normals: normals(points, triangles), places: places(head) };
}

/** The row of its object for each point; points are ordered by object. */
function places(head) {
  const found = new Float32Array(head.points);
  let end = 0;
  for (const [row, count] of head.objects.points.entries()) {
    found.fill(row, end, end + count);
    end += count;
  }
  return found;
}

/** Unit normals of the points, faces weighted by area. */
function normals(points, triangles) {
  const sums = new Float32Array(points.length);
  for (let i = 0; i < triangles.length; i += 3) {
    const [a, b, c] = [3 * triangles[i], 3 * triangles[i + 1], 3 * triangles[i + 2]];
    const [ux, uy, uz] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
    const [vx, vy, vz] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
    const [x, y, z] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    sums[a] += x; sums[a + 1] += y; sums[a + 2] += z;
    sums[b] += x; sums[b + 1] += y; sums[b + 2] += z;
    sums[c] += x; sums[c + 1] += y; sums[c + 2] += z;
  }
  for (let i = 0; i < sums.length; i += 3) {
    const length = Math.hypot(sums[i], sums[i + 1], sums[i + 2]) || 1;
    sums[i] /= length; sums[i + 1] /= length; sums[i + 2] /= length;
  }
  return sums;
}
