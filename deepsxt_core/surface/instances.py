"""What counts as one object: bodies that touch are split, bodies that belong together merged."""

from collections.abc import Sequence
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
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    planes = np.zeros(inside.shape, bool)
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
            -distance, middles.astype(np.int32), connectivity=1, mask=body, watershed_line=True
        )
        planes[box] |= (body & (basins == 0))[1:-1, 1:-1, 1:-1]
    return planes


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
        unknown = sorted(set(group) - set(ids.tolist()))
        if unknown:
            raise InvalidParameterError(
                f"Cannot merge {', '.join(map(str, group))}: there is no object {unknown[0]}. "
                f"With these parameters there are objects 1 to {ids.max()}."
            )
        # Of what they have become by now, where groups share an id.
        now = merged[np.isin(ids, group)]
        merged[np.isin(merged, now)] = now[now > 0].min()
    return merged
