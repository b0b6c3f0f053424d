"""What planes in all three directions are cut from: a tomogram, a result, a truth."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import BusyError, VolumeError
from deepsxt_core.geometry import Region
from deepsxt_core.io.coding import Coding, coding_of
from deepsxt_core.io.pyramid import AXES, Axis, Pyramid, open_pyramid
from deepsxt_core.io.slabs import SlabCache
from deepsxt_core.volume import NOT_JUDGED_CODE, Volume
from deepsxt_core.workspace import Tomogram, Workspace, display
from deepsxt_core.workspace.display import Display
from deepsxt_core.workspace.truths import named_truth, truth_codes, truth_place

SLABS = SlabCache()

_KEPT = 8


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
        InvalidParameterError
            If there is no such plane.
        BusyError
            If the pyramid is not there yet.
        VolumeError
            If it cannot be made.
        """
        if axis == "z":
            return self.volume.read(index, index + 1)[0].astype(np.float64)
        how_far = display.prepare(self.shown)
        if how_far.state == "failed":
            raise VolumeError(how_far.problem)
        if how_far.state != "ready":
            raise BusyError(f"The planes are {how_far.progress:.0%} prepared. Ask again.")
        return self.coding.decode(SLABS.plane(opened(self.shown), axis, index, 0))


def grey_source(tomogram: Tomogram) -> Source:
    """Return what planes of a tomogram are cut from."""
    shown = display.grey_display(tomogram)
    coding = _coding(tomogram.folder, tomogram.id, shown.version)
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


@lru_cache(maxsize=_KEPT)
def _coding(folder: Path, tomogram_id: str, version: str) -> Coding:  # noqa: ARG001
    return coding_of(Workspace(folder.parents[1]).tomogram(tomogram_id).volume())


def opened(shown: Display) -> Pyramid:
    """Open the pyramid of a display that is ready."""
    return _pyramid(shown.path, (shown.path / "zarr.json").stat().st_mtime_ns)


@lru_cache(maxsize=_KEPT)
def _pyramid(path: Path, changed_ns: int) -> Pyramid:  # noqa: ARG001
    return open_pyramid(path)
