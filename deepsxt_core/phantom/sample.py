"""A small simulated tomogram with known membranes, made in seconds.

Part of a flat cell is painted in three dimensions. The missing wedge is real: all frequencies
that a tilt series about the y axis does not record are taken out, of the cell and of the noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.phantom.fields import correlated_noise, smooth_field
from deepsxt_core.phantom.shapes import Field, signed_distance
from deepsxt_core.volume import VoxelSize

SAMPLE_SHAPE = (64, 256, 256)
SAMPLE_VOXEL_NM = 20.0
TILT_RANGE_DEG = 60.0

# Painted above and below the tomogram, and cut off: the wedge filter wraps around.
_MARGIN = 16
_MEMBRANE_SIGMA_PX = 1.9
_LABEL_PX = 7.0
_NOISE = 0.55
# Steeper than 45 degrees: flatter ones fall into the missing wedge and are seen by nobody.
_STEEPEST_NORMAL_Z = 0.7

Point = tuple[float, float, float]


def sample_tomogram(
    seed: int = 0, shape: tuple[int, int, int] = SAMPLE_SHAPE
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], VoxelSize]:
    """Simulate a tomogram: plasma membrane, nucleus, mitochondria, vesicles, droplets, beads.

    Parameters
    ----------
    seed : int
        Same seed, same tomogram.
    shape : tuple of int
        (z, y, x) in voxels, at least 16 × 64 × 64. The cell keeps its proportions in y and x.

    Returns
    -------
    volume : ndarray
        uint8 (z, y, x), membranes dark.
    truth : ndarray
        bool (z, y, x): 7 voxels over every membrane that a tilt series can show. Membranes
        flatter than 45 degrees are left out, as people leave them out.
    voxel_size_nm : VoxelSize

    Raises
    ------
    InvalidParameterError
        If the shape is too small.
    """
    if len(shape) != 3 or shape[0] < 16 or min(shape[1:]) < 64:
        raise InvalidParameterError(
            f"A sample tomogram needs a (z, y, x) shape of at least (16, 64, 64): got {shape}."
        )
    rng = np.random.default_rng(seed)
    cell = _Cell(rng, (shape[0] + 2 * _MARGIN, *shape[1:]))
    cell.paint()
    volume = cell.absorption + 0.35 * smooth_field(rng, cell.shape, 90)
    # Noise goes through the same reconstruction as the cell.
    volume += _NOISE * correlated_noise(rng, cell.shape, (1.2, 1.3, 1.3), slow_share=0.15)
    volume = without_missing_wedge(volume, TILT_RANGE_DEG)
    inner = slice(_MARGIN, _MARGIN + shape[0])
    low, high = np.percentile(volume[inner], [0.02, 99.98])
    grey = np.clip((high - volume[inner]) / (high - low), 0, 1)
    return (
        np.rint(grey * 255).astype(np.uint8),
        cell.truth[inner].copy(),
        VoxelSize.isotropic(SAMPLE_VOXEL_NM),
    )


def without_missing_wedge(
    volume: NDArray[np.float32], tilt_range_deg: float
) -> NDArray[np.float32]:
    """Take out of `volume` (z, y, x) what tilts of ± `tilt_range_deg` about y do not record."""
    kz = np.fft.fftfreq(volume.shape[0]).astype(np.float32)[:, None, None]
    kx = np.fft.rfftfreq(volume.shape[2]).astype(np.float32)[None, None, :]
    limit = np.tan(np.radians(tilt_range_deg))
    # One frequency step of softness keeps the edge of the wedge from ringing.
    step = 1 / volume.shape[0]
    kept = np.clip((limit * kx - np.abs(kz)) / step + 1, 0, 1)
    return fft.irfftn(fft.rfftn(volume) * kept, s=volume.shape).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Body:
    """What a closed membrane encloses, in units of a membrane's contrast."""

    wall: float
    level: float
    texture: float


