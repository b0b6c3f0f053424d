"""Stacks in every format that can be opened, written by independent libraries."""

import bz2
import gzip
import io
import zipfile
import zlib
from pathlib import Path

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import tifffile
import zarr
from more_files import amira_file, em_file, zeiss_file
from PIL import Image

EDGES_NM = (20.0, 13.0, 12.5)


def make_stack(dtype="uint16", shape=(6, 37, 23)):
    values = np.random.default_rng(7).integers(0, 100, shape)
    return values.astype(dtype)


def _tiff(path: Path, stack, **options) -> None:
    tifffile.imwrite(path, stack, photometric="minisblack", **options)


def _imagej(path: Path, stack, **options) -> None:
    metadata = {"axes": "ZYX", "spacing": EDGES_NM[0], "unit": "nm"}
    resolution = (1 / EDGES_NM[2], 1 / EDGES_NM[1])
    tifffile.imwrite(path, stack, imagej=True, metadata=metadata, resolution=resolution, **options)


def _ome(path: Path, stack, **options) -> None:
    sizes = zip("ZYX", EDGES_NM, strict=True)
    metadata = {"axes": "ZYX"}
    for axis, edge in sizes:
        metadata |= {f"PhysicalSize{axis}": edge / 1000, f"PhysicalSize{axis}Unit": "µm"}
    tifffile.imwrite(path, stack, ome=True, photometric="minisblack", metadata=metadata, **options)


def _mrc(path: Path, stack) -> None:
    with mrcfile.new(path) as mrc:
        mrc.set_data(stack)
        mrc.set_volume()
        mrc.voxel_size = tuple(edge * 10 for edge in reversed(EDGES_NM))


def _big_endian_mrc(path: Path, stack) -> None:
    _mrc(path, stack.astype(stack.dtype.newbyteorder(">")))


def _hdf5(path: Path, stack, **options) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("volumes/raw", data=stack, **options)
        data.attrs["element_size_um"] = [edge / 1000 for edge in EDGES_NM]


def _npy(path: Path, stack, **options) -> None:
    with path.open("wb") as file:
        np.save(file, np.asarray(stack, **options))


def _npz(path: Path, stack, save=np.savez) -> None:
    with path.open("wb") as file:
        save(file, tomogram=stack)


def _nrrd(path: Path, stack, **options) -> None:
    header = {
        "space dimension": 3,
        "space directions": np.diag(EDGES_NM[::-1]),
        "space origin": [0, 0, 0],
        "space units": ["nm"] * 3,
    }
    with path.open("wb") as file:
        nrrd.write(file, stack.transpose(), header | options)


def _nifti(path: Path, stack, kind=nibabel.Nifti1Image) -> None:
    affine = np.diag([*(edge / 1000 for edge in EDGES_NM[::-1]), 1])
    image = kind(stack.transpose(), affine)
    image.header.set_xyzt_units("micron")
    path.write_bytes(image.to_bytes())


def ome_zarr_folder(path: Path, stack, version="0.5", axes="zyx", **options) -> None:
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    array = stack.reshape((1,) * (len(axes) - 3) + stack.shape)
    group.create_array("0", data=array, **options)
    types = {"t": "time", "c": "channel"}
    described = [
        {"name": axis, "type": types[axis]}
        if axis in types
        else {"name": axis, "type": "space", "unit": "micrometer"}
        for axis in axes
    ]
    scale = [1.0] * (len(axes) - 3) + [edge / 1000 for edge in EDGES_NM]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image = {"axes": described, "datasets": [level], "version": version}
    if version == "0.5":
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    else:
        group.attrs["multiscales"] = [image]


def _ome_zarr_zip(path: Path, stack, inside="", **options) -> None:
    folder = path.with_name("to-be-zipped")
    ome_zarr_folder(folder, stack, **options)
    with zipfile.ZipFile(path, "w") as archive:
        for member in sorted(folder.rglob("*")):
            if member.is_file():
                archive.write(member, inside + member.relative_to(folder).as_posix())
                member.unlink()
    for member in sorted(folder.rglob("*"), reverse=True):
        member.rmdir()
    folder.rmdir()


def _mha(path: Path, stack, pack=bytes) -> None:
    kind = {"uint8": "UCHAR", "uint16": "USHORT", "float32": "FLOAT"}[stack.dtype.name]
    values = pack(stack.tobytes())
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = {pack is not bytes}\nCompressedDataSize = {len(values)}\n"
        f"ElementSpacing = {' '.join(repr(edge / 1e6) for edge in EDGES_NM[::-1])}\n"
        f"DimSize = {' '.join(map(str, stack.shape[::-1]))}\nElementType = MET_{kind}\n"
        "ElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + values)


def _packed(path: Path, stack, write, pack) -> None:
    write(path, stack)
    path.write_bytes(pack(path.read_bytes()))


def _amira(path: Path, stack, how="raw") -> None:
    path.write_bytes(amira_file(stack, EDGES_NM, how))


_CUBE = (13.0, 13.0, 13.0)

