"""Films of files, without a workspace."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import Annotation
from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.export.film_plan import sweep
from deepsxt_core.export.shots import KeyFrame, PlaneShot, SurfaceShot
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.export.stage import Layer, Reader, Stage, plane_reader
from deepsxt_core.export.surface_shots import one_turn
from deepsxt_core.io.pyramid import AXES, Axis, Kind, build_pyramid
from deepsxt_core.io.slabs import SlabCache
from deepsxt_core.parameters import parsed
from deepsxt_core.surface import Surfaces
from deepsxt_core.volume import MARKED_CODE, Mask, Score, Volume

FIRST, OTHER, ANNOTATION, SURFACE = "first", "other", "annotation", "surface"
"""What shots call the files."""

_SLABS = SlabCache()
_load_surfaces = lru_cache(maxsize=1)(Surfaces.load)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSources:
    """What a film of files shows.

    Attributes
    ----------
    name : str
        Of the tomogram.
    tomogram : Volume
    first, other : tuple of (name, Score or Mask), optional
        A result, and what it is compared with.
    annotation : tuple of (name, Annotation), optional
    surface : Path, optional
        Folder of surfaces.
    """

    name: str
    tomogram: Volume
    first: tuple[str, Score | Mask] | None = None
    other: tuple[str, Score | Mask] | None = None
    annotation: tuple[str, Annotation] | None = None
    surface: Path | None = None

    def stage(self, scratch: Path) -> Stage:
        """Return what shots are of; `scratch` is a folder for what XZ and YZ are read from."""
        known = {FIRST: self.first, OTHER: self.other}

        def layer(name: str) -> Layer:
            found = known.get(name)
            if found is None:
                raise InvalidParameterError(f"A key frame shows '{name[:40]}', and no file is it.")
            return _layer(*found, scratch / name)

        def objects(name: str) -> tuple[Layer, ObjectTable]:
            if self.annotation is None:
                raise InvalidParameterError(f"No annotation was given for '{name[:40]}'.")
            label, opened = self.annotation
            ids = Layer(
                name=label, kind="annotation", shape=opened.shape, first=(0, 0, 0), bin=1,
                read=plane_reader(opened),
            )  # fmt: skip
            return ids, opened.objects

        def surfaces(_name: str) -> Surfaces:
            return self._surfaces()

        grey = _reader(self.tomogram, "grey", scratch / "grey")
        return Stage(
            name=self.name,
            shape=self.tomogram.shape,
            voxel_size_nm=self.tomogram.voxel_size_nm,
            grey=lambda axis, index: grey(axis, index).astype(np.float64),
            layer=cache(layer),
            objects=cache(objects),
            surfaces=surfaces,
        )

    def shot(self, axis: Axis, look: FigureParams) -> PlaneShot:
        """Return a shot of a plane with all that is given over it."""
        if self.other is not None and look.compare == "none":
            look = replace(look, compare="difference")
        return PlaneShot(
            axis=axis,
            look=look,
            first=FIRST if self.first else None,
            other=OTHER if self.other else None,
            annotation=ANNOTATION if self.annotation else None,
        )

    def through(
        self, axis: Axis, first: int, last: int | None, seconds: float, look: FigureParams
    ) -> Sequence[KeyFrame]:
        """Return the key frames of a film through planes; `last` is None for the last one."""
        end = self.tomogram.shape[AXES.index(axis)] - 1 if last is None else last
        return sweep(self.shot(axis, look), first, end, seconds)

    def around(self, seconds: float) -> Sequence[KeyFrame]:
        """Return the key frames of a turn of the surfaces."""
        bounds = self._surfaces().mesh.bounds
        low, high = np.array(bounds[::2]), np.array(bounds[1::2])
        middle, half = (low + high) / 2, 0.55 * float(np.linalg.norm(high - low))
        x, y, z = (float(n) for n in middle + 4 * half * np.array([-0.36, -0.48, -0.8]))
        target = (float(middle[0]), float(middle[1]), float(middle[2]))
        return one_turn(
            SurfaceShot(surface=SURFACE, position=(x, y, z), target=target, half=half), seconds
        )

    def _surfaces(self) -> Surfaces:
        if self.surface is None:
            raise InvalidParameterError("A key frame is of surfaces: give them by --surface.")
        return _load_surfaces(self.surface)

    def from_file(self, path: Path, look: FigureParams) -> Sequence[KeyFrame]:
        """Read key frames from JSON; what they leave out is as the command says.

        Raises
        ------
        DeepSXTError
            If it cannot be read, or holds something else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UnreadableFileError(f"'{path}' holds no key frames: {error}.") from error
        listed = content.get("frames") if isinstance(content, dict) else content
        if not isinstance(listed, list):
            raise UnreadableFileError(f"'{path}' must hold a list of key frames.")
        return [self._frame(each, look, f"{path.name}, {n}") for n, each in enumerate(listed, 1)]

    def _frame(self, content: Any, look: FigureParams, where: str) -> KeyFrame:
        frame = parsed(KeyFrame, content, where)
        if frame.plane is None:
            return frame
        usual, shot = self.shot(frame.plane.axis, look), frame.plane
        if "look" in content["plane"]:
            usual = replace(usual, look=shot.look)
        plane = replace(usual, index=shot.index, view=shot.view, hidden=shot.hidden, only=shot.only)
        return replace(frame, plane=plane)


def _reader(volume: Volume, kind: Kind, folder: Path) -> Reader:
    """Return what reads planes: across z from the file, else from a pyramid made for that."""
    build = cache(partial(build_pyramid, volume, folder, kind))

    def read(axis: Axis, index: int) -> NDArray:
        if axis == "z":
            return volume.read(index, index + 1)[0]
        pyramid = build()
        return pyramid.coding.decode(_SLABS.plane(pyramid, axis, index, 0))

    return read


def _layer(name: str, found: Score | Mask, folder: Path) -> Layer:
    is_score = isinstance(found, Score)
    volume = found.placed if isinstance(found, Score) else _codes(found)
    z, y, x = (round(n) for n in volume.first_voxel)
    return Layer(
        name=name,
        kind="score" if is_score else "annotation",
        shape=volume.shape,
        first=(z, y, x),
        bin=1,
        read=_reader(volume, "score" if is_score else "labels", folder),
    )


def _codes(mask: Mask) -> Volume:
    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        return mask.read_mask(z0, z1) * np.uint8(MARKED_CODE)

    return replace(mask.volume, dtype=np.dtype(np.uint8), reader=read)
