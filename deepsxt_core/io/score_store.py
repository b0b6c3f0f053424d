"""Scores on disk: OME-Zarr 0.5, uint8 codes, one chunk per slice and 1024 by 1024 pixels.

Specification: https://ngff.openmicroscopy.org/0.5/. The first scored slice travels as the
translation along z, in units of the voxel.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.io.files import blaming_file
from deepsxt_core.volume import Score, Volume, VoxelSize

SCORE_NAME = "score.ome.zarr"
"""What a score is called in a folder of results."""

KIND = "OME-Zarr score"
_CHUNK_PX = 1024
_LEVEL = "0"


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
    shape: tuple[int, int, int],
    voxel_size_nm: VoxelSize | None,
    first_slice: int = 0,
) -> ScoreWriter:
    """Make an empty score, replacing one of the same name.

    Parameters
    ----------
    path : Path
        A folder, by convention ``score.ome.zarr``.
    shape : (z, y, x)
        Of the scored part of the tomogram.
    voxel_size_nm : VoxelSize or None
    first_slice : int
        Index of the first scored slice in the tomogram.

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
    group.attrs["ome"] = _metadata(voxel_size_nm, first_slice)
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
    shape: tuple[int, int, int],
    voxel_size_nm: VoxelSize | None,
    first_slice: int = 0,
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
        same = group.attrs["ome"] == _metadata(voxel_size_nm, first_slice)
    except (OSError, KeyError, ValueError):
        return None
    if not same or not isinstance(array, zarr.Array) or array.shape != shape:
        return None
    # What a process that died was about to write.
    for leftover in path.rglob("*.partial"):
        leftover.unlink()
    return ScoreWriter(path, shape, array)


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
        voxel_size_nm, first_slice = _parse(group.attrs["ome"])

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        with blaming_file(path, KIND):
            return np.asarray(array[z0:z1])

    z, y, x = array.shape
    volume = Volume((z, y, x), np.dtype(np.uint8), voxel_size_nm, read, path, KIND)
    return Score(volume, first_slice)


def _metadata(voxel_size_nm: VoxelSize | None, first_slice: int) -> dict[str, Any]:
    axes: list[dict[str, str]] = [{"name": name, "type": "space"} for name in "zyx"]
    if voxel_size_nm is not None:
        axes = [{**axis, "unit": "nanometer"} for axis in axes]
    scale = list(voxel_size_nm or (1.0, 1.0, 1.0))
    transformations = [
        {"type": "scale", "scale": scale},
        {"type": "translation", "translation": [first_slice * scale[0], 0.0, 0.0]},
    ]
    level = {"path": _LEVEL, "coordinateTransformations": transformations}
    return {
        "version": "0.5",
        "multiscales": [{"name": "score", "axes": axes, "datasets": [level]}],
    }


def _parse(ome: Any) -> tuple[VoxelSize | None, int]:
    (image,) = ome["multiscales"]
    scaling, shift = image["datasets"][0]["coordinateTransformations"]
    scale = scaling["scale"]
    known = all(axis.get("unit") == "nanometer" for axis in image["axes"])
    first_slice = round(shift["translation"][0] / scale[0])
    return (VoxelSize(*scale) if known else None), first_slice


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
