"""What shots are of: a tomogram, results and annotations over it, surfaces of it, all by names.

The workspace makes a `Stage` of a tomogram there, the command line of files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import Annotation, Box
from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.figure_sheet import Key, Paragraph
from deepsxt_core.export.shots import PlaneShot, SurfaceShot
from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.export.slice_picture import (
    BOTH_RGB,
    FAINT_RGB,
    ONLY_A_RGB,
    ONLY_B_RGB,
    RESULT_RGB,
    agreement,
)
from deepsxt_core.geometry import Shape, VoxelSize
from deepsxt_core.io.pyramid import AXES, PLANE_NAMES, Axis
from deepsxt_core.surface import Surfaces

Reader = Callable[[Axis, int], NDArray]
"""``read(axis, index)`` returns a plane (rows, columns)."""

_SIDES = {"swipe": (", left of the line", ", right of it"), "side": (", left", ", right")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Something over a tomogram: codes of a score, or ids of objects.

    Attributes
    ----------
    name : str
        For people.
    kind : {"score", "annotation", "truth"}
    shape : tuple of int
        (z, y, x) in its own voxels.
    first : tuple of int
        The voxel (z, y, x) of the tomogram that it begins at.
    bin : int
        Voxels of the tomogram along one of its own.
    read : callable
        Its planes, in its own voxels.
    unjudged : int or None
        The code where nobody has judged.
    """

    name: str
    kind: Literal["score", "annotation", "truth"]
    shape: Shape
    first: tuple[int, int, int]
    bin: int
    read: Reader
    unjudged: int | None = None

    def put(self, into: NDArray, axis: Axis, index: int) -> NDArray:
        """Put its plane where it lies in a plane of the tomogram, and return that."""
        across = AXES.index(axis)
        there = (index - self.first[across]) // self.bin
        if 0 <= there < self.shape[across]:
            row, column = (n for place, n in enumerate(self.first) if place != across)
            fine = self.read(axis, there).repeat(self.bin, axis=0).repeat(self.bin, axis=1)
            part = into[row : row + fine.shape[0], column : column + fine.shape[1]]
            part[...] = fine[: part.shape[0], : part.shape[1]]
        return into

    def codes(self, shape: tuple[int, ...], axis: Axis, index: int) -> NDArray[np.float64]:
        """Return codes in a plane of the tomogram, NaN where nothing is known."""
        found = self.put(np.full(shape, np.nan), axis, index)
        if self.unjudged is not None:
            found[found == self.unjudged] = np.nan
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What shots are of.

    Attributes
    ----------
    name : str
        Of the tomogram.
    shape : tuple of int
        (z, y, x).
    voxel_size_nm : VoxelSize or None
    grey : callable
        The planes of the tomogram, float64, NaN where there is no value.
    layer : callable
        ``layer(name)`` returns a score, a truth, or an annotation as codes.
    objects : callable
        ``objects(name)`` returns the ids of an annotation, and its table.
    surfaces : callable
        ``surfaces(name)`` returns surfaces.
    """

    name: str
    shape: Shape
    voxel_size_nm: VoxelSize | None
    grey: Reader
    layer: Callable[[str], Layer]
    objects: Callable[[str], tuple[Layer, ObjectTable]]
    surfaces: Callable[[str], Surfaces]

    def show(self, shot: PlaneShot) -> tuple[FigurePlane, list[Paragraph]]:
        """Return the plane of a shot, and what a caption says of it.

        Raises
        ------
        DeepSXTError
            If there is no such plane, or what lies over it cannot be read.
        """
        axis, index, look = shot.axis, shot.index, shot.look
        if index >= self.shape[AXES.index(axis)]:
            last = self.shape[AXES.index(axis)] - 1
            raise InvalidParameterError(f"There are planes 0 to {last} across {axis}: got {index}.")
        grey = self.grey(axis, index)
        inside = [n for n, name in enumerate(AXES) if name != axis]
        size = self.voxel_size_nm
        plane = FigurePlane(
            grey=grey,
            edges_nm=None if size is None else (size[inside[0]], size[inside[1]]),
            view=shot.view,
        )
        caption: list[Paragraph] = [self._place(axis, index), _window_words(look)]
        if shot.first is not None:
            first = self.layer(shot.first)
            plane = replace(plane, codes=first.codes(grey.shape, axis, index))
            if shot.other is None or look.compare == "none":
                caption += _score_words(first, look, plane)
            else:
                other = self.layer(shot.other)
                plane = replace(plane, other=other.codes(grey.shape, axis, index))
                caption += _comparison_words(first, other, look, plane)
        if shot.annotation is not None:
            ids, table = self.objects(shot.annotation)
            labels = ids.put(np.zeros(grey.shape, np.int32), axis, index)
            plane = replace(plane, labels=labels, colours=_colours(table, labels, shot))
            caption.append(f"Objects of the annotation “{ids.name}”.")
        return plane, caption

    def about(self, shot: SurfaceShot) -> list[Paragraph]:
        """Return what a caption says of surfaces.

        Raises
        ------
        DeepSXTError
            If they cannot be read.
        """
        ids = [row.id for row in self.surfaces(shot.surface).objects]
        hidden = sum(number in shot.hidden for number in ids)
        which = f", {hidden} of them not shown" if hidden else ""
        seen = "parallel projection" if shot.is_parallel else "perspective"
        return [f"{self.name}. Surfaces of {len(ids)} objects{which}; {seen}."]

    def _place(self, axis: Axis, index: int) -> str:
        across, size = AXES.index(axis), self.voxel_size_nm
        words = f"{self.name}. {PLANE_NAMES[axis]}, slice {index + 1} of {self.shape[across]}"
        if size is None:
            return f"{words}; the voxel size is not known."
        z, y, x = (f"{edge:g}" for edge in size)
        edges = f"{x} nm" if x == y == z else f"{x} × {y} × {z} nm (x, y, z)"
        return f"{words} ({axis} = {index * size[across] / 1000:.3f} µm); voxel {edges}."


def plane_reader(annotation: Annotation) -> Reader:
    """Return what reads the ids of an annotation, uint16."""

    def read(axis: Axis, index: int) -> NDArray[np.uint16]:
        across = AXES.index(axis)
        first, end = [0, 0, 0], list(annotation.shape)
        first[across], end[across] = index, index + 1
        return annotation.read_box(Box(*first, *end)).squeeze(across)

    return read


def _colours(table: ObjectTable, labels: NDArray, shot: PlaneShot) -> Mapping[int, str]:
    rows = {number: table.get(number) for number in np.unique(labels).tolist() if number}
    return {
        number: row.colour
        for number, row in rows.items()
        if row is not None and number not in shot.hidden and shot.only in (0, number)
    }


def _window_words(look: FigureParams) -> str:
    words = f"Grey values from {look.black:g} (black) to {look.white:g} (white)"
    return f"{words}, displayed inverted." if look.invert else f"{words}."


def _above(layer: Layer, threshold: float) -> str:
    return f"{layer.name} above {threshold:.2f}" if layer.kind == "score" else layer.name


def _score_words(first: Layer, look: FigureParams, plane: FigurePlane) -> list[Paragraph]:
    if look.style == "score":
        words: list[Paragraph] = [f"{_capital(first.name)}, from -1 (blue) to 1 (red)."]
    else:
        faint = "" if look.low is None else f", lighter above {look.low:.2f}"
        words = [f"Orange: {_above(first, look.threshold)}{faint}."]
    if plane.codes is not None and np.isnan(plane.codes).any():
        words.append(f"Darker: not {_known_by(first)}.")
    return words


def _comparison_words(
    first: Layer, other: Layer, look: FigureParams, plane: FigurePlane
) -> list[Paragraph]:
    a, b = _above(first, look.threshold), _above(other, look.other_threshold)
    only_a, only_b, both = (_count(plane, where) for where in _agreements(plane, look))
    is_truth, total = other.kind == "truth", only_a + only_b + 2 * both
    score = f"{'F1' if is_truth else 'Dice'} {2 * both / total:.3f}" if total else "nothing marked"
    unknown = " or ".join(dict.fromkeys((_known_by(first), _known_by(other))))
    left, right = _SIDES.get(look.compare, ("", ""))
    words: list[Paragraph] = [
        f"A{left}: {a}. B{right}: {b}. Of the voxels in view: {score}.",
    ]
    if look.compare == "difference":
        keys = [
            Key(ONLY_A_RGB, f"only A{', not true' if is_truth else ''}: {only_a:,}"),
            Key(ONLY_B_RGB, f"only B{', missed' if is_truth else ''}: {only_b:,}"),
            Key(BOTH_RGB, f"both: {both:,}"),
        ]
    elif look.style == "score":
        keys = [Key((33, 102, 172), "score -1"), Key((178, 24, 43), "score 1")]
    else:
        keys = [Key(RESULT_RGB, "marked")]
        if look.low is not None:
            keys.append(Key(FAINT_RGB, f"in A above {look.low:.2f}"))
    words.append(tuple(keys))
    if plane.codes is not None and np.isnan(plane.codes + plane.other).any():
        words.append(f"Darker: not compared, as not {unknown}.")
    return words


def _agreements(plane: FigurePlane, look: FigureParams) -> tuple[Any, ...]:
    if plane.codes is None or plane.other is None:
        return ()
    return agreement(plane.codes, plane.other, look)


def _count(plane: FigurePlane, where: NDArray[np.bool_]) -> int:
    """Return how many voxels are marked of those whose centre is in view."""
    r0, c0, r1, c1 = (round(edge) for edge in plane.within)
    return int(where[r0:r1, c0:c1].sum())


def _known_by(layer: Layer) -> str:
    return "scored" if layer.kind == "score" else "judged"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
