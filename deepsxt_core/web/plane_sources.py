"""What planes in all three directions are cut from: a tomogram, a result, a truth."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Region
from deepsxt_core.io.coding import Coding, coding_of
from deepsxt_core.io.pyramid import AXES, Axis, Pyramid, open_pyramid
from deepsxt_core.volume import NOT_JUDGED_CODE, Volume
from deepsxt_core.web.pictures import Survey, survey
from deepsxt_core.web.responses import HttpError
from deepsxt_core.web.slabs import SlabCache
from deepsxt_core.workspace import Tomogram, Workspace, display
from deepsxt_core.workspace.display import Display, Preparation
from deepsxt_core.workspace.truths import named_truth, truth_codes, truth_place

SLABS = SlabCache()

_KEPT = 8
_RETRY = {"Retry-After": "2"}
_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Source:
    """What planes are cut from.

    Attributes
    ----------
    volume : Volume
        Grey values, or the codes of a score or truth.
    coding : Coding
        Of its pyramid.
    shown : Display
    place : dict
        Where it lies in the tomogram, in voxels of it.
    unjudged : int or None
        The code of what nobody has judged; None if there is none.
    """

    volume: Volume
    coding: Coding
    shown: Display
    place: dict[str, Any]
    unjudged: int | None = None

    def plane(self, axis: Axis, index: int) -> NDArray:
        """Return the values of a plane of the volume (rows, columns), float64, NaN where none.

        Across z they are those of the file; else those of the pyramid, which keeps integers of 8
        and 16 bits, and others to 1/65,534 of their range.

        Raises
        ------
        HttpError
            If there is no such plane, or the pyramid is not there yet.
        """
        require_plane(self.volume.shape[AXES.index(axis)], axis, index)
        if axis == "z":
            return self.volume.read(index, index + 1)[0].astype(np.float64)
        how_far = display.prepare(self.shown)
        if how_far.state != "ready":
            raise unprepared(how_far)
        return self.coding.decode(SLABS.plane(opened(self.shown), axis, index, 0))


def grey_source(tomogram: Tomogram) -> Source:
    """Return what planes of a tomogram are cut from."""
    shown = display.grey_display(tomogram)
    coding = looked_at(tomogram, shown.version)[0]
    return Source(tomogram.volume(), coding, shown, {"first": [0, 0, 0], "bin": 1})


def score_source(tomogram: Tomogram, result_id: str) -> Source:
    """Return what planes of a result are cut from."""
    result = tomogram.result("scores", result_id)
    placed = tomogram.score(result.id).placed
    shown = display.score_display(tomogram, result)
    return Source(placed, Coding("uint8"), shown, place_of(placed, result.region))


def truth_source(tomogram: Tomogram, wanted: str, score_id: str | None) -> Source:
    """Return what planes of a truth are cut from; see `named_truth` and `truth_place`.

    Raises
    ------
    DeepSXTError
        If there is none of this name, or it does not lie there.
    """
    path, ignore_label = named_truth(tomogram, wanted)
    shown = display.truth_display(tomogram, path, ignore_label)
    geometry, region = truth_place(tomogram, path, score_id)
    codes = _truth(tomogram.folder, tomogram.id, path, ignore_label, shown.version)
    placed = codes.with_geometry(geometry)
    return Source(placed, Coding("uint8"), shown, place_of(placed, region), NOT_JUDGED_CODE)


@lru_cache(maxsize=_KEPT)
def _truth(
    folder: Path,
    tomogram_id: str,
    path: Path,
    ignore_label: int | None,
    version: str,  # noqa: ARG001
) -> Volume:
    return truth_codes(Workspace(folder.parents[1]).tomogram(tomogram_id), path, ignore_label)


def place_of(volume: Volume, region: Region) -> dict[str, Any]:
    """Return where a part of a tomogram lies in it, in its voxels, for a browser."""
    # The geometry has the centre of the first voxel; its lower corner lies half a voxel before.
    first = [round(index * region.bin + (1 - region.bin) / 2) for index in volume.first_voxel]
    return {"first": first, "bin": region.bin}


def index_in(place: dict[str, Any], volume: Volume, axis: Axis, index: int) -> int | None:
    """Return which plane of a part a plane of the tomogram lies in; None where it lies beyond."""
    across = AXES.index(axis)
    there = (index - place["first"][across]) // place["bin"]
    return int(there) if 0 <= there < volume.shape[across] else None


def looked_at(tomogram: Tomogram, version: str) -> tuple[Coding, Survey]:
    """Return how the grey values of a version of a tomogram are coded, and a survey of them."""
    return _looked_at(tomogram.folder, tomogram.id, version)


@lru_cache(maxsize=_KEPT)
def _looked_at(folder: Path, tomogram_id: str, version: str) -> tuple[Coding, Survey]:  # noqa: ARG001
    volume = Workspace(folder.parents[1]).tomogram(tomogram_id).volume()
    return coding_of(volume), survey(volume)


def opened(shown: Display) -> Pyramid:
    """Open the pyramid of a display that is ready."""
    return _pyramid(shown.path, (shown.path / "zarr.json").stat().st_mtime_ns)


@lru_cache(maxsize=_KEPT)
def _pyramid(path: Path, changed_ns: int) -> Pyramid:  # noqa: ARG001
    return open_pyramid(path)


def unprepared(how_far: Preparation) -> HttpError:
    """Return the answer for a plane whose pyramid is not there."""
    if how_far.state == "failed":
        return HttpError(404, how_far.problem)
    return HttpError(503, f"The planes are {how_far.progress:.0%} prepared. Ask again.", _RETRY)


def require_plane(count: int, axis: str, index: int) -> None:
    """Do nothing if there is a plane of that index.

    Raises
    ------
    HttpError
        If there is none.
    """
    if index >= count:
        raise HttpError(404, f"There are planes 0 to {count - 1} across {axis}.")


def number_in(name: str, given: Any, default: int | None = None) -> int:
    """Return a whole number from a part of an address.

    Raises
    ------
    InvalidParameterError
        If it is something else, or not there and there is no default.
    """
    text = given.get(name, default if default is None else str(default))
    if text is None or _NUMBER.fullmatch(text) is None:
        shown = "nothing" if text is None else f"'{text[:40]}'"
        raise InvalidParameterError(f"{name} must be a whole number from 0: got {shown}.")
    return int(text)
