"""The missing wedge: directions in which a tilt series has recorded nothing.

What a tilt series about one axis does not see is a double wedge in the power spectrum, along the
whole tilt axis. It is looked for in blocks of the volume: the spectrum is projected along each
axis in turn, and the power is followed around the plane that remains.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from deepsxt_core.geometry import VoxelSize
from deepsxt_core.volume import Volume

LEAST_SIDE = 24
"""Volumes of fewer voxels along an axis are too thin to tell."""

_LARGEST_SIDE = 128
_BLOCKS = 4
# In cycles per voxel of the finest axis: coarser is the shape of the cell, finer is rounding.
_BAND = (0.06, 0.3)
_SECTOR_DEG = 5
_SECTORS = 90 // _SECTOR_DEG
# The edge of a wedge is where a quarter of the power is reached.
_EDGE_LOG = np.log(4)
_EMPTY, _NARROWEST_DEG, _WIDEST_DEG = 6.0, 5.0, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wedge:
    """A double wedge of the power spectrum, and how empty it is.

    Attributes
    ----------
    tilt_axis : {"z", "y", "x"}
        The axis along which the wedge runs: that of the tilts.
    missing_axis : {"z", "y", "x"}
        The axis in its middle: that of the beam at no tilt.
    half_angle_deg : float
        From the middle to its edge, to about 5 degrees; the tilts reach 90 minus it.
    emptiness : float
        How many times more power lies outside than inside, 1 if there is no wedge.
    spectrum : ndarray
        Logarithm of the power (missing axis, the third axis), float32, zero frequency amid.
    """

    tilt_axis: str
    missing_axis: str
    half_angle_deg: float
    emptiness: float
    spectrum: NDArray[np.float32]

    @property
    def is_empty(self) -> bool:
        """Whether there is a wedge in which nothing was recorded."""
        return self.emptiness >= _EMPTY and self.half_angle_deg >= _NARROWEST_DEG

    @property
    def tilt_range_deg(self) -> int | None:
        """The highest tilt, to 5 degrees: 90 where nothing is missing, None if it cannot be told.

        Half of it or more is missing where one axis is much coarser than the others.
        """
        if not self.is_empty:
            return 90
        if self.half_angle_deg > _WIDEST_DEG:
            return None
        return 90 - _SECTOR_DEG * round(self.half_angle_deg / _SECTOR_DEG)


def find_wedge(volume: Volume) -> Wedge | None:
    """Return the emptiest wedge of a volume, or None if it is too thin or too empty to tell.

    Read are at most 128 slices, one after the other; some blocks of up to 128³ voxels of them
    are held.
    """
    if min(volume.shape) < LEAST_SIDE:
        return None
    size = volume.voxel_size_nm or VoxelSize.isotropic(1)
    power = _power(volume)
    if not power.any():
        return None
    found = []
    for tilt in range(3):
        plane = np.fft.fftshift(power.mean(axis=tilt))
        first, second = (axis for axis in range(3) if axis != tilt)
        for missing, across, image in ((first, second, plane), (second, first, plane.T)):
            half_angle_deg, emptiness = _around(image, (size[missing], size[across]))
            found.append(
                Wedge(
                    tilt_axis="zyx"[tilt],
                    missing_axis="zyx"[missing],
                    half_angle_deg=half_angle_deg,
                    emptiness=emptiness,
                    spectrum=np.log(image + image.max() * 1e-9).astype(np.float32),
                )
            )
    return max(found, key=lambda wedge: wedge.emptiness)


def _power(volume: Volume) -> NDArray[np.float64]:
    """Return the mean power (z, y, x) of blocks around the middle of the volume."""
    depth, height, width = (min(n, _LARGEST_SIDE) for n in volume.shape)
    first = (volume.shape[0] - depth) // 2
    corners = _corners(volume.shape[1:], (height, width))
    blocks = np.empty((len(corners), depth, height, width), np.float32)
    for z in range(depth):
        image = volume.read(first + z, first + z + 1)[0]
        for block, (y, x) in zip(blocks, corners, strict=True):
            block[z] = image[y : y + height, x : x + width]
    along = [np.hanning(n + 2)[1:-1].astype(np.float32) for n in (depth, height, width)]
    window = along[0][:, None, None] * along[1][:, None] * along[2]
    power = np.zeros((depth, height, width))
    for block in blocks:
        finite = np.isfinite(block)
        if not finite.any():
            continue
        # One bead or one bad voxel must not outshine all else.
        low, middle, high = np.percentile(block[finite], [0.5, 50, 99.5])
        values = np.clip(np.where(finite, block, middle), low, high)
        spread = values.std()
        if spread == 0:
            continue
        values = (values - values.mean()) / spread * window
        power += np.abs(fft.fftn(values.astype(np.float32))) ** 2
    return power


def _corners(shape: tuple[int, int], block: tuple[int, int]) -> list[tuple[int, int]]:
    """Return where up to four blocks begin, spread over the inner part of a slice."""
    places = []
    for n, side in zip(shape, block, strict=True):
        room = n - side
        places.append(sorted({room // 4, room - room // 4}) if room >= side // 2 else [room // 2])
    return [(y, x) for y in places[0] for x in places[1]][:_BLOCKS]


def _around(image: NDArray[np.float64], edges: tuple[float, float]) -> tuple[float, float]:
    """Return the half angle of an empty double wedge around the first axis, and how empty it is.

    Parameters
    ----------
    image : ndarray
        Power, zero frequency amid.
    edges : tuple of float
        Of a voxel along both axes, in one unit.
    """
    finest = min(edges)
    u, v = np.meshgrid(
        *(
            np.fft.fftshift(np.fft.fftfreq(n)) * finest / edge
            for n, edge in zip(image.shape, edges, strict=True)
        ),
        indexing="ij",
    )
    radius = np.hypot(u, v)
    # All angles must reach as far as the coarser axis does.
    kept = (radius > _BAND[0]) & (radius < min(_BAND[1], 0.5 * finest / max(edges)))
    if np.count_nonzero(kept) < 4 * _SECTORS:
        return 0.0, 1.0
    # Relative to its ring, as the power falls with the frequency.
    ring = (radius[kept] * 50).astype(int)
    power = image[kept]
    level = np.bincount(ring, power) / np.maximum(np.bincount(ring), 1)
    relative = np.log(power / np.maximum(level[ring], 1e-30) + 1e-6)
    angle = np.degrees(np.arctan2(np.abs(v), np.abs(u)))[kept]
    sector = np.minimum((angle / _SECTOR_DEG).astype(int), _SECTORS - 1)
    counts = np.bincount(sector, minlength=_SECTORS)
    profile = np.bincount(sector, relative, minlength=_SECTORS) / np.maximum(counts, 1)
    inside, outside = float(np.median(profile[:2])), float(np.median(profile[_SECTORS * 2 // 3 :]))
    if inside >= outside - _EDGE_LOG:
        return 0.0, max(1.0, float(np.exp(outside - inside)))
    edge = int(np.argmax(profile > outside - _EDGE_LOG))
    before, after = profile[edge - 1], profile[edge]
    part = (outside - _EDGE_LOG - before) / (after - before)
    return float((edge - 0.5 + part) * _SECTOR_DEG), float(np.exp(outside - inside))
