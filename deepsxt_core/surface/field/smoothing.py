"""The smooth field that a surface is cut from, slab by slab."""

import math
from collections.abc import Iterator

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import grey_closing

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.surface.field.instances import split_planes
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.volume import Mask, Score

BORDER = 2
"""Planes of the field beyond the outermost voxels: their outer face, and the outside."""

SLAB_VOXELS = 1 << 24
"""Voxels worked on at once, about."""

# A value exactly at the threshold would put a vertex on a grid point, where several vertices
# coincide and triangles have no area. Kept this far away, a vertex stays at least 1/2000 of a
# voxel from the grid point.
_MARGIN = np.float32(1e-3)
# Vertices lie on the surface, and the flat triangles between them cut off what bulges out: about
# 0.17 voxel² times the sum of the two curvatures. A kernel of second moment m moves the surface
# inwards by m/2 times the same sum, so a negative one makes up for it. Measured on balls and
# tubes of radius 4 to 14 voxels at random places: this value leaves less than 0.015 voxel² with
# cubic voxels, and 0.02 with voxels of 3 : 2 : 1.
_SECOND_MOMENT = -0.35
# Field in a cut, of what it was there: a quarter leaves a gap of 0.4 voxels between the surfaces,
# without the slivers of a smaller one.
_CUT = np.float32(0.25)


def smoothing_kernel(sigma_voxels: float, second_moment: float) -> NDArray[np.float64]:
    """Return a smoothing kernel of sum 1 and a chosen second moment, in voxel².

    A plain Gaussian moves a curved surface inwards by sigma² times its mean curvature, which
    costs a ball of radius 6 voxels a tenth of its volume at sigma = 1. The factor (a + b x²)
    sets the second moment (Wand and Schucany 1990, Canadian Journal of Statistics 18, 197-204,
    for 0); a and b are solved for on the sampled kernel, so that the moments hold exactly.
    """
    if sigma_voxels < 0.25:
        return np.ones(1)  # sampled at whole voxels, a narrower kernel is the identity
    radius = math.ceil(4 * sigma_voxels)
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    gaussian = np.exp(-(x**2) / (2 * sigma_voxels**2))
    moments = [float(np.sum(gaussian * x**power)) for power in (0, 2, 4)]
    a, b = np.linalg.solve([moments[:2], moments[1:]], [1.0, second_moment])
    return gaussian * (a + b * x**2)


