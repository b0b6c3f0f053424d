"""Scores on disk: OME-Zarr 0.5, uint8 codes, one chunk per slice and 1024 by 1024 pixels.

Specification: https://ngff.openmicroscopy.org/0.5/. The translation is the position of the first
scored voxel, in nm or, where the voxel size is not known, in voxels of the tomogram; beside it,
under ``deepsxt``, stand the index of the first scored slice and the way the axes run.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.geometry import STORED_AXES, Geometry, Shape, VoxelSize
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.volume import Score, Volume

SCORE_NAME = "score.ome.zarr"
"""What a score is called in a folder of results."""

KIND = "OME-Zarr score"
_NAME = "score"
_CHUNK_PX = 1024
_LEVEL = "0"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ScoreWriter:
    """A score that is being written.

    Attributes
    ----------
    path : Path
    shape : tuple of int
        (z, y, x) of the scored part.
    """

    path: Path
    shape: tuple[int, int, int]
    _array: zarr.Array

    def write(self, z0: int, codes: NDArray[np.uint8]) -> None:
        """Write uint8 codes (n, y, x) to slices `z0` to ``z0 + n``; other slices stay untouched.

        Raises
        ------
        InvalidParameterError
            If the slab is not uint8 or does not fit.
        """
        z1 = z0 + len(codes)
        if codes.dtype != np.uint8 or codes.shape[1:] != self.shape[1:]:
            raise InvalidParameterError(
                f"A score of shape {self.shape} takes uint8 slabs (n, {self.shape[1]}, "
                f"{self.shape[2]}): got {codes.dtype} {codes.shape}. Encode with Score.encode."
            )
        if not 0 <= z0 < z1 <= self.shape[0]:
            raise InvalidParameterError(
                f"Slices must satisfy 0 <= first < end <= {self.shape[0]}: got {z0}:{z1}."
            )
        self._array[z0:z1] = codes

    def read(self, z0: int, z1: int) -> NDArray[np.uint8]:
        """Return the codes of slices `z0` to `z1`, (z1 - z0, y, x); 0 where none are written.

        Raises
        ------
        UnreadableFileError
            If a chunk is damaged.
        """
        with blaming_file(self.path, KIND):
            return np.asarray(self._array[z0:z1])

    def flush(self, z0: int, z1: int) -> None:
        """Wait until slices `z0` to `z1` are on the disk itself, and not in a cache."""
        files = [file for z in range(z0, z1) for file in self._chunk_files(z)]
        for file in files:
            _sync(file)
        if os.name != "nt":  # Windows cannot open folders for this.
            top = self.path / _LEVEL
            folders = {folder for file in files for folder in file.parents if top in folder.parents}
            for folder in (*folders, top):
                _sync(folder)

    def _chunk_files(self, z: int) -> Iterator[Path]:
        # A chunk of zeros has no file.
        return (self.path / _LEVEL / "c" / str(z)).glob("*/*")


def create_score(
    path: str | Path,
    shape: Shape,
    geometry: Geometry | VoxelSize | None = None,
    first_slice: int = 0,
    class_name: str | None = None,
) -> ScoreWriter:
    """Make an empty score, replacing one of the same name.

    Parameters
    ----------
    path : Path
        A folder, by convention ``score.ome.zarr``.
    shape : (z, y, x)
        Of the scored part of the tomogram.
    geometry : Geometry or VoxelSize, optional
        Of the volume that is scored; a voxel size alone places its first voxel at 0.
    first_slice : int
        Index of the first scored slice in that volume.
    class_name : str, optional
        What it marks, where the model names classes.

    Raises
    ------
    InvalidParameterError
        If `path` exists and is not a zarr folder.
    """
    path = Path(path)
    if path.exists() and not (path / "zarr.json").is_file():
        raise InvalidParameterError(
            f"'{path}' exists and is no score; it is not overwritten. Choose another name."
        )
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.attrs.update(_metadata(geometry, first_slice, class_name))
    chunks = (1, min(shape[1], _CHUNK_PX), min(shape[2], _CHUNK_PX))
    array = group.create_array(
        _LEVEL,
        shape=shape,
        dtype="uint8",
        chunks=chunks,
        compressors=ZstdCodec(level=3),
        dimension_names=("z", "y", "x"),
    )
    return ScoreWriter(path, shape, array)


def reopen_score(
    path: str | Path,
    shape: Shape,
    geometry: Geometry | VoxelSize | None = None,
    first_slice: int = 0,
    class_name: str | None = None,
) -> ScoreWriter | None:
    """Open a score that `create_score` made with the same arguments, to write more of it.

    Returns
    -------
    ScoreWriter or None
        None if there is no such score, or its description is not whole.
    """
    path = Path(path)
    try:
        group = zarr.open_group(path, mode="r+", zarr_format=3)
        array = group[_LEVEL]
        same = group.attrs.asdict() == _metadata(geometry, first_slice, class_name)
    except (OSError, KeyError, ValueError):
        return None
    if not same or not isinstance(array, zarr.Array) or array.shape != shape:
        return None
    # What a process that died was about to write.
    for leftover in path.rglob("*.partial"):
        leftover.unlink()
    return ScoreWriter(path, shape, array)


def is_score(path: str | Path) -> bool:
    """Return whether `path` is a folder that `create_score` made."""
    path = Path(path)
    if not (path / "zarr.json").is_file():
        return False
    with suppress(OSError, ValueError, KeyError, TypeError, IndexError):
        ome = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]["ome"]
        return bool(ome["multiscales"][0]["name"] == _NAME)
    return False


def open_score(path: str | Path) -> Score:
    """Open a score lazily.

    Raises
    ------
    UnreadableFileError
        If the folder is missing, or not a score that `create_score` made.
    """
    path = Path(path)
    if not (path / "zarr.json").is_file():
        raise UnreadableFileError(f"There is no score at '{path}'. Segment the tomogram first.")
    with blaming_file(path, KIND):
        group = zarr.open_group(path, mode="r")
        array = group[_LEVEL]
        if not isinstance(array, zarr.Array) or array.ndim != 3 or array.dtype != np.uint8:
            raise UnreadableFileError(f"'{path}' is not a uint8 score with three axes.")
        geometry, first_slice, class_name = _parse(group.attrs.asdict())

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        with blaming_file(path, KIND):
            return np.asarray(array[z0:z1])

    z, y, x = array.shape
    volume = Volume((z, y, x), np.dtype(np.uint8), None, read, path, KIND)
    return Score(volume.with_geometry(geometry), first_slice, class_name)


def _metadata(
    geometry: Geometry | VoxelSize | None, first_slice: int, class_name: str | None
) -> dict[str, Any]:
    if not isinstance(geometry, Geometry):
        geometry = Geometry(voxel_size_nm=geometry)
    axes: list[dict[str, str]] = [{"name": name, "type": "space"} for name in "zyx"]
    size = geometry.voxel_size_nm
    if size is not None:
        axes = [{**axis, "unit": "nanometer"} for axis in axes]
    scale = list(size or (1.0, 1.0, 1.0))
    z, y, x = geometry.origin_nm if size else geometry.first_voxel
    transformations = [
        {"type": "scale", "scale": scale},
        {"type": "translation", "translation": [z + first_slice * scale[0], y, x]},
    ]
    level = {"path": _LEVEL, "coordinateTransformations": transformations}
    return {
        "ome": {
            "version": "0.5",
            "multiscales": [{"name": _NAME, "axes": axes, "datasets": [level]}],
        },
        "deepsxt": {
            "first_slice": first_slice,
            "first_voxel": list(geometry.first_voxel),
            "axes": list(geometry.axes),
            **({} if class_name is None else {"class": class_name}),
        },
    }


def _parse(attributes: Mapping[str, Any]) -> tuple[Geometry, int, str | None]:
    (image,) = attributes["ome"]["multiscales"]
    scaling, shift = image["datasets"][0]["coordinateTransformations"]
    known = all(axis.get("unit") == "nanometer" for axis in image["axes"])
    # Scores of the first version tell the first slice by their place alone.
    own = attributes.get("deepsxt", {})
    first_slice = int(own.get("first_slice", round(shift["translation"][0] / scaling["scale"][0])))
    first_voxel = _triple(own.get("first_voxel", (0.0, 0.0, 0.0)))
    axes = _triple(own.get("axes", STORED_AXES))
    class_name = None if own.get("class") is None else str(own["class"])
    if not known:
        return Geometry(axes=axes, first_voxel=first_voxel), first_slice, class_name
    size = VoxelSize(*scaling["scale"])
    z, y, x = shift["translation"]
    return (
        Geometry(
            voxel_size_nm=size,
            origin_nm=(z - first_slice * size.z, y, x),
            axes=axes,
            first_voxel=first_voxel,
        ),
        first_slice,
        class_name,
    )


def _triple(values: Sequence[_T]) -> tuple[_T, _T, _T]:
    z, y, x = values
    return z, y, x


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mask_volume(score: Score, threshold: float) -> Volume:
    """Return the mask of a score as a volume of bool, computed as it is read.

    Raises
    ------
    InvalidParameterError
        If the threshold is not in [-1, 1).
    """
    score.threshold_code(threshold)
    codes = score.placed
    return Volume(
        codes.shape,
        np.dtype(bool),
        codes.voxel_size_nm,
        lambda z0, z1: score.read_mask(z0, z1, threshold),
        codes.path,
        "mask",
    ).with_geometry(codes.geometry)
