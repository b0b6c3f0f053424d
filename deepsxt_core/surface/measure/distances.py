"""How far the points of a surface lie from another one, and on which side of it."""

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.lengths import edges_zyx, start_zyx
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.volume import Volume


def signed_distances(points: NDArray[np.floating], other: Surfaces) -> NDArray[np.float32]:
    """Return how far each point lies from the nearest place of closed surfaces, float32 (n,).

    Above 0 outside of them, below 0 inside; in the unit of the surfaces.

    Parameters
    ----------
    points : ndarray
        (n, 3), x, y, z in that unit.
    other : Surfaces
    """
    import pyvista

    cloud = pyvista.PolyData(np.asarray(points, np.float64))
    cloud.compute_implicit_distance(other.mesh, inplace=True)
    return np.asarray(cloud["implicit_distance"], np.float32)


def voxels_of(points: NDArray[np.floating], volume: Volume) -> NDArray[np.int64]:
    """Return the voxel (z, y, x) nearest to each point of a surface, (n, 3), maybe beyond it.

    Parameters
    ----------
    points : ndarray
        (n, 3), x, y, z in the unit of what is made from `volume`.
    volume : Volume
    """
    place = (points[:, ::-1] - start_zyx(volume)) / edges_zyx(volume)
    return np.rint(place).astype(np.int64)
