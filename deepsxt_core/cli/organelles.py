"""``deepsxt annotation click | propose``."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter, Token

from deepsxt_core.annotation import Annotation, Click, ObjectRow, Propose, open_annotation
from deepsxt_core.annotation.body_operations import LEAST_CONFIDENCE
from deepsxt_core.cli.options import Outcome, comma_separated, command
from deepsxt_core.numerals import number_text

_SHOWN = 20
_VOXEL = comma_separated(int, "three whole numbers, as 40,310,295", 3)


def _voxels(hint: Any, tokens: Sequence[Token]) -> list[tuple[int, int, int]]:
    return [_VOXEL(hint, [token]) for token in tokens]


Voxel = Annotated[
    tuple[int, int, int], Parameter(converter=_VOXEL, n_tokens=1, negative="", metavar="Z,Y,X")
]
Voxels = Annotated[
    list[tuple[int, int, int]] | None,
    Parameter(converter=_voxels, n_tokens=1, negative="", metavar="Z,Y,X"),
]
ScoreFile = Annotated[
    Path | None,
    Parameter(
        help="Score of the tomogram; left out, the one that the annotation was made from.",
        metavar="PATH",
    ),
]
ClassName = Annotated[
    str | None,
    Parameter(
        name="--class",
        help="Class of the new objects, added if there is none of that name; left out, organelle.",
        metavar="NAME",
    ),
]


@command
def click(
    folder: Path,
    /,
    *,
    at: Voxel,
    also: Voxels = None,
    not_: Annotated[Voxels, Parameter(name="--not")] = None,
    class_name: ClassName = None,
    score: ScoreFile = None,
) -> Outcome:
    """Make an object of the whole body around a voxel, its membrane included.

    Parameters
    ----------
    at
        A voxel inside it, counted from 0.
    also
        Another voxel inside it; may be repeated.
    not_
        A voxel outside of it; may be repeated.
    """
    with open_annotation(folder, score=score) as annotation:
        (number,) = annotation.objects.free_ids(1)
        begun = time.monotonic()
        done = annotation.apply(
            Click(
                object=number,
                inside=(at, *(also or ())),
                outside=tuple(not_ or ()),
                class_name=class_name,
            )
        )
        seconds = time.monotonic() - begun
        row = annotation.objects[number]
        found = _volumes(annotation, row, done.voxels)
    shown = ""
    if found["volume_um3"] is not None:
        low, high = found["volume_interval_um3"]
        shown = (
            f", {number_text(found['volume_um3'])} µm³ ({number_text(low)} to {number_text(high)})"
        )
    return Outcome(
        [f"Object {number}: {done.voxels:,} voxels{shown}, in {seconds:.1f} s"],
        {
            "id": number,
            "voxels": done.voxels,
            **found,
            "seconds": round(seconds, 3),
        },
    )


def _volumes(annotation: Annotation, row: ObjectRow, voxels: int) -> dict[str, Any]:
    """Return the volume of a grown object and its interval of 95 %, None without a voxel size."""
    size = annotation.geometry.voxel_size_nm
    if size is None or row.true_voxels is None:
        return {"volume_um3": None, "volume_interval_um3": None}
    one = size.z * size.y * size.x / 1e9
    return {
        "volume_um3": voxels * one,
        "volume_interval_um3": [count * one for count in row.true_voxels],
    }


def _voxels_of(annotation: Annotation, number: int) -> int:
    cubes = annotation.boxes_of(number)
    return sum(int(np.count_nonzero(annotation.read_box(cube) == number)) for cube in cubes)


@command
def propose(
    folder: Path,
    /,
    *,
    least_confidence: Annotated[
        float, Parameter(help="Leave out bodies that are less sure, from 0 to 1.")
    ] = LEAST_CONFIDENCE,
    class_name: ClassName = None,
    score: ScoreFile = None,
) -> Outcome:
    """Add every body that is found as a machine-made object."""
    with open_annotation(folder, score=score) as annotation:
        before = set(annotation.objects)
        begun = time.monotonic()
        done = annotation.apply(Propose(least_confidence=least_confidence, class_name=class_name))
        seconds = time.monotonic() - begun
        added = [annotation.objects[number] for number in done.objects if number not in before]
        listed = [
            {
                "id": row.id,
                "origin": row.origin,
                "voxels": voxels,
                **_volumes(annotation, row, voxels),
            }
            for row, voxels in ((row, _voxels_of(annotation, row.id)) for row in added)
        ]
    return Outcome(
        [f"{len(added)} bodies, {done.voxels:,} voxels, in {seconds:.1f} s"]
        + [f"  {row.id:5}  {row.origin}" for row in added[:_SHOWN]],
        {
            "annotation": str(folder),
            "ids": [row.id for row in added],
            "objects": listed,
            "voxels": done.voxels,
            "seconds": round(seconds, 3),
        },
    )
