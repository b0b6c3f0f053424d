"""Volumes as OME-Zarr, OME-TIFF, NIfTI, NRRD and HDF5, and the choice of a writer by the suffix.

All stream slab by slab, write beside the target and rename at the end.
"""

import math
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
import zarr
from zarr.codecs import ZstdCodec

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import delete_folder, partial_folder, written_beside
from deepsxt_core.io.export import CLASSIC_TIFF_BYTES, slabs_of, write_mrc, write_tiff
from deepsxt_core.volume import Volume

_CHUNK_PX = 1024
_LARGEST_NIFTI_1_SIDE = 32767
# Types that some format or its readers lack, and those that take their place.
_REPLACED = {"bool": "uint8", "float16": "float32", "int64": "int32", "uint64": "int32"}


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
    dtype = _stored_type(volume)
    beside = partial_folder(target, secrets.token_hex(4))
    try:
        group = zarr.open_group(beside, mode="w", zarr_format=3)
        group.attrs["ome"] = _ome_metadata(volume, target.name)
        array = group.create_array(
            "0",
            shape=volume.shape,
            dtype=dtype,
            chunks=(1, *(min(n, _CHUNK_PX) for n in volume.shape[1:])),
            compressors=ZstdCodec(level=3),
            dimension_names=("z", "y", "x"),
        )
        z0 = 0
        for slab in slabs_of(volume, dtype):
            array[z0 : z0 + len(slab)] = slab
            z0 += len(slab)
        if target.exists():
            delete_folder(target)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_ome_tiff(volume: Volume, path: str | Path) -> None:
    """Write an OME-TIFF stack, a BigTIFF beyond 4 GB; types as in `write_ome_zarr`."""
    target, dtype, size = Path(path), _stored_type(volume), volume.voxel_size_nm
    metadata: dict[str, Any] = {"axes": "ZYX"}
    for axis, edge in zip("ZYX", size or (), strict=False):
        metadata |= {f"PhysicalSize{axis}": edge, f"PhysicalSize{axis}Unit": "nm"}
    if any(volume.origin_nm):
        places = volume.origin_nm
        edge_z = size.z if size else 0.0
        by_plane = [[places[0] + z * edge_z for z in range(volume.shape[0])]]
        by_plane += [[place] * volume.shape[0] for place in places[1:]]
        plane: dict[str, list] = {}
        for axis, positions in zip("ZYX", by_plane, strict=True):
            plane |= {f"Position{axis}": positions}
            plane |= {f"Position{axis}Unit": ["nm"] * volume.shape[0]}
        metadata["Plane"] = plane
    n_bytes = math.prod(volume.shape) * dtype.itemsize
    with (
        written_beside(target) as beside,
        tifffile.TiffWriter(beside, bigtiff=n_bytes > CLASSIC_TIFF_BYTES, ome=True) as tif,
    ):
        tif.write(
            (page for slab in slabs_of(volume, dtype) for page in slab),
            shape=volume.shape,
            dtype=dtype,
            photometric="minisblack",
            metadata=metadata,
        )


