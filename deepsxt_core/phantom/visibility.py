"""Which membranes a tilt series can show: people label those, and no others.

A membrane whose normal points into the missing wedge is not recorded. How much of each is left
follows from the membranes alone, without the wedge's frequencies: locally, the share of their
contrast that is still there.
"""

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from deepsxt_core.phantom.materials import MEMBRANES
from deepsxt_core.phantom.shapes import Field
from deepsxt_core.progress import NoProgress, Progress

# Of a membrane's contrast must be left, for people to follow it.
LEAST_SHARE = 0.4
_SMOOTH_PX = 2.0
_ROWS_AT_ONCE = 64
# People draw lines: what is left narrower than this is no line.
_THINNEST_PX = 4
_FEWEST_VOXELS = 150


def visible_membranes(
    walls: Field,
    labels: NDArray[np.uint8],
    tilt_range_deg: float,
    resolution_px: float,
    progress: Progress | None = None,
) -> NDArray[np.bool_]:
    """Return the labelled membranes that tilts of ± `tilt_range_deg` about y can show.

    Parameters
    ----------
    walls : ndarray
        float32 (z, y, x): absorption of the membranes alone.
    labels : ndarray
        uint8 (z, y, x): `Label`.
    tilt_range_deg : float
        Highest tilt.
    resolution_px : float
        Standard deviation of the blur of the reconstruction.
    progress : Progress, optional
        Advances by rows (y).

    Returns
    -------
    ndarray
        bool (z, y, x).
    """
    progress = progress or NoProgress()
    progress.stage("Finding visible membranes", walls.shape[1], "row")
    share = np.empty(walls.shape, np.float32)
    halo = int(4 * _SMOOTH_PX) + 1
    for first in range(0, walls.shape[1], _ROWS_AT_ONCE):
        end = min(first + _ROWS_AT_ONCE, walls.shape[1])
        low, high = max(first - halo, 0), min(end + halo, walls.shape[1])
        part = _share_left(walls[:, low:high], tilt_range_deg, resolution_px)
        share[:, first:end] = part[:, first - low : end - low]
        progress.advance(end - first)
    seen = np.isin(labels, MEMBRANES) & (share > LEAST_SHARE)
    y, x = np.mgrid[:_THINNEST_PX, :_THINNEST_PX] - (_THINNEST_PX - 1) / 2
    pen = np.hypot(y, x) <= _THINNEST_PX / 2
    for plane in seen:
        # Nothing is seen beyond the edges, but a line may go on there.
        wide = np.pad(plane, _THINNEST_PX, mode="edge")
        opened = ndimage.binary_opening(wide, pen)
        plane[:] = opened[_THINNEST_PX:-_THINNEST_PX, _THINNEST_PX:-_THINNEST_PX]
    return cc3d.dust(seen, threshold=_FEWEST_VOXELS, connectivity=6).astype(bool)


def _share_left(walls: Field, tilt_range_deg: float, resolution_px: float) -> Field:
    """Return the share of the contrast of walls (z, y, x) that is left, near every voxel."""
    kz = np.fft.fftfreq(walls.shape[0]).astype(np.float32)[:, None, None]
    kx = np.fft.rfftfreq(walls.shape[2]).astype(np.float32)[None, None, :]
    blur = np.exp(np.float32(-2 * np.pi**2 * resolution_px**2) * (kz**2 + kx**2))
    # One frequency step of softness keeps the edge of the wedge from ringing.
    limit = np.float32(np.tan(np.radians(tilt_range_deg)))
    recorded = np.clip((limit * kx - np.abs(kz)) * walls.shape[0] + 1, 0, 1)
    spectrum = fft.rfftn(walls, axes=(0, 2)) * blur
    # A mean is no contrast.
    spectrum[0, :, 0] = 0
    size = (walls.shape[0], walls.shape[2])
    whole = fft.irfftn(spectrum, s=size, axes=(0, 2))
    left = fft.irfftn(spectrum * recorded, s=size, axes=(0, 2))
    shared = ndimage.gaussian_filter(left * whole, _SMOOTH_PX)
    power = ndimage.gaussian_filter(whole * whole, _SMOOTH_PX)
    return shared / np.maximum(power, np.float32(1e-8))
