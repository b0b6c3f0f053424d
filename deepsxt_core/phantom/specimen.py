"""The canvas of a specimen in three dimensions: absorption, membranes, classes."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deepsxt_core.phantom.fields import correlated_noise
from deepsxt_core.phantom.materials import LAC_ICE, LAC_MEMBRANE, MEMBRANE_NM, MEMBRANES, Label
from deepsxt_core.phantom.shapes import Field

Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]
Distance = Callable[[Box], Field]
"""Returns the signed distance to a surface, in voxels and negative inside, over a box."""

# Thinner membranes are painted this thick, with the same absorption per area.
_THINNEST_PX = 0.6
# Where a surface is flatter than 45 degrees, its cut through a slice is no line any more.
_LEAST_UPRIGHT = 0.7
_TEXTURE_BLOCK = (64, 160, 160)
_VOXELS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What a surface encloses: a class, its absorption in µm⁻¹, and how that varies."""

    label: Label
    lac: float
    texture: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Membranes along a surface.

    Attributes
    ----------
    label : Label
        Their class.
    offsets_nm : tuple of float
        Where they lie, positive outside the surface: two for a double membrane.
    strength : float
        Absorption per area, in units of a membrane's.
    drawn_px : float
        How far inside the surface people draw it: the outline of something dark is drawn just
        inside its edge.
    """

    label: Label
    offsets_nm: tuple[float, ...] = (0.0,)
    strength: float = 1.0
    drawn_px: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Organelle:
    """A closed body whose place is known.

    Attributes
    ----------
    number : int
        From 1: its value in the volume of organelles.
    label : Label
        The class of what it holds.
    within : int
        Number of the organelle that it lies in, or 0.
    """

    number: int
    label: Label
    within: int = 0


class Specimen:
    """The canvas of a specimen.

    Attributes
    ----------
    lac : ndarray
        float32 (z, y, x): linear absorption coefficient in µm⁻¹. In memory y runs fastest:
        what is tilted about y is then a matrix (z and x, y).
    walls : ndarray
        float32 (z, y, x): the part of `lac` that is due to membranes, without cristae.
    labels : ndarray
        uint8 (z, y, x): `Label`.
    organelles : list of Organelle
        In the order in which they were painted; number i + 1 is at place i.
    organelle_ids : ndarray
        uint16 (z, y, x): the number of the innermost organelle at each voxel, its membrane
        included, or 0.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int, int],
        voxel_size_nm: float,
        label_px: float,
    ) -> None:
        depth, height, width = shape
        self.rng = rng
        self.shape = shape
        self.voxel_size_nm = voxel_size_nm
        self.label_px = label_px
        self.lac = np.full((depth, width, height), LAC_ICE, np.float32).transpose(0, 2, 1)
        self.walls = np.zeros_like(self.lac)
        self.labels = np.zeros(shape, np.uint8)
        self.organelles: list[Organelle] = []
        self.organelle_ids = np.zeros(shape, np.uint16)
        # Periodic: tiled where more is needed.
        grain = 25 / voxel_size_nm
        self._texture = correlated_noise(
            rng, _TEXTURE_BLOCK, (grain,) * 3, slow_share=0.3, slow_px=5
        )

    @property
    def everywhere(self) -> Box:
        """Return the whole canvas as a box."""
        depth, height, width = self.shape
        return slice(0, depth), slice(0, height), slice(0, width)

    def box(self, centre: Point, reach_px: Point | float) -> Box:
        """Return the part of the canvas within `reach_px` (z, y, x) of `centre`."""
        reach = np.broadcast_to(reach_px, 3)
        low = [
            min(max(int(c - r), 0), n - 2)
            for c, r, n in zip(centre, reach, self.shape, strict=True)
        ]
        high = [
            max(min(int(c + r) + 2, n), 2)
            for c, r, n in zip(centre, reach, self.shape, strict=True)
        ]
        z, y, x = (slice(a, max(b, a + 2)) for a, b in zip(low, high, strict=True))
        return z, y, x

    def texture(self, box: Box) -> Field:
        """Return noise of standard deviation 1 for a box, without seams."""
        index = [
            np.arange(part.start, part.stop) % n
            for part, n in zip(box, _TEXTURE_BLOCK, strict=True)
        ]
        return self._texture[np.ix_(*index)]

    def paint(
        self,
        box: Box,
        distance: Distance,
        *,
        filling: Filling | None = None,
        wall: Wall | None = None,
        organelle: int = 0,
    ) -> None:
        """Fill the inside of a surface and put membranes along it, later over earlier.

        With the number of an `organelle`, it reaches to the outer side of a membrane there.
        """
        reach = MEMBRANE_NM / 2 / self.voxel_size_nm
        for slab in self._slabs(box):
            field = distance(slab)
            if organelle:
                self.organelle_ids[slab][field < reach] = organelle
            if filling is not None:
                self._fill(slab, field, filling)
            if wall is not None:
                self._wall(slab, field, wall)

    def new_organelle(self, label: Label, within: int = 0) -> int:
        """Return the number of an organelle that is about to be painted."""
        number = len(self.organelles) + 1
        self.organelles.append(Organelle(number=number, label=label, within=within))
        return number

    def _slabs(self, box: Box) -> Iterator[Box]:
        """Cut a box along z, so that little memory is needed."""
        z, y, x = box
        depth = max(_VOXELS_AT_ONCE // ((y.stop - y.start) * (x.stop - x.start)), 4)
        cuts = [*range(z.start, z.stop - 1, depth), z.stop]
        # A distance needs two slices for its slope.
        for first, end in itertools.pairwise(cuts):
            yield slice(first, end), y, x

    def _fill(self, box: Box, distance: Field, filling: Filling) -> None:
        inside = np.clip(0.5 - distance, 0, 1)
        lac = self.lac[box]
        content = filling.lac * (1 + filling.texture / filling.lac * self.texture(box))
        lac += inside * (np.maximum(content, 0.0) - lac)
        self.walls[box] *= 1 - inside
        self.labels[box][distance < 0] = filling.label

    def _wall(self, box: Box, distance: Field, wall: Wall) -> None:
        sigma = max(MEMBRANE_NM / self.voxel_size_nm / 2.5, _THINNEST_PX)
        # The area under the profile is that of a membrane as thick as it really is.
        peak = wall.strength * MEMBRANE_NM / self.voxel_size_nm / (sigma * np.sqrt(2 * np.pi))
        lac = self.lac[box]
        before = lac.copy()
        for offset_nm in wall.offsets_nm:
            profile = np.exp(-0.5 * ((distance - offset_nm / self.voxel_size_nm) / sigma) ** 2)
            lac += np.float32(peak) * profile * np.maximum(LAC_MEMBRANE - lac, 0)
        if wall.label in MEMBRANES:
            self.walls[box] += lac - before
        middle = float(np.mean(wall.offsets_nm)) / self.voxel_size_nm - wall.drawn_px
        # Drawn slice by slice, as people draw: equally wide within the slice, however slanted.
        upright = np.sqrt(np.clip(1 - np.gradient(distance, axis=0) ** 2, 0, 1))
        drawn = np.abs(distance - middle) <= upright * np.float32(self.label_px / 2)
        self.labels[box][drawn & (upright > _LEAST_UPRIGHT)] = wall.label
