"""What a point sees around itself: score and grey values along rays, at radii that grow evenly.

Rays leave the point on a grid of polar angles to z (the beam) and azimuths. As radii are spaced by
a constant factor, a body looks the same at any size.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

POLAR, AZIMUTHS, RADII = 8, 16, 32
RADIUS_PX = np.geomspace(1.5, 64, RADII).astype(np.float32)
ANGLE_TO_Z = ((np.arange(POLAR) + 0.5) * np.pi / POLAR).astype(np.float32)
AZIMUTH = (np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS).astype(np.float32)
DIRECTIONS = np.stack(
    [
        np.broadcast_to(np.cos(ANGLE_TO_Z)[:, None], (POLAR, AZIMUTHS)),
        np.sin(ANGLE_TO_Z)[:, None] * np.sin(AZIMUTH),
        np.sin(ANGLE_TO_Z)[:, None] * np.cos(AZIMUTH),
    ],
    axis=-1,
).astype(np.float32)
"""Unit vectors (polar, azimuth, 3), z, y, x."""

SOLID_ANGLE = np.broadcast_to(np.sin(ANGLE_TO_Z)[:, None], (POLAR, AZIMUTHS)).astype(np.float32)
"""Weight of each ray, up to a factor."""

# Near the point small things count, far away only large ones: the steps are larger there too.
_IS_FINE = RADIUS_PX < 14
_SCORE_SIGMAS = (0.6, 1.8)
_GREY_SIGMA, _GREY_COARSER = 1.0, 1.6
_OFFSETS = DIRECTIONS[:, :, None, :] * RADIUS_PX[None, None, :, None]


class Views:
    """A box of a tomogram, ready to be looked at from any point in it.

    Parameters
    ----------
    score : ndarray
        float32 (z, y, x), from -1 to 1.
    grey : ndarray, optional
        (z, y, x), membranes dark; without it, the score alone is seen.
    edges : ndarray, optional
        Edges (z, y, x) of a voxel, the shortest of which is 1. Distances are in that unit.
    """

    def __init__(
        self,
        score: NDArray[np.float32],
        grey: NDArray | None = None,
        edges: NDArray[np.floating] | None = None,
    ) -> None:
        self.shape = score.shape
        self.edges = np.ones(3) if edges is None else np.asarray(edges, float)
        self._score = [ndimage.gaussian_filter(score, sigma) for sigma in _SCORE_SIGMAS]
        self._grey = None if grey is None else _darkness(grey)

    def at(self, point: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return what is seen from a point (z, y, x) of the box.

        Returns
        -------
        ndarray
            float32 (polar, azimuth, radius, 3): score, darkness, and 1 inside of the box; 0
            beyond it.
        """
        places: NDArray[np.float32] = (point + _OFFSETS / self.edges).astype(np.float32)
        ends = np.array(self.shape) - 0.5
        is_inside = np.all((places >= -0.5) & (places <= ends), axis=-1)
        seen = np.zeros((*is_inside.shape, 3), np.float32)
        for level, radii in enumerate((_IS_FINE, ~_IS_FINE)):
            coordinates = np.moveaxis(places[:, :, radii], -1, 0)
            seen[:, :, radii, 0] = _interpolated(self._score[level], coordinates)
            if self._grey is not None:
                seen[:, :, radii, 1] = _interpolated(self._grey[level], coordinates)
        seen[..., :2] *= is_inside[..., None]
        seen[..., 2] = is_inside
        return seen


def _darkness(grey: NDArray) -> list[NDArray[np.float32]]:
    """Return how dark a box is, in units of its own spread, fine and coarse."""
    fine = ndimage.gaussian_filter(grey.astype(np.float32), _GREY_SIGMA)
    low, middle, high = np.percentile(fine[::2, ::3, ::3], [16, 50, 84])
    # Half: of about the size of a score.
    dark = np.clip((middle - fine) / max(high - low, 1e-9), -2, 3).astype(np.float32)
    return [dark, ndimage.gaussian_filter(dark, _GREY_COARSER)]


def _interpolated(
    values: NDArray[np.float32], coordinates: NDArray[np.float32]
) -> NDArray[np.float32]:
    return ndimage.map_coordinates(values, list(coordinates), order=1, mode="nearest")