def field_slabs(
    source: Score | Mask,
    params: ReconstructParams,
    cuts: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the smoothed score minus the lower threshold in slabs that share their outermost slice.

    A mask counts as a score of -1 and +1 and a threshold of 0. The `cuts` are those of
    `cuts_at_necks`; without them, they are found here.

    Yields
    ------
    first : int
        Index of the first slice of the volume in the slab.
    field : ndarray
        float32 (slices, y + 4, x + 4), nowhere 0. `BORDER` planes lie around the volume, thus
        along z in the first and the last slab only. The inner one repeats the outermost voxels
        and stands for their outer face; the outer one is negative. An object cut by the border
        is closed by a flat cap that meets its sides in a sharp rim.
    """
    enclosed = _enclosed(source, params) if params.fill_lumens else None
    if cuts is None:
        cuts = cuts_at_necks(source, params)
    depth = source.volume.shape[0]
    for first, end in _overlapping_slabs(source):
        inner = _slab(source, params, first, end)
        if enclosed is not None:
            inside = enclosed[first:end]
            np.abs(inner, out=inner, where=inside)
            if params.low is not None:
                # What is filled in is nothing certain, and still inside.
                highest = max(core_height(params), float(_MARGIN))
                np.minimum(inner, highest, out=inner, where=inside)
        if cuts is not None:
            # Just below the threshold, so that the surfaces on both sides come close.
            part = cuts[first:end]
            inner[part] = -np.maximum(inner[part] * _CUT, _MARGIN)
        low, high = BORDER * (first == 0), BORDER * (end == depth)
        field = np.pad(inner, ((low, high), (BORDER, BORDER), (BORDER, BORDER)), "edge")
        if low:
            _turn_outside(field[0])
        if high:
            _turn_outside(field[-1])
        for axis in (1, 2):
            planes = np.moveaxis(field, axis, 0)
            _turn_outside(planes[0])
            _turn_outside(planes[-1])
        yield first, field


def core_height(params: ReconstructParams) -> float:
    """Return what the field of an object exceeds somewhere; with one threshold, 0."""
    return params.threshold - params.level


def cuts_at_necks(source: Score | Mask, params: ReconstructParams) -> NDArray[np.bool_] | None:
    """Return the voxels (z, y, x) that part bodies at their necks; None where splitting is off."""
    if not params.split_voxels:
        return None
    inside = np.empty(source.volume.shape, bool)
    for first, end in _overlapping_slabs(source):
        inside[first:end] = _slab(source, params, first, end) > 0
    if params.fill_lumens:
        inside |= _enclosed(source, params)
    edges_zyx = np.array(source.volume.voxel_size_nm or (1.0, 1.0, 1.0))
    return split_planes(inside, edges_zyx, params.split_voxels)


def _overlapping_slabs(source: Score | Mask) -> Iterator[tuple[int, int]]:
    depth, height, width = source.volume.shape
    step = max(8, SLAB_VOXELS // (height * width))
    for first in range(0, max(1, depth - 1), step):
        yield first, min(first + step + 1, depth)


def _enclosed(source: Score | Mask, params: ReconstructParams) -> NDArray[np.bool_]:
    """Return which voxels (z, y, x) below the lower threshold cannot be reached from the border."""
    outside = np.empty(source.volume.shape, bool)
    for first, end in _overlapping_slabs(source):
        outside[first:end] = _slab(source, params, first, end) < 0
    # The background of what hangs together by faces hangs together by corners.
    labels, n = cc3d.connected_components(outside, connectivity=26, return_N=True)
    reached = np.zeros(n + 1, bool)
    reached[0] = True
    for axis in range(3):
        planes = np.moveaxis(labels, axis, 0)
        reached[planes[0]] = reached[planes[-1]] = True
    return ~reached[labels]


def _slab(
    source: Score | Mask, params: ReconstructParams, first: int, end: int
) -> NDArray[np.float32]:
    """Return slices `first` to `end` of the smoothed score minus the lower threshold, nowhere 0."""
    radius = params.close_gap_voxels
    low, high = max(0, first - 2 * radius), min(source.volume.shape[0], end + 2 * radius)
    field = _smoothed(source, params, low, high)
    if radius:
        # Of grey values, so that the surface elsewhere stays where it is between the voxels.
        z, y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
        ball = z**2 + y**2 + x**2 <= (radius + 0.25) ** 2
        field = grey_closing(field, footprint=ball, mode="nearest")[first - low : end - low]
    field -= np.float32(params.level if isinstance(source, Score) else 0.0)
    too_near = np.abs(field) < _MARGIN
    field[too_near] = np.where(field[too_near] > 0, _MARGIN, -_MARGIN)
    return field


def _smoothed(
    source: Score | Mask, params: ReconstructParams, first: int, end: int
) -> NDArray[np.float32]:
    kernel = smoothing_kernel(params.smoothing_voxels, _SECOND_MOMENT)
    halo = len(kernel) // 2
    low, high = max(0, first - halo), min(source.volume.shape[0], end + halo)
    field = _read(source, low, high)
    if not halo:
        return field
    # Slice by slice, in the cache of the processor: three times as fast as on the whole. Beyond
    # the volume the outermost voxels are repeated; inside it there is the halo.
    _, height, width = field.shape
    smooth = np.empty((end - first, height, width), np.float32)
    for i, out in enumerate(smooth):
        near = np.clip(np.arange(i - halo, i + halo + 1) + first - low, 0, len(field) - 1)
        along_z = _weighted([field[z] for z in near], kernel)
        rows = np.pad(along_z, ((halo, halo), (0, 0)), "edge")
        along_y = _weighted([rows[k : k + height] for k in range(len(kernel))], kernel)
        columns = np.pad(along_y, ((0, 0), (halo, halo)), "edge")
        out[:] = _weighted([columns[:, k : k + width] for k in range(len(kernel))], kernel)
    return smooth


def _weighted(planes: list[NDArray[np.float32]], kernel: NDArray) -> NDArray[np.float32]:
    """Return the sum of planes with the weights of a symmetric kernel."""
    halo = len(kernel) // 2
    weights = kernel.astype(np.float32)
    total = weights[halo] * planes[halo]
    for k in range(halo):
        pair = planes[k] + planes[-1 - k]
        pair *= weights[k]
        total += pair
    return total


def _read(source: Score | Mask, z0: int, z1: int) -> NDArray[np.float32]:
    if isinstance(source, Score):
        codes = source.volume.read(z0, z1)
        if codes.dtype != np.uint8:
            raise InvalidParameterError(f"A score is stored as uint8 codes: got {codes.dtype}.")
        return Score.decode(codes)
    return np.where(source.read_mask(z0, z1), np.float32(1), np.float32(-1))


def _turn_outside(plane: NDArray[np.float32]) -> None:
    np.negative(np.abs(plane, out=plane), out=plane)
