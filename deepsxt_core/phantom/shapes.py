"""Outlines of cell structures, as signed distances on a pixel grid.

A shape is first an implicit function that is negative inside; dividing it by the length of its
gradient gives the distance to the outline in pixels, exact to first order near the outline,
which is where membranes are drawn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


class Window(NamedTuple):
    """A rectangle of the canvas with its pixel coordinates, float32, (y, x) each."""

    rows: slice
    columns: slice
    y: Field
    x: Field


def window(
    shape: tuple[int, int], centre: tuple[float, float] | None = None, reach_px: float = np.inf
) -> Window:
    """Return the part of a canvas of `shape` within `reach_px` of `centre` (all by default)."""
    if centre is None or not np.isfinite(reach_px):
        bounds = [(0, n) for n in shape]
    else:
        bounds = [
            (min(max(int(c - reach_px), 0), n - 2), max(min(int(c + reach_px) + 1, n), 2))
            for c, n in zip(centre, shape, strict=True)
        ]
    rows, columns = (slice(*b) for b in bounds)
    y, x = np.meshgrid(
        np.arange(*bounds[0], dtype=np.float32),
        np.arange(*bounds[1], dtype=np.float32),
        indexing="ij",
    )
    return Window(rows, columns, y, x)


def signed_distance(implicit: Field) -> Field:
    """Turn an implicit function, negative inside, into a distance in pixels."""
    slope = np.sqrt(sum(g * g for g in np.gradient(implicit)))
    return implicit / np.maximum(slope, 1e-6)


def rotated(view: Window, centre: tuple[float, float], angle: float) -> tuple[Field, Field]:
    """Return coordinates along and across the direction `angle` (radians) from `centre`."""
    y, x = view.y - np.float32(centre[0]), view.x - np.float32(centre[1])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x + s * y, c * y - s * x


def closed_outline(
    rng: np.random.Generator,
    view: Window,
    centre: tuple[float, float],
    radii_px: tuple[float, float],
    *,
    angle: float = 0.0,
    bend: float = 0.0,
    wobble: float = 0.0,
) -> Field:
    """Return the signed distance to an ellipse, bent like a banana and wobbled.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the wobble.
    view : Window
        Where to compute.
    centre : tuple of float
        (y, x) in pixels.
    radii_px : tuple of float
        Half axes along and across `angle`.
    angle : float
        Direction of the first half axis in radians.
    bend : float
        Sideways shift of the ends in units of the first half axis.
    wobble : float
        Relative strength of the lobes on the outline.

    Returns
    -------
    ndarray
        float32, of the window's shape; negative inside.
    """
    along, across = rotated(view, centre, angle)
    u = along / np.float32(radii_px[0])
    v = across / np.float32(radii_px[1]) - np.float32(bend * radii_px[0] / radii_px[1]) * u * u
    rho = np.hypot(u, v)
    if wobble:
        theta = np.arctan2(v, u)
        lobes = np.ones_like(rho)
        for order in range(2, 7):
            weight, phase = wobble * rng.normal() / order, rng.uniform(0, 2 * np.pi)
            lobes += np.float32(weight) * np.cos(order * theta + np.float32(phase))
        rho = rho / np.maximum(lobes, np.float32(0.3))
    return signed_distance(rho - 1)


def open_curve(
    rng: np.random.Generator,
    view: Window,
    centre: tuple[float, float],
    *,
    angle: float,
    sway_px: float,
    period_px: float,
) -> tuple[Field, Field]:
    """Return the signed distance to a swaying line, and the position along it, in pixels."""
    along, across = rotated(view, centre, angle)
    sway = np.zeros_like(along)
    for order in (1, 2, 3):
        phase = np.float32(rng.uniform(0, 2 * np.pi))
        weight = np.float32(sway_px * rng.normal() / order**1.5)
        sway += weight * np.sin(np.float32(2 * np.pi * order / period_px) * along + phase)
    return signed_distance(across - sway), along
