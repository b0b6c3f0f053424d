"""A surface to look at while a threshold is moved: of binned scores, in a fraction of a second.

All of this may run in any thread: it calls neither VTK nor the libraries that thin meshes.
"""

import json
import math
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.geometry import Place, Shape
from deepsxt_core.surface.field.instances import CONNECTIVITY, without_core
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.volume import Score, require_order

MOST_VOXELS = 1 << 20
"""Voxels of a binned score, at most, which take as many bytes."""

_SLAB_VOXELS = 1 << 24


@dataclass(frozen=True, slots=True)
class CoarseScore:
    """A score of few voxels.

    Attributes
    ----------
    codes : ndarray
        uint8 (z, y, x), with a rim of 0 around, so that all surfaces are closed. A voxel has the
        highest code of those that it stands for: what is thin does not vanish, and looks thicker.
    bins : (z, y, x)
        How many voxels of the score it stands for along each axis.
    edges, first : (z, y, x)
        Edge of a voxel and centre of the first one within the rim, in the unit.
    unit : str
        Of the surfaces.
    """

    codes: NDArray[np.uint8]
    bins: Shape
    edges: Place
    first: Place
    unit: Unit


def coarse_score(score: Score, most_voxels: int = MOST_VOXELS) -> CoarseScore:
    """Bin a score, which is read once, slab by slab."""
    volume = score.placed
    bins = _bins(volume.shape, most_voxels)
    codes = np.zeros([n + 2 for n in _binned(volume.shape, bins)], np.uint8)
    layers = max(1, _SLAB_VOXELS // math.prod(volume.shape[1:]) // bins[0]) * bins[0]
    for z0 in range(0, volume.shape[0], layers):
        slab = score.volume.read(z0, min(volume.shape[0], z0 + layers))
        for axis, factor in enumerate(bins):
            slab = np.maximum.reduceat(slab, np.arange(0, slab.shape[axis], factor), axis=axis)
        at = 1 + z0 // bins[0]
        codes[at : at + len(slab), 1:-1, 1:-1] = slab
    size = volume.voxel_size_nm
    lengths = (1.0, 1.0, 1.0) if size is None else [edge / 1000 for edge in size]
    origin = volume.first_voxel if size is None else [at / 1000 for at in volume.origin_nm]
    steps = list(zip(origin, lengths, bins, strict=True))
    z, y, x = (at + edge * (factor - 1) / 2 for at, edge, factor in steps)
    dz, dy, dx = (edge * factor for _, edge, factor in steps)
    return CoarseScore(codes, bins, (dz, dy, dx), (z, y, x), "voxel" if size is None else "µm")


def coarse_view(coarse: CoarseScore, threshold: float, low: float | None = None) -> bytes:
    """Return the surface above a threshold as the 3D view reads it, as one object of id 1.

    With a second threshold, of what is above it that holds something above the first. By marching
    cubes (Lewiner et al. 2003). The layout is that of `deepsxt_core.surface.view`.

    Raises
    ------
    EmptySurfaceError
        If nothing lies above the threshold.
    InvalidParameterError
        If a threshold is not in [-1, 1), or the second above the first.
    """
    # Imported here because it takes a second, and few need it.
    from skimage.measure import marching_cubes

    require_order(low, threshold)
    level = Score.threshold_code(threshold) - 0.5
    codes = coarse.codes
    if codes.max() < level:
        raise EmptySurfaceError(f"Nothing scores above {threshold:.2f}. Lower the threshold.")
    if low is not None:
        core, level = codes > level, Score.threshold_code(low) - 0.5
        parts = cc3d.connected_components(codes > level, connectivity=CONNECTIVITY)
        codes = np.where(without_core(parts, core), 0, codes)
    corners, triangles, _, _ = marching_cubes(codes, level)
    places = (corners - 1) * np.array(coarse.edges) + np.array(coarse.first)
    # In space x comes first.
    points = np.ascontiguousarray(places[:, ::-1], "<f4")
    faces = np.ascontiguousarray(triangles, "<u4")
    ends = np.stack([points.min(axis=0), points.max(axis=0)], axis=1)
    head = json.dumps(
        {
            "unit": coarse.unit,
            "points": len(points),
            "faces": len(faces),
            "bins": list(coarse.bins),
            "objects": {
                "object": [1],
                "points": [len(points)],
                "bounds": [ends.ravel().tolist()],
            },
        }
    ).encode()
    head += b" " * (-len(head) % 4)
    length = np.uint32(len(head)).astype("<u4").tobytes()
    return b"".join((length, head, points.tobytes(), faces.tobytes()))


def _bins(shape: Shape, most_voxels: int) -> Shape:
    """Return the least binning, the same along all axes that are long enough for it."""
    factor = 1
    while True:
        z, y, x = (min(factor, n) for n in shape)
        if math.prod(_binned(shape, (z, y, x))) <= most_voxels:
            return z, y, x
        factor += 1


def _binned(shape: Shape, bins: Shape) -> list[int]:
    return [math.ceil(n / factor) for n, factor in zip(shape, bins, strict=True)]
