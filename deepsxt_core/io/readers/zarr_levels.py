"""What the metadata of OME-Zarr say about the levels of an image: axes, sizes, places."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepsxt_core.geometry import Place
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit, unitless
from deepsxt_core.io.readers.named_sizes import sizes_told
from deepsxt_core.io.readers.parts import Layout
from deepsxt_core.io.readers.placement import as_origin


@dataclass(frozen=True, slots=True)
class Level:
    """An array of image number `image`; `axes` and `units` are empty where nothing names them."""

    name: str
    axes: tuple[str, ...] = ()
    units: tuple[Any, ...] = ()
    scale: tuple[float, ...] = ()
    shift: tuple[float, ...] = ()
    image: int = 0


def ome_part(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that are those of OME, which 0.5 keeps apart."""
    inner = attributes.get("ome")
    return inner if isinstance(inner, dict) else attributes


def image_levels(attributes: dict[str, Any], prefix: str) -> list[Level]:
    """Return the levels of all images that attributes describe, their names behind `prefix`."""
    levels = []
    for number, image in enumerate(ome_part(attributes).get("multiscales", [])):
        axes = image.get("axes", [{"name": name} for name in "tczyx"])
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
        names = tuple(str(axis["name"]).lower() for axis in axes)
        units = tuple(axis.get("unit") for axis in axes)
        for level in image["datasets"]:
            # The transformations of a level come first, those of all levels after them.
            steps = [
                *level.get("coordinateTransformations", []),
                *image.get("coordinateTransformations", []),
            ]
            scale, shift = _transformed(steps, len(names))
            levels.append(Level(prefix + str(level["path"]), names, units, scale, shift, number))
    return levels


def _transformed(
    steps: list[dict[str, Any]], n: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the scale, empty if none is told, and the shift that steps one after another make."""
    scale, shift, scaled = np.ones(n), np.zeros(n), False
    for step in steps:
        if step.get("type") == "scale":
            factors = np.asarray(step["scale"], float)
            scale, shift, scaled = scale * factors, shift * factors, True
        elif step.get("type") == "translation":
            shift = shift + np.asarray(step["translation"], float)
    return tuple(scale.tolist()) if scaled else (), tuple(shift.tolist())


def place_of(
    level: Level, layout: Layout, attributes: Mapping[str, Any]
) -> tuple[tuple[float | None, float | None, float | None], Place, tuple[str, ...]]:
    """Return edges along the stored axes of space, the origin (z, y, x), and words for people."""
    if not level.scale:
        told = sizes_told([attributes], layout)
        first, second, third = (told.edges_nm.get(letter) for letter in layout.space)
        place = as_origin([told.origin_nm.get(letter, 0.0) for letter in "zyx"])
        return (first, second, third), place, told.warnings
    edges: dict[str, float | None] = {}
    origin: dict[str, float] = {}
    bare = {}
    for letter, unit, step, start in zip(
        layout.letters, level.units, level.scale, level.shift, strict=True
    ):
        nm = nm_per_unit(unit)
        edges[letter] = as_length(step, nm)
        origin[letter] = start * (nm or 0.0)
        if nm is None and letter in "zyx":
            bare[letter] = step
    warnings = unitless([bare[letter] for letter in "zyx" if letter in bare])
    if any(
        step < 0
        for letter, step in zip(layout.letters, level.scale, strict=True)
        if letter in "zyx"
    ):
        warnings += (
            "The file gives a scale below 0, which OME-Zarr does not know; it is not used. Enter "
            "the voxel size in nm.",
        )
    first, second, third = (edges.get(letter) for letter in layout.space)
    return (
        (first, second, third),
        as_origin([origin.get(letter, 0.0) for letter in "zyx"]),
        warnings,
    )
