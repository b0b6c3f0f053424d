"""A body that no rotation turns into its mirror image, and where it lies."""

import numpy as np

SHAPE = (12, 20, 30)
VOXELS = 608
EDGE_NM = 10.0


def chiral() -> np.ndarray:
    """Return three arms from one corner, uint8 (z, y, x): z of 8, y of 14, x of 24 voxels."""
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[2:6, 2:6, 2:26] = 1
    voxels[2:6, 2:16, 2:6] = 1
    voxels[2:10, 2:6, 2:6] = 1
    return voxels


def arms(points: np.ndarray) -> np.ndarray:
    """Return how long the body is along x, y and z, from the points (n, 3) of its mesh."""
    return np.ptp(points, axis=0)


def is_mirrored(points: np.ndarray) -> bool:
    """Return whether the arms leave the corner as those of the mirror image do.

    The corner is the end of each axis at which most of the body lies.
    """
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    ways = np.sign(middle - np.median(points, axis=0))
    order = np.argsort(arms(points))  # z, y, x of the body, by the lengths of its arms
    parity = round(float(np.linalg.det(np.eye(3)[order[::-1]])))
    return bool(parity * np.prod(ways) < 0)
