"""Surfaces in three dimensions, as signed distances in voxels over a box of the canvas."""

import itertools

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.phantom.shapes import Field, signed_distance
from deepsxt_core.phantom.specimen import Box, Distance, Point

Path = NDArray[np.float64]
"""Points (n, 3), (z, y, x) in voxels, along a line in space."""


def axes(box: Box) -> list[Field]:
    """Return the coordinates (z, y, x) of a box, float32, to be broadcast."""
    ranges = [np.arange(part.start, part.stop, dtype=np.float32) for part in box]
    return list(np.meshgrid(*ranges, indexing="ij", sparse=True))


def ellipsoid(
    rng: np.random.Generator, centre: Point, radii_px: Point, *, wobble: float = 0.0
) -> Distance:
    """Return an ellipsoid, turned about z and wobbled by some plane waves."""
    angle = rng.uniform(0, np.pi)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    waves = [
        (wobble * rng.normal() / k, k * rng.normal(size=3), rng.uniform(0, 2 * np.pi))
        for k in (1.5, 2.0, 3.0, 4.0)
    ]

    def distance(box: Box) -> Field:
        z, y, x = axes(box)
        u = c * (x - float(centre[2])) + s * (y - float(centre[1]))
        v = c * (y - float(centre[1])) - s * (x - float(centre[2]))
        p = [
            (z - float(centre[0])) / float(radii_px[0]),
            v / float(radii_px[1]),
            u / float(radii_px[2]),
        ]
        rho = np.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2)
        if wobble:
            for weight, rates, phase in waves:
                rho = rho + np.float32(weight) * np.sin(
                    sum(np.float32(r) * q for r, q in zip(rates, p, strict=True))
                    + np.float32(phase)
                )
        return signed_distance((rho - 1).astype(np.float32))

    return distance


def swaying_plane(
    rng: np.random.Generator,
    through: Point,
    angle: float,
    *,
    slant: float,
    sway_px: float,
    period_px: float,
) -> Distance:
    """Return a wavy wall; inside lies in the direction `angle` (radians, from x towards y)."""
    waves = [
        (sway_px * rng.normal() / k, 2 * np.pi * k / period_px, rng.uniform(0, 2 * np.pi))
        for k in (1.0, 2.0, 3.3)
    ]
    lean = rng.uniform(-0.3, 0.3)
    c, s = float(np.cos(angle)), float(np.sin(angle))

    def distance(box: Box) -> Field:
        z, y, x = axes(box)
        dz, dy, dx = (a - float(p) for a, p in zip((z, y, x), through, strict=True))
        inwards = c * dx + s * dy
        course = c * dy - s * dx + lean * dz
        bound = slant * dz
        for weight, rate, phase in waves:
            bound = bound + np.float32(weight) * np.sin(
                np.float32(rate) * course + np.float32(phase)
            )
        return signed_distance((bound - inwards).astype(np.float32))

    return distance


def wandering_path(
    rng: np.random.Generator,
    start: Point,
    angle: float,
    length_px: float,
    *,
    step_px: float,
    stiffness_px: float,
    rise: float = 0.0,
) -> Path:
    """Return a line that sets off in the direction `angle` in the plane and turns slowly.

    `stiffness_px` is the length over which it forgets its direction (persistence length).
    """
    count = max(int(np.ceil(length_px / step_px)), 2)
    step = length_px / count
    turns = np.sqrt(2 * step / stiffness_px) * rng.standard_normal((2, count))
    headings = angle + np.cumsum(turns[0]) - turns[0][0]
    rises = rise + 0.3 * (np.cumsum(turns[1]) - turns[1][0])
    flat = np.cos(rises)
    steps = step * np.stack([np.sin(rises), flat * np.sin(headings), flat * np.cos(headings)], 1)
    return np.vstack([np.asarray(start), np.asarray(start) + np.cumsum(steps, axis=0)])


def path_length(path: Path) -> float:
    """Return the length of a path, in its own unit."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def tube(path: Path, radius_px: float) -> Distance:
    """Return the surface at `radius_px` around a path, with round ends."""
    reach = radius_px + 8

    def distance(box: Box) -> Field:
        shape = tuple(part.stop - part.start for part in box)
        nearest = np.full(shape, reach**2, np.float32)
        for a, b in itertools.pairwise(path):
            part = tuple(
                slice(
                    max(int(min(p, q) - reach), edge.start) - edge.start,
                    max(min(int(max(p, q) + reach) + 2, edge.stop), edge.start) - edge.start,
                )
                for p, q, edge in zip(a, b, box, strict=True)
            )
            if any(p.stop <= p.start for p in part):
                continue
            grid = axes(
                tuple(
                    slice(p.start + edge.start, p.stop + edge.start)
                    for p, edge in zip(part, box, strict=True)
                )  # type: ignore[arg-type]
            )
            along = b - a
            offset = [g - np.float32(c) for g, c in zip(grid, a, strict=True)]
            projected = sum(o * np.float32(d) for o, d in zip(offset, along, strict=True))
            share = np.clip(projected / np.float32(along @ along), 0, 1)
            squared = sum(
                (o - share * np.float32(d)) ** 2 for o, d in zip(offset, along, strict=True)
            )
            np.minimum(nearest[part], squared, out=nearest[part])
        return np.sqrt(nearest) - np.float32(radius_px)

    return distance