class _Cell:
    """The canvas of a tomogram."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int, int]) -> None:
        self.rng = rng
        self.shape = shape
        self.scale = min(shape[1:]) / 256
        self.absorption = np.zeros(shape, np.float32)
        self.truth = np.zeros(shape, bool)
        self.taken = np.zeros(shape, bool)
        self.texture = correlated_noise(rng, shape, (2.5, 2.5, 2.5))

    def paint(self) -> None:
        """Paint everything, large things first."""
        self._plasma_membrane()
        self._nucleus()
        mitochondrion = _Body(1.6, 0.9, 0.4)
        vesicle = _Body(1.7, 0.0, 0.1)
        droplet = _Body(0.5, 3.0, 0.3)
        for body, count, size, stretch in (
            (mitochondrion, 11, (11, 16), (2.0, 3.2)),
            (vesicle, 28, (8, 20), (1.0, 1.4)),
            (droplet, 7, (6, 10), (1.0, 1.1)),
        ):
            for _ in range(count):
                self._organelle(body, self.scale * self.rng.uniform(*size), stretch)
        for _ in range(3):
            self._bead()

    def _plasma_membrane(self) -> None:
        z, y, x = self._axes((slice(None),) * 3)
        height, width = self.shape[1:]
        phase = self.rng.uniform(0, 2 * np.pi, 2)
        course = 0.05 * height * np.sin(2 * np.pi * x / width + phase[0])
        course = course + 0.02 * height * np.sin(5 * np.pi * x / width + phase[1])
        # The cell is wider at its foot.
        slant = 0.25 * (z - self.shape[0] / 2)
        distance = signed_distance((y - (0.13 * height + course + slant)).astype(np.float32))
        self._draw((slice(None),) * 3, -distance, _Body(1.4, 0.7, 0.15))
        self.taken |= distance < 10

    def _nucleus(self) -> None:
        depth, height, width = self.shape
        centre = (0.5 * depth, 0.80 * height, 0.30 * width)
        radii = (1.6 * depth, 0.36 * height, 0.40 * width)
        region = (slice(None),) * 3
        z, y, x = self._axes(region)
        wobble = 0.05 * smooth_field(self.rng, self.shape, 0.3 * width)
        rho = np.sqrt(
            sum(((a - c) / r) ** 2 for a, c, r in zip((z, y, x), centre, radii, strict=True))
        )
        distance = signed_distance((rho - 1 + wobble).astype(np.float32))
        self._draw(region, distance, _Body(1.3, -0.35, 0.25))
        self.taken |= distance < 8

    def _organelle(self, body: _Body, radius: float, stretch_range: tuple[float, float]) -> None:
        stretch = self.rng.uniform(*stretch_range)
        place = self._free_place(radius * stretch**0.5)
        if place is None:
            return
        reach = radius * stretch + 12
        region = tuple(
            slice(max(int(c - reach), 0), max(min(int(c + reach) + 1, n), 2))
            for c, n in zip(place, self.shape, strict=True)
        )
        z, y, x = self._axes(region)
        angle = self.rng.uniform(0, np.pi)
        rise = self.rng.uniform(-0.3, 0.3)
        dz, dy, dx = z - place[0], y - place[1], x - place[2]
        along = np.cos(angle) * dx + np.sin(angle) * dy + rise * dz
        across = np.cos(angle) * dy - np.sin(angle) * dx
        bend = self.rng.uniform(-0.25, 0.25) * (stretch - 1) / radius
        long, short = radius * stretch**0.67, radius / stretch**0.33
        across = across - bend * along**2 / stretch
        rho = np.sqrt((along / long) ** 2 + (across / short) ** 2 + (dz / short) ** 2)
        distance = signed_distance(rho.astype(np.float32) - 1)
        self._draw(region, distance, body)
        self.taken[region] |= distance < 5

    def _bead(self) -> None:
        place = self._free_place(6)
        if place is None:
            return
        z, y, x = self._axes((slice(None),) * 3)
        distance = np.sqrt((z - place[0]) ** 2 + (y - place[1]) ** 2 + (x - place[2]) ** 2) - 3.5
        self.absorption += np.float32(8) * (0.5 - 0.5 * np.tanh(distance))

    def _free_place(self, reach: float) -> Point | None:
        margins = (0.0, 6.0, 6.0)
        for _ in range(60):
            place = tuple(
                self.rng.uniform(m, n - m) for n, m in zip(self.shape, margins, strict=True)
            )
            region = tuple(slice(max(int(c - reach), 0), int(c + reach) + 1) for c in place)
            if not self.taken[region].any():
                return place[0], place[1], place[2]
        return None

    def _draw(self, region: tuple[slice, ...], distance: Field, body: _Body) -> None:
        inside = 0.5 - 0.5 * np.tanh(distance / np.float32(1.6))
        self.absorption[region] += inside * (body.level + body.texture * self.texture[region])
        wall = np.exp(-0.5 * (distance / np.float32(_MEMBRANE_SIGMA_PX)) ** 2)
        self.absorption[region] += np.float32(body.wall) * wall
        gradient = np.gradient(distance)
        length = np.sqrt(sum(g * g for g in gradient))
        steep = np.abs(gradient[0]) < _STEEPEST_NORMAL_Z * np.maximum(length, 1e-6)
        # People draw the outline of something dark just inside its edge.
        shift = min(max(body.level, 0.0), 1.5)
        self.truth[region] |= (np.abs(distance + shift) <= _LABEL_PX / 2) & steep

    def _axes(self, region: tuple[slice, ...]) -> list[Field]:
        axes = [
            np.arange(n, dtype=np.float32)[part] for n, part in zip(self.shape, region, strict=True)
        ]
        return list(np.meshgrid(*axes, indexing="ij", sparse=True))
