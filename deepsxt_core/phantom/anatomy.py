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
    LAC_GOLD,
    LAC_ICE,
    LAC_LIPID,
    LAC_MITOCHONDRION,
    LAC_NUCLEOLUS,
    LAC_NUCLEUS,
    Label,
)
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


class Cell:
    """Paints a cell onto a specimen, large things first."""

    def __init__(self, specimen: Specimen, params: PhantomParams, first_slice: int) -> None:
        self.specimen = specimen
        self.params = params
        self.first_slice = first_slice
        self.rng = specimen.rng
        self.edge: Distance | None = None
        self.filopodia: list[Filopodium] = []

    def paint(self, progress: Progress) -> None:
        """Paint everything, and report each kind of thing."""
        rng, params = self.rng, self.params
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
            (params.mitochondria, self._mitochondrion),
            (params.droplets, self._droplet),
            (params.reticulum_sheets, self._sheet),
            (params.vesicles, self._vesicle),
            (params.reticulum_tubes, self._tubule),
        ):
            for _ in range(rng.poisson(mean * rng.gamma(2.0) / 2 * cell_um3)):
                paint()
            progress.advance()
        all_um3 = self.specimen.labels.size * (params.voxel_size_nm / 1000) ** 3
        for _ in range(rng.poisson(params.gold_beads * all_um3)):
            self._bead()
        progress.advance()

    def _px(self, nm: float) -> float:
        return nm / self.params.voxel_size_nm

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
            sway_px=self._px(rng.uniform(60, 250)),
            period_px=self._px(rng.uniform(1500, 5000)),
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
        radius = self._px(diameter_nm) / 2
        path = wandering_path(
            rng,
            root,
            angle + np.pi + rng.normal(0, 0.35),
            self._px(rng.uniform(800, 4000)),
            step_px=max(radius, 6.0),
            stiffness_px=self._px(8000),
            rise=rng.normal(0, 0.04),
        )
        # It begins inside the cell: what lies there is painted over.
        inwards = np.array([0, np.sin(angle), np.cos(angle)]) * self._px(900)
        whole = np.vstack([path[0] + inwards, path])
        box = self._box_around(path, radius + 8)
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

    def _box_around(self, path: Path, reach_px: float) -> Box:
        low, high = path.min(axis=0), path.max(axis=0)
        middle = tuple((low + high) / 2)
        return self.specimen.box(middle, tuple((high - low) / 2 + reach_px))

    def _nucleus(self) -> None:
        rng, specimen = self.rng, self.specimen
        depth = specimen.shape[0]
        radius = self._px(rng.uniform(1800, 4000))
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
        space = np.float32(self._px(rng.uniform(150, 500)))

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
            size = self._px(rng.uniform(250, 800))
            spot = self._free_place(size, Label.NUCLEUS)
            if spot is not None:
                specimen.paint(
                    specimen.box(spot, 1.6 * size),
                    ellipsoid(rng, spot, (size, size, size * rng.uniform(0.7, 1)), wobble=0.2),
                    filling=Filling(label=Label.NUCLEOLUS, lac=LAC_NUCLEOLUS, texture=0.03),
                )

    def _mitochondrion(self) -> None:
        rng = self.rng
        radius = self._px(rng.uniform(110, 260))
        length = self._px(np.exp(rng.uniform(np.log(200), np.log(2500))))
        start = self._free_place(radius)
        if start is None:
            return
        path = wandering_path(
            rng,
            start,
            rng.uniform(0, 2 * np.pi),
            length,
            step_px=0.5 * radius,
            stiffness_px=self._px(3000),
            rise=rng.normal(0, 0.2),
        )
        path = self._while_free(path, radius)
        box = self._box_around(path, radius + 8)
        body = tube(path, radius)
        lac = LAC_MITOCHONDRION * rng.uniform(0.85, 1.25)
        self.specimen.paint(
            box,
            body,
            filling=Filling(label=Label.MITOCHONDRION, lac=lac, texture=rng.uniform(0.02, 0.05)),
        )
        self._cristae(box, body, path, radius)
        self.specimen.paint(
            box,
            body,
            wall=Wall(
                label=Label.MITOCHONDRIAL_MEMBRANE,
                offsets_nm=(0.0, -18.0),
                strength=rng.uniform(0.8, 1.2),
                drawn_px=0.3,
            ),
        )

    def _cristae(self, box: Box, body: Distance, path: Path, radius: float) -> None:
        """Fold the inner membrane into sheets that reach in from alternate sides."""
        rng = self.rng
        towards = path[-1] - path[0]
        heading = np.arctan2(towards[1], towards[2]) + rng.normal(0, 0.2)
        c, s = float(np.cos(heading)), float(np.sin(heading))
        period = self._px(rng.uniform(70, 130))
        sway, phase, lean = rng.uniform(0.1, 0.35), rng.uniform(0, 6), rng.normal(0, 0.3)
        reach = rng.uniform(0.2, 0.8)
        middle = path.mean(axis=0)

        def sheets(part: Box) -> Field:
            z, y, x = (
                np.arange(p.start, p.stop, dtype=np.float32).reshape(s)
                for p, s in zip(part, ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), strict=True)
            )
            dz, dy, dx = z - float(middle[0]), y - float(middle[1]), x - float(middle[2])
            along = c * dx + s * dy + lean * dz
            across = c * dy - s * dx
            count = along / period + sway * np.sin(across / radius * 2 + dz / radius + phase)
            number = np.round(count)
            side = np.where(number % 2 == 0, 1, -1) * across / radius
            open_end = np.maximum(side - reach, 0) * radius
            core = np.maximum(body(part) + self._px(25), 0)
            # Signed, as the gradient of the absolute distance is lost in the sheet's middle.
            flat = (count - number) * np.float32(period)
            far = open_end + core
            return np.where(far > 0, np.hypot(flat, far), flat).astype(np.float32)

        labels = self.specimen.labels[box].copy()
        self.specimen.paint(
            box, sheets, wall=Wall(label=Label.CRISTA, strength=rng.uniform(0.5, 1.5))
        )
        painted = self.specimen.labels[box]
        painted[labels != Label.MITOCHONDRION] = labels[labels != Label.MITOCHONDRION]

    def _vesicle(self) -> None:
        rng = self.rng
        radius = self._px(np.exp(rng.uniform(np.log(70), np.log(350))))
        place = self._free_place(radius)
        if place is None:
            return
        kind = rng.choice(["clear", "cytosol", "granular", "nested"], p=[0.45, 0.25, 0.22, 0.08])
        filling = {
            "clear": Filling(label=Label.VESICLE, lac=rng.uniform(LAC_ICE, 0.18), texture=0.01),
            "cytosol": Filling(label=Label.VESICLE, lac=rng.uniform(0.18, 0.3), texture=0.02),
            "granular": Filling(
                label=Label.VESICLE, lac=rng.uniform(0.28, 0.55), texture=rng.uniform(0.04, 0.12)
            ),
            "nested": Filling(label=Label.VESICLE, lac=rng.uniform(0.15, 0.25), texture=0.02),
        }[kind]
        self._vesicle_at(place, radius, filling)
        if kind == "nested" and radius > 12:
            for _ in range(rng.integers(1, 4)):
                small = radius * rng.uniform(0.2, 0.45)
                shift = rng.uniform(-0.5, 0.5, 3) * (radius - small)
                inner = Filling(label=Label.VESICLE, lac=rng.uniform(0.15, 0.5), texture=0.03)
                self._vesicle_at(tuple(np.asarray(place) + shift), small, inner)

    def _vesicle_at(self, place: Point, radius: float, filling: Filling) -> None:
        rng = self.rng
        radii = (radius, radius * rng.uniform(0.75, 1.2), radius * rng.uniform(0.75, 1.2))
        dark = np.clip((filling.lac - LAC_CYTOSOL) / 0.15, 0, 1)
        self.specimen.paint(
            self.specimen.box(place, 1.5 * radius + 8),
            ellipsoid(rng, place, radii, wobble=0.05),
            filling=filling,
            wall=Wall(
                label=Label.VESICLE_MEMBRANE,
                strength=rng.uniform(0.6, 1.4),
                drawn_px=1.5 * float(dark),
            ),
        )

    def _droplet(self) -> None:
        rng = self.rng
        radius = self._px(rng.uniform(80, 350))
        place = self._free_place(radius)
        if place is None:
            return
        self.specimen.paint(
            self.specimen.box(place, 1.3 * radius + 8),
            ellipsoid(rng, place, (radius, radius, radius * rng.uniform(0.9, 1))),
            filling=Filling(
                label=Label.LIPID_DROPLET, lac=LAC_LIPID * rng.uniform(0.8, 1.1), texture=0.03
            ),
            wall=Wall(label=Label.DROPLET_SURFACE, strength=0.5, drawn_px=1.5),
        )

    def _tubule(self) -> None:
        rng = self.rng
        radius = self._px(rng.uniform(25, 60))
        start = self._free_place(radius)
        if start is None:
            return
        path = wandering_path(
            rng,
            start,
            rng.uniform(0, 2 * np.pi),
            self._px(np.exp(rng.uniform(np.log(300), np.log(2500)))),
            step_px=max(radius, 4.0),
            stiffness_px=self._px(1500),
            rise=rng.normal(0, 0.1),
        )
        path = self._while_free(path, radius)
        # The lumen of the thinnest is not resolved: they are seen as one line.
        thin = radius < self.params.label_px - 1
        self.specimen.paint(
            self._box_around(path, radius + 8),
            tube(path, radius),
            filling=Filling(label=Label.RETICULUM, lac=rng.uniform(0.2, 0.32)),
            wall=Wall(
                label=Label.RETICULUM_MEMBRANE,
                strength=rng.uniform(0.6, 1.2),
                drawn_px=2.0 if thin else 0.0,
            ),
        )

    def _sheet(self) -> None:
        """Paint a flat cistern: two membranes with a lumen of some ten nm between them."""
        rng = self.rng
        half = self._px(rng.uniform(20, 40))
        place = self._free_place(10)
        if place is None:
            return
        size = self._px(rng.uniform(250, 900))
        plane = swaying_plane(
            rng,
            place,
            rng.uniform(0, 2 * np.pi),
            slant=rng.normal(0, 0.4),
            sway_px=0.1 * size,
            period_px=2 * size,
        )
        bound = ellipsoid(rng, place, (size, size, size), wobble=0.3)
        free = self.specimen.labels

        def cistern(box: Box) -> Field:
            inside = np.maximum(np.abs(plane(box)) - np.float32(half), bound(box))
            return np.where(free[box] <= Label.CYTOSOL, inside, np.float32(99)).astype(np.float32)

        self.specimen.paint(
            self.specimen.box(place, 1.5 * size),
            cistern,
            filling=Filling(label=Label.RETICULUM, lac=rng.uniform(0.18, 0.3)),
            wall=Wall(label=Label.RETICULUM_MEMBRANE, strength=rng.uniform(0.8, 1.3)),
        )

    def _bead(self) -> None:
        rng, specimen = self.rng, self.specimen
        radius = self._px(self.params.gold_nm * rng.uniform(0.9, 1.1)) / 2
        # Beads lie on the film under the cell, on top of it, or beside it, never in it.
        depth = specimen.shape[0]
        above = rng.choice([rng.uniform(0, 0.15), rng.uniform(0.85, 1.0)]) * depth
        place = (above, *(rng.uniform(0, n) for n in specimen.shape[1:]))
        outside = self._free_place(radius, Label.ICE) if rng.random() < 0.5 else None
        place = outside or place
        specimen.paint(
            specimen.box(place, radius + 4),
            ellipsoid(rng, place, (radius,) * 3),
            filling=Filling(label=Label.GOLD, lac=LAC_GOLD, texture=0.0),
        )

    def _free_place(self, reach_px: float, label: Label = Label.CYTOSOL) -> Point | None:
        """Return a place with nothing but `label` around it, or None after some tries."""
        for _ in range(40):
            place = tuple(self.rng.uniform(0, n) for n in self.specimen.shape)
            if self._is_free(place, reach_px, label):  # type: ignore[arg-type]
                return place  # type: ignore[return-value]
        return None

    def _is_free(self, place: Point, reach_px: float, label: Label = Label.CYTOSOL) -> bool:
        labels = self.specimen.labels[self.specimen.box(place, reach_px + 3)]
        return bool((labels[::2, ::3, ::3] == label).all())

    def _while_free(self, path: Path, radius: float) -> Path:
        """Cut a path where it first meets something else."""
        for count, point in enumerate(path):
            if not self._is_free(tuple(point), radius):
                return path[: max(count, 2)]
        return path


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
