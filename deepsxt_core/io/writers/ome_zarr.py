"""OME-Zarr 0.5."""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr
from zarr.codecs import ZstdCodec

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import delete_folder, disk_errors_told, partial_folder
from deepsxt_core.io.writers.slabs import CHUNK_PX, require_volume, slabs_of, stored_type
from deepsxt_core.volume import Volume

_ATTEMPTS = 50
_PAUSE_S = 0.05


def write_ome_zarr(volume: Volume, path: str | Path) -> None:
    """Write an OME-Zarr 0.5 folder of one level.

    Parameters
    ----------
    volume : Volume
        bool becomes uint8 0 and 1, float16 float32, 64-bit integers int32; all others stay.
    path : str or Path
        A folder; replaced if it is zarr itself.

    Raises
    ------
    InvalidParameterError
        If `path` is something else than zarr, or an integer does not fit.
    """
    target = Path(path)
    if target.exists() and not (target / "zarr.json").is_file():
        raise InvalidParameterError(
            f"'{target}' exists and is no zarr folder; it is not overwritten. Choose another name."
        )
    dtype = stored_type(volume)
    beside = partial_folder(target, secrets.token_hex(4))
    with disk_errors_told(target), _discarded(beside):
        group = zarr.open_group(beside, mode="w", zarr_format=3)
        group.attrs["ome"] = _ome_metadata(volume, target.name)
        array = group.create_array(
            "0",
            shape=volume.shape,
            dtype=dtype,
            chunks=(1, *(min(n, CHUNK_PX) for n in volume.shape[1:])),
            compressors=ZstdCodec(level=3),
            dimension_names=("z", "y", "x"),
            # Otherwise nobody could tell an empty part from one that was not copied.
            config={"write_empty_chunks": True},
        )
        z0 = 0
        for slab in slabs_of(volume, dtype):
            array[z0 : z0 + len(slab)] = slab
            z0 += len(slab)
        require_volume(volume.shape, beside)
        if target.exists():
            delete_folder(target)
        beside.rename(target)


@contextmanager
def _discarded(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Threads of zarr may still be writing other chunks, and make the folder anew for them.
        for _ in range(_ATTEMPTS):
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(_PAUSE_S)
            if not folder.exists():
                break
        raise


def _ome_metadata(volume: Volume, name: str) -> dict[str, Any]:
    axes: list[dict[str, str]] = [{"name": axis, "type": "space"} for axis in "zyx"]
    if volume.voxel_size_nm is not None:
        axes = [{**axis, "unit": "nanometer"} for axis in axes]
    steps: list[dict[str, Any]] = [
        {"type": "scale", "scale": list(volume.voxel_size_nm or (1.0, 1.0, 1.0))}
    ]
    if volume.voxel_size_nm is not None and any(volume.origin_nm):
        steps.append({"type": "translation", "translation": list(volume.origin_nm)})
    level = {"path": "0", "coordinateTransformations": steps}
    return {"version": "0.5", "multiscales": [{"name": name, "axes": axes, "datasets": [level]}]}
