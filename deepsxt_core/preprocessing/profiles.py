"""Values along a line through a plane."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from deepsxt_core.errors import InvalidParameterError

MOST_SAMPLES = 8192


def line_through(
    start: Sequence[float] | NDArray, end: Sequence[float] | NDArray, edges: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return samples of a line in a plane, one per shortest edge of a voxel or closer.

    Parameters
    ----------
    start, end : (row, column)
        In voxels; a whole number is the centre of one.
    edges : (row, column)
        Of a voxel, in any unit of length.

    Returns
    -------
    distance : ndarray
        From the start, in the unit of the edges, (n,).
    places : ndarray
        Rows and columns (n, 2).

    Raises
    ------
    InvalidParameterError
        If the line is longer than 8192 samples.
    """
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    length = float(np.hypot(*((last - first) * edges)))
    steps = int(np.ceil(length / min(edges)))
    if steps >= MOST_SAMPLES:
        raise InvalidParameterError(
            f"A line has at most {MOST_SAMPLES} samples: this one would have {steps + 1}."
        )
    share = np.linspace(0, 1, steps + 1)
    return share * length, first + share[:, np.newaxis] * (last - first)


def values_along(plane: NDArray, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values of a plane (rows, columns) at places (n, 2), between voxels linearly.

    NaN outside of the plane, whose outermost voxels reach half a voxel beyond their centres.
    """
    found = map_coordinates(np.asarray(plane, np.float64), places.T, order=1, mode="nearest")
    outside = (places < -0.5) | (places > np.array(plane.shape) - 0.5)
    found[outside.any(axis=1)] = np.nan
    return found
