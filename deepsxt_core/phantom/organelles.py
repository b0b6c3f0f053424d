"""Organelles in the cytosol: where they fit in, how large they are, what they look like."""

import numpy as np

from deepsxt_core.phantom.bodies import (
    Path,
    ellipsoid,
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
    Label,
)
from deepsxt_core.phantom.painter import Painter
from deepsxt_core.phantom.shapes import Field
from deepsxt_core.phantom.specimen import Box, Distance, Filling, Point, Wall


class Organelles(Painter):
    """Paints one organelle at a time, where there is room for it."""

    def mitochondrion(self) -> None:
        """Paint a mitochondrion with its cristae."""
        rng = self.rng
        radius = self.px(rng.uniform(110, 260))
        length = self.px(np.exp(rng.uniform(np.log(200), np.log(2500))))
        start = self.free_place(radius)
        if start is None:
            return
        path = wandering_path(
            rng,
            start,
            rng.uniform(0, 2 * np.pi),
            length,
            step_px=0.5 * radius,
            stiffness_px=self.px(3000),
            rise=rng.normal(0, 0.2),
        )
        path = self.while_free(path, radius)
        box = self.box_around(path, radius + 8)
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
            organelle=self.specimen.new_organelle(Label.MITOCHONDRION),
        )

    def _cristae(self, box: Box, body: Distance, path: Path, radius: float) -> None:
        """Fold the inner membrane into sheets that reach in from alternate sides."""
        rng = self.rng
        towards = path[-1] - path[0]
        heading = np.arctan2(towards[1], towards[2]) + rng.normal(0, 0.2)
        c, s = float(np.cos(heading)), float(np.sin(heading))
        period = self.px(rng.uniform(70, 130))
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
            core = np.maximum(body(part) + self.px(25), 0)
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

    def vesicle(self) -> None:
        """Paint a vesicle, sometimes with others inside."""
        rng = self.rng
        radius = self.px(np.exp(rng.uniform(np.log(70), np.log(350))))
        place = self.free_place(radius)
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
        outer = self._vesicle_at(place, radius, filling)
        if kind == "nested" and radius > 12:
            for _ in range(rng.integers(1, 4)):
                small = radius * rng.uniform(0.2, 0.45)
                shift = rng.uniform(-0.5, 0.5, 3) * (radius - small)
                inner = Filling(label=Label.VESICLE, lac=rng.uniform(0.15, 0.5), texture=0.03)
                self._vesicle_at(tuple(np.asarray(place) + shift), small, inner, within=outer)

    def _vesicle_at(self, place: Point, radius: float, filling: Filling, within: int = 0) -> int:
        rng = self.rng
        radii = (radius, radius * rng.uniform(0.75, 1.2), radius * rng.uniform(0.75, 1.2))
        number = self.specimen.new_organelle(Label.VESICLE, within)
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
            organelle=number,
        )
        return number

    def droplet(self) -> None:
        """Paint a lipid droplet."""
        rng = self.rng
        radius = self.px(rng.uniform(80, 350))
        place = self.free_place(radius)
        if place is None:
            return
        self.specimen.paint(
            self.specimen.box(place, 1.3 * radius + 8),
            ellipsoid(rng, place, (radius, radius, radius * rng.uniform(0.9, 1))),
            filling=Filling(
                label=Label.LIPID_DROPLET, lac=LAC_LIPID * rng.uniform(0.8, 1.1), texture=0.03
            ),
            wall=Wall(label=Label.DROPLET_SURFACE, strength=0.5, drawn_px=1.5),
            organelle=self.specimen.new_organelle(Label.LIPID_DROPLET),
        )

    def tubule(self) -> None:
        """Paint a tube of the reticulum."""
        rng = self.rng
        radius = self.px(rng.uniform(25, 60))
        start = self.free_place(radius)
        if start is None:
            return
        path = wandering_path(
            rng,
            start,
            rng.uniform(0, 2 * np.pi),
            self.px(np.exp(rng.uniform(np.log(300), np.log(2500)))),
            step_px=max(radius, 4.0),
            stiffness_px=self.px(1500),
            rise=rng.normal(0, 0.1),
        )
        path = self.while_free(path, radius)
        # The lumen of the thinnest is not resolved: they are seen as one line.
        thin = radius < self.params.label_px - 1
        self.specimen.paint(
            self.box_around(path, radius + 8),
            tube(path, radius),
            filling=Filling(label=Label.RETICULUM, lac=rng.uniform(0.2, 0.32)),
            wall=Wall(
                label=Label.RETICULUM_MEMBRANE,
                strength=rng.uniform(0.6, 1.2),
                drawn_px=2.0 if thin else 0.0,
            ),
            organelle=self.specimen.new_organelle(Label.RETICULUM),
        )

    def sheet(self) -> None:
        """Paint a flat cistern: two membranes with a lumen of some ten nm between them."""
        rng = self.rng
        half = self.px(rng.uniform(20, 40))
        place = self.free_place(10)
        if place is None:
            return
        size = self.px(rng.uniform(250, 900))
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
            organelle=self.specimen.new_organelle(Label.RETICULUM),
        )

    def bead(self) -> None:
        """Paint a gold bead, outside the cell."""
        rng, specimen = self.rng, self.specimen
        radius = self.px(self.params.gold_nm * rng.uniform(0.9, 1.1)) / 2
        # Beads lie on the film under the cell, on top of it, or beside it, never in it.
        depth = specimen.shape[0]
        above = rng.choice([rng.uniform(0, 0.15), rng.uniform(0.85, 1.0)]) * depth
        place = (above, *(rng.uniform(0, n) for n in specimen.shape[1:]))
        outside = self.free_place(radius, Label.ICE) if rng.random() < 0.5 else None
        place = outside or place
        specimen.paint(
            specimen.box(place, radius + 4),
            ellipsoid(rng, place, (radius,) * 3),
            filling=Filling(label=Label.GOLD, lac=LAC_GOLD, texture=0.0),
        )
