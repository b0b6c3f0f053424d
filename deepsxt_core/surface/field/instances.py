"""What counts as one object: bodies that touch are split, bodies that belong together merged."""

from collections.abc import Iterator, Sequence
from typing import Final

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from deepsxt_core.errors import InvalidParameterError

# Voxels that touch by an edge or a corner are separate bodies for flying edges too.
CONNECTIVITY: Final = 6


def split_planes(
    inside: NDArray[np.bool_], edges_zyx: NDArray[np.float64], depth_voxels: float
) -> NDArray[np.bool_]:
    """Return the voxels that part bodies at their necks, bool (z, y, x).

    The distance to the surface is largest in the middle of each part. Two parts are parted if
    it drops by `depth_voxels` from the smaller of the two maxima to the neck between, along the
    watershed (Beucher and Lantuéjoul 1979).

    Parameters
    ----------
    inside : ndarray
        bool (z, y, x).
    edges_zyx : ndarray
        Of a voxel, in any unit; distances count in cube roots of a voxel's volume.
    depth_voxels : float
        Above 0.
    """
    planes = np.zeros(inside.shape, bool)
    for box, body, basins in _parted(inside, edges_zyx, depth_voxels, lines=True):
        planes[box] |= body & (basins == 0)
    return planes


def split_labels(
    labels: NDArray[np.int32], edges_zyx: NDArray[np.float64], depth_voxels: float
) -> NDArray[np.int32]:
    """Return labels of which those with a neck are several, with no gap between.

    Necks are those of `split_planes`. The largest part of each body keeps the label; the others
    get those that follow the highest one, in the order of the labels.

    Parameters
    ----------
    labels : ndarray
        int32 (z, y, x), 0 is the background.
    edges_zyx : ndarray
        Of a voxel, in any unit.
    depth_voxels : float
        Above 0.
    """
    split = labels.copy()
    known = np.unique(labels[labels > 0])
    highest = int(labels.max())
    places = np.where(labels > 0, np.searchsorted(known, labels) + 1, 0)
    for label, box in zip(known, find_objects(places), strict=True):
        for inner, _, basins in _parted(labels[box] == label, edges_zyx, depth_voxels):
            sizes = np.bincount(basins.ravel())
            parts = np.argsort(-sizes[1:], kind="stable") + 1
            for part in parts[1:].tolist():
                highest += 1
                split[box][inner][basins == part] = highest
    return split


def _parted(
    inside: NDArray[np.bool_],
    edges_zyx: NDArray[np.float64],
    depth_voxels: float,
    *,
    lines: bool = False,
) -> Iterator[tuple[tuple[slice, ...], NDArray[np.bool_], NDArray[np.int32]]]:
    """Yield the box, the voxels and the parts, from 1, of each body that has several.

    With `lines`, the voxels where parts meet belong to none.
    """
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    labels, n = cc3d.connected_components(inside, connectivity=CONNECTIVITY, return_N=True)
    sampling = edges_zyx / np.cbrt(edges_zyx.prod())
    for label, box in enumerate(find_objects(labels, n), 1):
        # Outside the volume is outside the body; a rim keeps the maxima off the border.
        body = np.pad(labels[box] == label, 1)
        distance = distance_transform_edt(body, sampling)
        if distance.max() <= depth_voxels:
            continue
        # Maxima that less than the depth parts are one plateau once it is taken off.
        flooded = reconstruction(distance - depth_voxels, distance)
        middles, parts = cc3d.connected_components(
            local_maxima(flooded) & body, connectivity=26, return_N=True
        )
        if parts < 2:
            continue
        basins = watershed(
            -distance, middles.astype(np.int32), connectivity=1, mask=body, watershed_line=lines
        )
        inner = (np.s_[1:-1],) * 3
        yield box, body[inner], basins[inner]


def ids_by_size(voxels_of_label: NDArray[np.integer], needed: float) -> NDArray[np.int32]:
    """Return the id per label, 1 for the one of most voxels; 0 for those that are left out."""
    order = np.argsort(-voxels_of_label.astype(np.int64), kind="stable")
    kept = order[voxels_of_label[order] >= max(needed, 1)]
    ids = np.zeros(len(voxels_of_label), np.int32)
    ids[kept] = np.arange(1, len(kept) + 1)
    return ids


def merged_ids(ids: NDArray[np.int32], groups: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return `ids` with those of each group replaced by the smallest among them.

    All other ids stay as they are, so that a further merge can name them.

    Raises
    ------
    InvalidParameterError
        If a group names an id that does not occur.
    """
    merged = ids.copy()
    for group in groups:
        known = sorted(set(ids.tolist()) - {0})
        unknown = sorted(set(group) - set(known))
        if unknown:
            there = f"1 to {known[-1]}"
            if len(known) < known[-1]:
                there = ", ".join(map(str, known[:10])) + (", …" if len(known) > 10 else "")
            raise InvalidParameterError(
                f"Cannot merge {', '.join(map(str, group))}: there is no object {unknown[0]}. "
                f"With these parameters there are objects {there}."
            )
        # Of what they have become by now, where groups share an id.
        now = merged[np.isin(ids, group)]
        merged[np.isin(merged, now)] = now[now > 0].min()
    return merged
