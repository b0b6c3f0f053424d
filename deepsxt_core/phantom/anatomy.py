"""A cell in three dimensions: what it consists of, how large, how many, and where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.phantom.bodies import (
    Path,
    ellipsoid,
    path_length,
    swaying_plane,
    tube,
    wandering_path,
)
from deepsxt_core.phantom.materials import (
    LAC_CYTOSOL,
    LAC_NUCLEOLUS,
    LAC_NUCLEUS,
    Label,
)
from deepsxt_core.phantom.organelles import Organelles
from deepsxt_core.phantom.painter import Painter
from deepsxt_core.phantom.params import PhantomParams
from deepsxt_core.phantom.shapes import Field
from deepsxt_core.phantom.specimen import Box, Distance, Filling, Point, Specimen, Wall
from deepsxt_core.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Filopodium:
    """A filopodium whose size is known.

    Attributes
    ----------
    path_nm : ndarray
        float (n, 3): its middle line, (z, y, x) from the centre of the tomogram's first voxel,
        from where it leaves the cell to its tip. It may leave the tomogram.
    diameter_nm : float
        From membrane to membrane (the middle of either).
    length_nm : float
        Along the middle line, from the cell's membrane to the tip.
    """

    path_nm: NDArray[np.float64]
    diameter_nm: float
    length_nm: float


class Cell(Painter):
    """Paints a cell onto a specimen, large things first."""

    def __init__(self, specimen: Specimen, params: PhantomParams, first_slice: int) -> None:
        super().__init__(specimen, params)
        self.first_slice = first_slice
        self.edge: Distance | None = None
        self.filopodia: list[Filopodium] = []

    def paint(self, progress: Progress) -> None:
        """Paint everything, and report each kind of thing."""
        rng, params = self.rng, self.params
        organelles = Organelles(self.specimen, params)
        progress.stage("Building the cell", 8, "part")
        if _chance(rng, params.cell_edge, 0.55):
            self._edge()
        else:
            self.specimen.paint(
                self.specimen.everywhere,
                lambda box: np.full(_extent(box), -99, np.float32),
                filling=Filling(label=Label.CYTOSOL, lac=LAC_CYTOSOL, texture=0.02),
            )
        progress.advance()
        if _chance(rng, params.nucleus, 0.55):
            self._nucleus()
        progress.advance()
        cell_um3 = np.count_nonzero(self.specimen.labels) * (params.voxel_size_nm / 1000) ** 3
        for mean, paint in (
            (params.mitochondria, organelles.mitochondrion),
            (params.droplets, organelles.droplet),
            (params.reticulum_sheets, organelles.sheet),
            (params.vesicles, organelles.vesicle),
            (params.reticulum_tubes, organelles.tubule),
        ):
            for _ in range(rng.poisson(mean * rng.gamma(2.0) / 2 * cell_um3)):
                paint()
            progress.advance()
        all_um3 = self.specimen.labels.size * (params.voxel_size_nm / 1000) ** 3
        for _ in range(rng.poisson(params.gold_beads * all_um3)):
            organelles.bead()
        progress.advance()

    def _edge(self) -> None:
        rng, specimen = self.rng, self.specimen
        depth, height, width = specimen.shape
        angle = rng.uniform(0, 2 * np.pi)
        # From the middle, against the direction in which the cell lies.
        back = rng.uniform(0.1, 0.4) * (height * abs(np.sin(angle)) + width * abs(np.cos(angle)))
        through = (depth / 2, height / 2 - back * np.sin(angle), width / 2 - back * np.cos(angle))
        edge = swaying_plane(
            rng,
            through,
            angle,
            slant=rng.normal(0, 0.3),
            sway_px=self.px(rng.uniform(60, 250)),
            period_px=self.px(rng.uniform(1500, 5000)),
        )
        self.edge = edge
        cytosol = Filling(label=Label.CYTOSOL, lac=LAC_CYTOSOL, texture=rng.uniform(0.01, 0.04))
        membrane = Wall(label=Label.PLASMA_MEMBRANE, strength=rng.uniform(0.7, 1.5))
        for _ in range(rng.integers(self.params.filopodia[0], self.params.filopodia[1] + 1)):
            self._filopodium(through, angle, edge, membrane)
        specimen.paint(specimen.everywhere, edge, filling=cytosol)
        self._wall_outside(specimen.everywhere, edge, membrane)

    def _wall_outside(self, box: Box, edge: Distance, membrane: Wall) -> None:
        """Put the membrane along the cell, but not across the mouths of its filopodia."""
        mouths = self.specimen.labels == Label.FILOPODIUM

        def open_edge(part: Box) -> Field:
            distance = edge(part)
            return np.where(mouths[part], np.float32(99), distance)

        self.specimen.paint(box, open_edge if mouths.any() else edge, wall=membrane)

    def _filopodium(self, through: Point, angle: float, edge: Distance, membrane: Wall) -> None:
        rng, specimen = self.rng, self.specimen
        shift = rng.uniform(-0.5, 0.5) * min(specimen.shape[1:])
        root = (
            specimen.shape[0] / 2 + rng.uniform(-0.4, 0.4) * self.params.shape[0],
            through[1] + shift * np.cos(angle),
            through[2] - shift * np.sin(angle),
        )
        diameter_nm = rng.uniform(150, 350)
        radius = self.px(diameter_nm) / 2
        path = wandering_path(
            rng,
            root,
            angle + np.pi + rng.normal(0, 0.35),
            self.px(rng.uniform(800, 4000)),
            step_px=max(radius, 6.0),
            stiffness_px=self.px(8000),
            rise=rng.normal(0, 0.04),
        )
        # It begins inside the cell: what lies there is painted over.
        inwards = np.array([0, np.sin(angle), np.cos(angle)]) * self.px(900)
        whole = np.vstack([path[0] + inwards, path])
        box = self.box_around(path, radius + 8)
        body = tube(whole, radius)
        specimen.paint(
            box,
            body,
            filling=Filling(label=Label.FILOPODIUM, lac=LAC_CYTOSOL + 0.04, texture=0.03),
            wall=membrane,
        )
        outside = path[_along(path, edge, specimen.shape) >= 0]
        if len(outside) > 1:
            first_voxel = np.array([self.first_slice, 0, 0])
            path_nm = (outside - first_voxel) * self.params.voxel_size_nm
            self.filopodia.append(
                Filopodium(
                    path_nm=path_nm,
                    diameter_nm=diameter_nm,
                    length_nm=path_length(path_nm) + diameter_nm / 2,
                )
            )

    def _nucleus(self) -> None:
        rng, specimen = self.rng, self.specimen
        depth = specimen.shape[0]
        radius = self.px(rng.uniform(1800, 4000))
        inside = np.argwhere(specimen.labels[depth // 2, ::8, ::8] == Label.CYTOSOL) * 8
        if len(inside) == 0:
            return
        place = inside[rng.integers(len(inside))]
        towards = rng.uniform(0, 2 * np.pi)
        away = rng.uniform(0.6, 1.1) * radius
        centre = (
            depth / 2 + rng.normal(0, 0.15) * radius,
            place[0] + away * np.sin(towards),
            place[1] + away * np.cos(towards),
        )
        radii = (radius * rng.uniform(0.6, 0.9), radius * rng.uniform(0.7, 1), radius)
        nucleus, edge = ellipsoid(rng, centre, radii, wobble=0.03), self.edge
        space = np.float32(self.px(rng.uniform(150, 500)))

        def within(box: Box) -> Field:
            # The nucleus keeps a distance to the cell's edge.
            return nucleus(box) if edge is None else np.maximum(nucleus(box), edge(box) + space)

        texture = rng.uniform(0.015, 0.04)
        specimen.paint(
            specimen.everywhere,
            within,
            filling=Filling(label=Label.NUCLEUS, lac=LAC_NUCLEUS, texture=texture),
            wall=Wall(
                label=Label.NUCLEAR_ENVELOPE,
                offsets_nm=(-rng.uniform(15, 20), rng.uniform(15, 20)),
                strength=rng.uniform(0.5, 1.1),
            ),
        )
        for _ in range(rng.poisson(1.5)):
            size = self.px(rng.uniform(250, 800))
            spot = self.free_place(size, Label.NUCLEUS)
            if spot is not None:
                specimen.paint(
                    specimen.box(spot, 1.6 * size),
                    ellipsoid(rng, spot, (size, size, size * rng.uniform(0.7, 1)), wobble=0.2),
                    filling=Filling(label=Label.NUCLEOLUS, lac=LAC_NUCLEOLUS, texture=0.03),
                )


def _along(path: Path, edge: Distance, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return the distance of the points of a path to the cell's edge, positive outside."""
    found = []
    for point in path:
        z, y, x = (int(np.clip(p, 0, n - 3)) for p, n in zip(point, shape, strict=True))
        found.append(edge((slice(z, z + 2), slice(y, y + 2), slice(x, x + 2)))[0, 0, 0])
    return np.array(found)


def _chance(rng: np.random.Generator, wanted: bool | None, likely: float) -> bool:
    drawn = rng.random() < likely
    return drawn if wanted is None else wanted


def _extent(box: Box) -> tuple[int, int, int]:
    z, y, x = (part.stop - part.start for part in box)
    return z, y, x
