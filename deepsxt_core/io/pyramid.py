"""A volume for the eye: at coarser and coarser levels, read fast in all planes.

An OME-Zarr 0.5 image that other programs open too. Level 0 has all voxels, each further one half
as many along each axis. Grey values of more than 16 bits are coded as uint16; `Coding` says how,
and stands beside the image under ``deepsxt``.
"""

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.files import partial_folder
from deepsxt_core.geometry import Shape
from deepsxt_core.io.coding import Coding, coding_of
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import Volume, as_shape

Kind = Literal["grey", "score", "labels"]
Axis = Literal["z", "y", "x"]

AXES: tuple[Axis, ...] = ("z", "y", "x")
PLANE_NAMES: dict[Axis, str] = {"z": "XY", "y": "XZ", "x": "YZ"}
"""What people call the planes across each axis."""

# A plane across z touches 64 MB of such chunks in a tomogram of 1024 x 1024, one along z not more:
# all three take about 70 ms on two cores, where one slice a chunk takes 300 ms along z.
_CHUNK: Shape = (32, 128, 128)
_SLAB = 64
_COARSEST_PX = 256


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid.

    Attributes
    ----------
    shape : tuple of int
        (z, y, x) in voxels of the level.
    factor : int
        How many voxels of level 0 one of its voxels covers along each axis.
    """

    shape: Shape
    factor: int


class Pyramid:
    """A pyramid on disk; open it with `open_pyramid`.

    Attributes
    ----------
    path : Path
    kind : {"grey", "score", "labels"}
    coding : Coding
    levels : tuple of Level
        The finest first.
    """

    def __init__(self, path: Path, kind: Kind, coding: Coding, arrays: list[zarr.Array]) -> None:
        self.path, self.kind, self.coding = path, kind, coding
        self._arrays = arrays
        self.levels = tuple(Level(as_shape(array.shape), 2**n) for n, array in enumerate(arrays))

    def plane(self, axis: Axis, index: int, level: int = 0) -> NDArray:
        """Return the codes of one plane.

        Parameters
        ----------
        axis : {"z", "y", "x"}
            What the plane is cut across.
        index : int
            Of the plane, in voxels of the level.
        level : int

        Returns
        -------
        ndarray
            (y, x), (z, x) or (z, y) of the level, uint8 or uint16.

        Raises
        ------
        InvalidParameterError
            If there is no such axis, level or plane.
        """
        place = self._checked(axis, index, level)
        where = (slice(None),) * place + (index,)
        with blaming_file(self.path, "a display pyramid"):
            return np.asarray(self._arrays[level][where])

    def slab(self, axis: Axis, index: int, level: int = 0) -> NDArray:
        """Return all planes that are stored together with one: they cost no more than it alone.

        The first is the last before `index` that is a multiple of `slab_depth`, or `index` itself.

        Returns
        -------
        ndarray
            (z, y, x), all of the level along the other two axes.

        Raises
        ------
        InvalidParameterError
            If there is no such axis, level or plane.
        """
        place = self._checked(axis, index, level)
        depth = self.slab_depth(axis, level)
        first = index // depth * depth
        where = (slice(None),) * place + (slice(first, first + depth),)
        with blaming_file(self.path, "a display pyramid"):
            return np.asarray(self._arrays[level][where])

    def slab_bytes(self, axis: Axis, level: int = 0) -> int:
        """Return how large a `slab` can be."""
        array, place = self._arrays[level], AXES.index(axis)
        return array.nbytes // array.shape[place] * array.chunks[place]

    def slab_depth(self, axis: Axis, level: int = 0) -> int:
        """Return how many planes a `slab` has, but for the last one."""
        return self._arrays[level].chunks[AXES.index(axis)]

    def _checked(self, axis: Axis, index: int, level: int) -> int:
        """Return which axis it is, if there is such a plane."""
        if axis not in AXES or not 0 <= level < len(self.levels):
            raise InvalidParameterError(
                f"A plane lies across z, y or x at a level from 0 to {len(self.levels) - 1}: got "
                f"{axis!r}, level {level}."
            )
        place = AXES.index(axis)
        count = self.levels[level].shape[place]
        if not 0 <= index < count:
            raise InvalidParameterError(
                f"There are planes 0 to {count - 1} across {axis} at level {level}: got {index}."
            )
        return place


def build_pyramid(
    volume: Volume, path: Path, kind: Kind = "grey", progress: Progress | None = None
) -> Pyramid:
    """Write the pyramid of a volume; it appears under `path` once it is complete.

    Coarser voxels are the mean of the finer ones, of labels one of them. Memory is bounded by a
    slab of 64 slices.

    Parameters
    ----------
    volume : Volume
    path : Path
        A folder; one that is there already is replaced.
    kind : {"grey", "score", "labels"}
        Scores keep their codes, labels their ids up to 65,535.
    progress : Progress, optional
        Advances by slices.

    Raises
    ------
    InvalidParameterError
        If labels do not fit.
    """
    progress = progress or NoProgress()
    coding = coding_of(volume) if kind == "grey" else _exact(volume, kind)
    beside = partial_folder(path, secrets.token_hex(4))
    try:
        group = zarr.open_group(beside, mode="w", zarr_format=3)
        shapes = level_shapes(volume.shape)
        group.attrs.update(metadata(volume, kind, coding, shapes))
        arrays = [_array(group, str(n), shape, coding.dtype) for n, shape in enumerate(shapes)]
        progress.stage("Preparing the planes", volume.shape[0], "slice")
        for z0, z1 in volume.slabs(_SLAB):
            slab, first = coding.encode(volume.read(z0, z1)), z0
            for array in arrays:
                array[first : first + len(slab)] = slab
                slab, first = halved(slab, kind), first // 2
            progress.advance(z1 - z0)
        if path.exists():
            shutil.rmtree(path)
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return open_pyramid(path)


def open_pyramid(path: Path) -> Pyramid:
    """Open a pyramid that `build_pyramid` has written.

    Raises
    ------
    UnreadableFileError
        If there is none, or it is damaged.
    """
    if not (path / "zarr.json").is_file():
        raise UnreadableFileError(f"There is no display pyramid at '{path}'. Build it first.")
    with blaming_file(path, "a display pyramid"):
        group = zarr.open_group(path, mode="r")
        own: Any = group.attrs["deepsxt"]
        arrays: list[zarr.Array] = []
        while (name := str(len(arrays))) in group:
            array = group[name]
            if not isinstance(array, zarr.Array) or array.ndim != 3:
                raise UnreadableFileError(f"'{path}' holds a level that is no volume.")
            arrays.append(array)
        return Pyramid(path, own["kind"], Coding(**own["coding"]), arrays)


def _exact(volume: Volume, kind: Kind) -> Coding:
    if kind == "score":
        return Coding("uint8")
    if volume.dtype.kind not in "biu":
        raise InvalidParameterError(f"Labels are whole numbers: got {volume.dtype}.")
    return Coding("uint8" if volume.dtype.itemsize == 1 else "uint16")


def level_shapes(shape: Shape) -> list[Shape]:
    """Return the shapes of all levels, down to one whose longest side is at most 256."""
    shapes = [shape]
    while max(shapes[-1]) > _COARSEST_PX:
        shapes.append(as_shape(tuple(-(-n // 2) for n in shapes[-1])))
    return shapes


def _array(group: zarr.Group, name: str, shape: Shape, dtype: str) -> zarr.Array:
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=tuple(min(n, chunk) for n, chunk in zip(shape, _CHUNK, strict=True)),
        compressors=BloscCodec(cname="lz4", clevel=3, shuffle="bitshuffle"),
        dimension_names=AXES,
    )


def halved(slab: NDArray, kind: Kind) -> NDArray:
    """Return codes (z, y, x) at half the sampling; an odd end is repeated."""
    if kind == "labels":
        return slab[::2, ::2, ::2]
    even = np.pad(slab, [(0, n % 2) for n in slab.shape], "edge")
    z, y, x = (n // 2 for n in even.shape)
    total = even.reshape(z, 2, y, 2, x, 2).sum(axis=(1, 3, 5), dtype=np.uint32)
    return ((total + 4) // 8).astype(slab.dtype)


def metadata(volume: Volume, kind: Kind, coding: Coding, shapes: Sequence[Shape]) -> dict[str, Any]:
    """Return what stands in ``zarr.json`` about levels of these shapes, in the volume's place."""
    size = volume.voxel_size_nm
    edges = np.array(size or (1.0, 1.0, 1.0))
    axes: list[dict[str, str]] = [{"name": axis, "type": "space"} for axis in AXES]
    if size is not None:
        axes = [{**axis, "unit": "nanometer"} for axis in axes]
    origin = np.array(volume.origin_nm if size else volume.first_voxel)
    datasets = []
    for n in range(len(shapes)):
        # The first voxel of a level lies in the middle of those that it stands for.
        shift = origin + edges * (2**n - 1) / 2
        steps = [
            {"type": "scale", "scale": (edges * 2**n).tolist()},
            {"type": "translation", "translation": shift.tolist()},
        ]
        datasets.append({"path": str(n), "coordinateTransformations": steps})
    image = {"name": kind, "axes": axes, "datasets": datasets}
    return {
        "ome": {"version": "0.5", "multiscales": [image]},
        "deepsxt": {"kind": kind, "coding": asdict(coding)},
    }
