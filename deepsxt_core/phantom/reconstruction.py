"""From a tilt series to a tomogram, by filtered back-projection.

The same as `skimage.transform.iradon`, which computes a whole square for each y; here only the
slices asked for are computed, for all y at once: a flat specimen needs a sixth of the square.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

from deepsxt_core.phantom.shapes import Field
from deepsxt_core.progress import NoProgress, Progress

_PIXELS_AT_ONCE = 20_000


def back_project(
    series: Field,
    tilts_deg: NDArray[np.float64],
    depth: int,
    voxel_size_um: float,
    *,
    cutoff: float = 0.5,
    progress: Progress | None = None,
) -> Field:
    """Reconstruct the middle `depth` slices from a tilt series about y.

    Parameters
    ----------
    series : ndarray
        float32 (tilt, x, y): -log of transmission.
    tilts_deg : ndarray
        Equally spaced.
    depth : int
        Number of slices (z).
    voxel_size_um : float
        Edge of a voxel in µm.
    cutoff : float
        The ramp is multiplied by a Hann window that falls to zero here, in cycles per pixel.
    progress : Progress, optional
        Advances by slices.

    Returns
    -------
    ndarray
        float32 (z, y, x): linear absorption coefficient in µm⁻¹.
    """
    progress = progress or NoProgress()
    progress.stage("Reconstructing", depth, "slice")
    _, width, height = series.shape
    filtered = _ramp_filtered(series, cutoff).reshape(-1, height)
    step = np.radians(tilts_deg[1] - tilts_deg[0]) if len(tilts_deg) > 1 else np.pi
    volume = np.empty((depth, width, height), np.float32)
    slab = max(_PIXELS_AT_ONCE // width, 1)
    for first in range(0, depth, slab):
        z = np.arange(first, min(first + slab, depth)) - (depth - 1) / 2
        matrix = _spread(z, width, tilts_deg) * np.float32(step / voxel_size_um)
        volume[first : first + len(z)] = (matrix @ filtered).reshape(len(z), width, height)
        progress.advance(len(z))
    return volume.transpose(0, 2, 1)


def _ramp_filtered(series: Field, cutoff: float) -> Field:
    """Filter each projection along x, going on beyond its edges as it ends there."""
    width = series.shape[1]
    padded = fft.next_fast_len(2 * width, real=True)
    before = (padded - width) // 2
    # The ramp is sampled in space, so that its mean is right (Kak & Slaney, 1988, ch. 3).
    n = np.concatenate([np.arange(padded // 2 + 1), np.arange(padded - padded // 2 - 1, 0, -1)])
    kernel = np.zeros(padded)
    kernel[0] = 0.25
    odd = n % 2 == 1
    kernel[odd] = -1 / (np.pi * n[odd]) ** 2
    frequency = fft.rfftfreq(padded)
    window = np.where(frequency < cutoff, np.cos(np.pi / 2 * frequency / cutoff) ** 2, 0)
    response = (fft.rfft(kernel).real * window).astype(np.float32)[:, np.newaxis]
    result = np.empty_like(series)
    for projection, out in zip(series, result, strict=True):
        wide = np.pad(projection, ((before, padded - width - before), (0, 0)), mode="edge")
        spectrum = fft.rfft(wide, axis=0) * response
        out[:] = fft.irfft(spectrum, n=padded, axis=0)[before : before + width]
    return result


def _spread(z: NDArray[np.float64], width: int, tilts_deg: NDArray[np.float64]) -> sparse.csr_array:
    """Return the matrix (z x, tilt x) that interpolates every projection at every pixel."""
    x = np.arange(width) - (width - 1) / 2
    c, s = np.cos(np.radians(tilts_deg)), np.sin(np.radians(tilts_deg))
    column = x[:, None] * c + z[:, None, None] * s + (width - 1) / 2
    column = np.clip(column, 0, width - 1)
    left = np.minimum(column.astype(np.int64), width - 2)
    share = (column - left).astype(np.float32)
    weights = np.stack([1 - share, share], axis=-1)
    sources = np.stack([left, left + 1], axis=-1) + width * np.arange(len(tilts_deg))[:, None]
    pixels = len(z) * width
    per_pixel = 2 * len(tilts_deg)
    return sparse.csr_array(
        (
            weights.reshape(-1),
            sources.reshape(-1).astype(np.int32),
            np.arange(pixels + 1, dtype=np.int32) * per_pixel,
        ),
        shape=(pixels, width * len(tilts_deg)),
    )