# How a stack is written, and the voxel size that the format keeps.
WRITERS = {
    "imagej": (_imagej, EDGES_NM),
    "imagej-one-page": (lambda p, s: _imagej(p, s, truncate=True), EDGES_NM),
    "imagej-deflate": (lambda p, s: _imagej(p, s, compression="zlib"), EDGES_NM),
    "ome": (_ome, EDGES_NM),
    "ome-zstd-tiles": (lambda p, s: _ome(p, s, compression="zstd", tile=(16, 16)), EDGES_NM),
    "plain": (lambda p, s: _tiff(p, s, metadata=None), None),
    "plain-pages-apart": (lambda p, s: _tiff(p, s, metadata=None, rowsperstrip=5), None),
    "lzw": (lambda p, s: _tiff(p, s, compression="lzw", predictor=True), None),
    "zstd": (lambda p, s: _tiff(p, s, compression="zstd"), None),
    "bigtiff": (lambda p, s: _tiff(p, s, bigtiff=True), None),
    "big-endian": (lambda p, s: _tiff(p, s, byteorder=">"), None),
    "big-endian-zlib": (lambda p, s: _tiff(p, s, byteorder=">", compression="zlib"), None),
    "mrc": (_mrc, EDGES_NM),
    "mrc-big-endian": (_big_endian_mrc, EDGES_NM),
    "hdf5": (_hdf5, EDGES_NM),
    "hdf5-gzip": (lambda p, s: _hdf5(p, s, chunks=(2, 16, 16), compression="gzip"), EDGES_NM),
    "mrc-gzip": (lambda p, s: _packed(p, s, _mrc, gzip.compress), EDGES_NM),
    "mrc-bzip2": (lambda p, s: _packed(p, s, _mrc, bz2.compress), EDGES_NM),
    "npy": (_npy, None),
    "npy-by-columns": (lambda p, s: _npy(p, s, order="F"), None),
    "npz": (_npz, None),
    "npz-deflate": (lambda p, s: _npz(p, s, np.savez_compressed), None),
    "nrrd": (lambda p, s: _nrrd(p, s, encoding="raw"), EDGES_NM),
    "nrrd-gzip": (lambda p, s: _nrrd(p, s, encoding="gzip"), EDGES_NM),
    "nrrd-bzip2": (lambda p, s: _nrrd(p, s, encoding="bzip2"), EDGES_NM),
    "nrrd-text": (lambda p, s: _nrrd(p, s, encoding="ascii"), EDGES_NM),
    "nifti-1": (_nifti, EDGES_NM),
    "nifti-2": (lambda p, s: _nifti(p, s, nibabel.Nifti2Image), EDGES_NM),
    "nifti-gzip": (lambda p, s: _packed(p, s, _nifti, gzip.compress), EDGES_NM),
    "ome-zarr-zip": (_ome_zarr_zip, EDGES_NM),
    "ome-zarr-0.4-zip": (lambda p, s: _ome_zarr_zip(p, s, "a.zarr/", version="0.4"), EDGES_NM),
    "zip-of-slices": (lambda p, s: _zip_of_slices(p, s), None),
    "mha": (_mha, EDGES_NM),
    "mha-zlib": (lambda p, s: _mha(p, s, zlib.compress), EDGES_NM),
    "amira": (_amira, EDGES_NM),
    "amira-big-endian": (lambda p, s: _amira(p, s, "big"), EDGES_NM),
    "amira-zip": (lambda p, s: _amira(p, s, "zip"), EDGES_NM),
    "amira-rle": (lambda p, s: _amira(p, s, "rle"), EDGES_NM),
    "amira-text": (lambda p, s: _amira(p, s, "text"), EDGES_NM),
    "em": (lambda p, s: p.write_bytes(em_file(s)), _CUBE),
    "zeiss": (lambda p, s: p.write_bytes(zeiss_file(s)), _CUBE),
}

# Formats that are folders.
FOLDERS = {
    "ome-zarr": lambda p, s: ome_zarr_folder(p, s, chunks=(2, 16, 16)),
    "ome-zarr-0.4": lambda p, s: ome_zarr_folder(p, s, version="0.4"),
    "ome-zarr-five-axes": lambda p, s: ome_zarr_folder(p, s, axes="tczyx"),
    "tiff-slices": lambda p, s: tiff_slices(p, s),
    "png-slices": lambda p, s: png_slices(p, s),
}

# What formats cannot hold the usual uint16.
TYPES = {"em": "int16"}


def tiff_slices(path: Path, stack) -> None:
    """Write slices whose names sort wrongly as text."""
    path.mkdir()
    for z, image in enumerate(stack):
        tifffile.imwrite(path / f"slice_{z + 7}.tif", image)


def png_slices(path: Path, stack) -> None:
    """Write slices of 8 or 16 bits."""
    path.mkdir()
    for z, image in enumerate(stack):
        Image.fromarray(image).save(path / f"slice_{z + 7}.png")


def _zip_of_slices(path: Path, stack) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for z, image in enumerate(stack):
            picture = io.BytesIO()
            tifffile.imwrite(picture, image)
            archive.writestr(f"scan/slice_{z + 7}.tif", picture.getvalue())
