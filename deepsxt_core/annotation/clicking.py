"""The body around a click as an object: what it is grown from, and what it may take."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.checks import MOST_IDS
from deepsxt_core.annotation.objects import (
    CLICKED,
    MEMBRANE,
    ORGANELLE,
    ObjectRow,
    TableChange,
    row_change,
    shade_of,
)
from deepsxt_core.annotation.operations import Click
from deepsxt_core.annotation.resolution import Change, Resolution
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.bodies.growth import REACH_PX, Body, grow_body
from deepsxt_core.bodies.patches import Surroundings
from deepsxt_core.errors import InvalidParameterError

Voxel = tuple[int, int, int]


def click(operation: Click, scene: Scene) -> Resolution:
    """Resolve `Click`."""
    box = around_click(scene, operation.inside, operation.outside)
    at = Box(*operation.inside[0], *np.add(operation.inside[0], 1).tolist())
    owner = int(scene.labels.read(at).item())
    if owner != operation.object and not may_be_taken(scene)[owner]:
        raise InvalidParameterError(
            f"The voxel {operation.inside[0]} (z, y, x) is object {owner}'s already. Delete or "
            "correct that one first."
        )
    body = grow_body(
        surroundings_of(scene, box),
        inside_of(box, operation.inside),
        inside_of(box, operation.outside),
    )
    if body is None:
        raise InvalidParameterError(
            f"No body was found around the voxel {operation.inside[0]} (z, y, x). Click deeper "
            "inside it, in a slice that shows its outline, or add voxels that are in it."
        )
    number, table = operation.object, []
    if number in scene.table:
        (row,) = scene.table.require([number])
        mended = replace(row, true_voxels=body.true_voxels)
        if len(operation.inside) > 1:
            mended = replace(mended, state="corrected")
        if mended != row:
            table.append(row_change(row, mended))
    else:
        class_name = operation.class_name or ORGANELLE
        table += new_class(scene, class_name)
        table.append(row_change(None, body_row(number, class_name, CLICKED, body.true_voxels)))
    return Resolution(_given(scene, number, body, box), table)


def around_click(scene: Scene, inside: Sequence[Voxel], outside: Sequence[Voxel]) -> Box:
    """Return the box that is looked at for a click.

    Raises
    ------
    InvalidParameterError
        If a voxel lies outside of the annotation or too far from the first.
    """
    for voxel in (*inside, *outside):
        scene.require_voxel(voxel)
    margins = scene.margins(REACH_PX)
    box = Box.around(np.array(inside[:1]), np.array(margins)).meet(scene.whole)
    for voxel in (*inside, *outside):
        if not box.holds(voxel):
            raise InvalidParameterError(
                f"The voxel {voxel} (z, y, x) is too far from the first, {inside[0]}: at most "
                f"{margins} voxels. Click there by itself, and merge the two objects."
            )
    return box


def surroundings_of(scene: Scene, box: Box) -> Surroundings:
    """Return a box of the score, and of the tomogram where it is at hand, to be looked at.

    Raises
    ------
    InvalidParameterError
        If there is no score.
    """
    if scene.score is None:
        raise InvalidParameterError(
            "Organelles are found by the score of the tomogram, and the annotation knows none. "
            "Segment the tomogram first, then give its score (--score score.ome.zarr), or make "
            "the annotation from the score."
        )
    score = np.nan_to_num(scene.score_of(box), nan=-1.0)
    grey = None
    if scene.tomogram is not None:
        grey = scene.tomogram.read(box).astype(np.float32)
        grey = np.nan_to_num(-grey if scene.tomogram.is_bright else grey)
    return Surroundings(score, grey, scene.edges)


def inside_of(box: Box, voxels: Sequence[Voxel]) -> list[Voxel]:
    """Return where voxels lie in a box."""
    return [(z - box.z0, y - box.y0, x - box.x0) for z, y, x in voxels]


def body_row(
    number: int, class_name: str, origin: str, true_voxels: tuple[float, float]
) -> ObjectRow:
    """Return the row of a body that the program has found."""
    return ObjectRow(
        id=number,
        name=f"Object {number}",
        class_name=class_name,
        colour=shade_of(number),
        origin=origin,
        true_voxels=true_voxels,
    )


def new_class(scene: Scene, name: str) -> list[TableChange]:
    """Return the change that adds a class, none if it is there."""
    classes = scene.table.classes
    return [] if name in classes else [TableChange(name, None, shade_of(len(classes)))]


def may_be_taken(scene: Scene) -> NDArray[np.bool_]:
    """Return which ids give way to a body, bool (65,536,): none, and membrane."""
    ids = np.zeros(MOST_IDS + 1, bool)
    ids[[0, *(row.id for row in scene.table.values() if row.class_name == MEMBRANE)]] = True
    return ids & ~scene.locked


def _given(scene: Scene, number: int, body: Body, box: Box) -> Iterator[Change]:
    """Yield the cubes in which the object gains or loses voxels."""
    taken = may_be_taken(scene)
    first = np.add(body.first, box.first)
    place = Box(*first.tolist(), *np.add(first, body.mask.shape).tolist())
    cubes = {tuple(cube) for cube in scene.labels.boxes_of([number])}
    edges = scene.labels.edges
    cubes |= {
        tuple(Box(*cell, *np.add(cell, edges).tolist()).meet(scene.whole))
        for cell in {
            tuple(a // e * e for a, e in zip(part.first, edges, strict=True))
            for part in place.tiles(edges)
        }
    }
    for cube in (Box(*each) for each in sorted(cubes)):
        old = scene.labels.read(cube)
        new = np.where(old == number, np.uint16(0), old)
        inner = cube.meet(place)
        if not inner.is_empty:
            part = new[inner.within(cube)]
            part[body.mask[inner.within(place)] & taken[part]] = number
        yield Change(cube, old, new)