def write_nifti(volume: Volume, path: str | Path) -> None:
    """Write a NIfTI-1 file in µm (NIfTI-2 for sides above 32767); types as in `write_ome_zarr`."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    dtype = _stored_type(volume).newbyteorder("<")
    large = max(volume.shape) > _LARGEST_NIFTI_1_SIDE
    header = (Nifti2Header if large else Nifti1Header)(endianness="<")
    header.set_data_dtype(dtype)
    header.set_data_shape(volume.shape[::-1])
    size = volume.voxel_size_nm
    if size is not None:
        affine = np.diag([*(edge / 1000 for edge in reversed(size)), 1.0])
        affine[:3, 3] = [place / 1000 for place in reversed(volume.origin_nm)]
        header.set_zooms([edge / 1000 for edge in reversed(size)])
        header.set_sform(affine, code="scanner")
        header.set_qform(affine, code="scanner")
        header.set_xyzt_units("micron")
    # Four zeros after the header say that no extension follows.
    offset = header.sizeof_hdr + 4
    header["vox_offset"] = offset
    header["magic"] = b"n+2" if large else b"n+1"
    _write_raw(volume, Path(path), header.binaryblock + bytes(4), dtype)


def write_nrrd(volume: Volume, path: str | Path) -> None:
    """Write an uncompressed NRRD file in nm; types as in `write_ome_zarr`."""
    dtype = _stored_type(volume).newbyteorder("<")
    kind = {"float32": "float", "float64": "double"}.get(dtype.name, dtype.name)
    sizes = " ".join(str(n) for n in reversed(volume.shape))
    lines = ["NRRD0004", f"type: {kind}", "dimension: 3"]
    size = volume.voxel_size_nm
    if size is None:
        lines += [f"sizes: {sizes}"]
    else:
        columns = np.diag([float(edge) for edge in reversed(size)]).tolist()
        origin = [float(place) for place in reversed(volume.origin_nm)]
        directions = [f"({','.join(map(repr, column))})" for column in columns]
        lines += ["space dimension: 3", f"sizes: {sizes}"]
        lines += [f"space directions: {' '.join(directions)}", 'space units: "nm" "nm" "nm"']
        lines += [f"space origin: ({','.join(map(repr, origin))})"]
    lines += ["kinds: domain domain domain", "endian: little", "encoding: raw"]
    _write_raw(volume, Path(path), ("\n".join(lines) + "\n\n").encode(), dtype)


def write_hdf5(volume: Volume, path: str | Path) -> None:
    """Write an HDF5 file with one dataset, ``data``; types as in `write_ome_zarr`.

    Its attributes are ``element_size_um`` (z, y, x), which Fiji and ilastik read, and
    ``origin_um``.
    """
    target, dtype = Path(path), _stored_type(volume)
    with written_beside(target) as beside, h5py.File(beside, "w") as file:
        array = file.create_dataset(
            "data",
            volume.shape,
            dtype,
            chunks=(1, *(min(n, _CHUNK_PX) for n in volume.shape[1:])),
            compression="gzip",
            compression_opts=1,
        )
        if volume.voxel_size_nm is not None:
            array.attrs["element_size_um"] = [edge / 1000 for edge in volume.voxel_size_nm]
        if any(volume.origin_nm):
            array.attrs["origin_um"] = [place / 1000 for place in volume.origin_nm]
        z0 = 0
        for slab in slabs_of(volume, dtype):
            array[z0 : z0 + len(slab)] = slab
            z0 += len(slab)


WRITERS: dict[str, Callable[[Volume, Path], None]] = {
    ".ome.zarr": write_ome_zarr,
    ".zarr": write_ome_zarr,
    ".ome.tif": write_ome_tiff,
    ".ome.tiff": write_ome_tiff,
    ".tif": write_tiff,
    ".tiff": write_tiff,
    ".mrc": write_mrc,
    ".rec": write_mrc,
    ".map": write_mrc,
    ".nii": write_nifti,
    ".nrrd": write_nrrd,
    ".h5": write_hdf5,
    ".hdf5": write_hdf5,
}
"""The writer for each suffix; of two that fit, the longer comes first."""


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a volume in the format that the suffix names, as ImageJ TIFF for all others."""
    target = Path(path)
    name = target.name.lower()
    chosen = next((suffix for suffix in WRITERS if name.endswith(suffix)), ".tif")
    WRITERS[chosen](volume, target)


def _stored_type(volume: Volume) -> np.dtype:
    return np.dtype(_REPLACED.get(volume.dtype.name, volume.dtype.name))


def _write_raw(volume: Volume, target: Path, header: bytes, dtype: np.dtype) -> None:
    with written_beside(target) as beside, beside.open("wb") as file:
        file.write(header)
        for slab in slabs_of(volume, dtype):
            file.write(np.ascontiguousarray(slab, dtype).data)


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
