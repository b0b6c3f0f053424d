"""TIFF files: ImageJ, OME, BigTIFF, plain stacks and single slices, through `tifffile`."""

import struct
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit, settle_voxel_size
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.placement import as_origin
from deepsxt_core.io.readers.reading import blaming_file, check_holds, read_contiguous, truncated
from deepsxt_core.io.readers.tiff_pages import KIND, opened_tiff, page_indices, read_pages
from deepsxt_core.volume import Volume, VoxelSize, as_shape

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RESOLUTION_UNITS = {2: "inch", 3: "cm"}
# Coarser than this, a resolution per inch or cm is one for the printer (72 dpi is 353 µm).
_PRINT_NM = 1000.0
# Bytes per value of the TIFF types, TIFF 6.0 section 2 and BigTIFF.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
# Axes of one section after another: depth, or a page count without further meaning.
_SECTION_AXES = "ZIQ"
# ImageJ shows at most 7 channels at once. More are slices: `tifffile` calls the first axis of a
# stack channels when it writes ImageJ files without being told the axes.
_MOST_CHANNELS = 7
_FOREIGN_AXES = {
    "S": ("colours", "Convert it to grey values"),
    "C": ("channels", "Save the one with the tomogram as a file of its own"),
    "T": ("time points", "Save one as a file of its own, or declare the frames to be slices"),
    "A": ("angles", "Reconstruct it first"),
}


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of a TIFF or BigTIFF file."""
    return head.startswith(_SIGNATURES)


def list_datasets(path: Path) -> list[Entry]:
    """Return the image series that are slices or stacks as (name, shape, dtype)."""
    with blaming_file(path, KIND):
        _check_directories(path)
        with opened_tiff(path) as tif:
            return _entries(tif)


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a TIFF file; see `deepsxt_core.io.open_volume`."""
    with blaming_file(path, KIND):
        _check_directories(path)
        with opened_tiff(path) as tif:
            name = _choose_series(path, tif, dataset)
            index = _names(tif).index(name)
            series = tif.series[index]
            shape = as_shape(_stack_shape(series))
            dtype = np.dtype(series.dtype)
            check_values(path, shape, dtype)
            edges_nm = _edges_nm(tif, index)
            origin_nm = _origin_nm(tif, index, edges_nm)
            listed = name if len(tif.series) > 1 else None
            kind = "ImageJ TIFF" if tif.is_imagej else "OME-TIFF" if tif.is_ome else KIND
            reader: partial[NDArray]
            if series.dataoffset is not None:
                stored = dtype.newbyteorder(tif.byteorder)
                n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
                check_holds(path, KIND, series.dataoffset + n_bytes)
                reader = partial(read_contiguous, path, stored, series.dataoffset, shape[1:])
            else:
                pages = page_indices(path, series, shape)
                reader = partial(read_pages, path, pages, shape[1:], dtype)
    settled, warnings = settle_voxel_size(edges_nm, voxel_size_nm, shape[0])
    if dict(zip(series.axes, series.shape, strict=True)).get("C", 1) > 1:
        warnings += (f"The file calls its {shape[0]} slices channels; they are taken as slices.",)
    return Volume(shape, dtype, settled, reader, path, kind, listed, warnings, origin_nm)


def _names(tif: tifffile.TiffFile) -> list[str]:
    return [f"series {index}" for index in range(len(tif.series))]


def _stack_shape(series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    """Return the sizes of the axes longer than 1, the last two always kept."""
    *outer, y, x = series.shape
    return (*(n for n in outer if n > 1), y, x)


def _foreign_axes(series: tifffile.TiffPageSeries) -> list[tuple[str, int]]:
    """Return the (axis, length) that a slice or a stack does not have."""
    axes = list(zip(series.axes, series.shape, strict=True))
    if not series.axes.endswith("YX"):
        return axes
    long = [(axis, n) for axis, n in axes[:-2] if n > 1]
    return [] if len(long) <= 1 and all(map(_are_sections, long)) else long


def _are_sections(axis_and_length: tuple[str, int]) -> bool:
    axis, length = axis_and_length
    return axis in _SECTION_AXES or (axis == "C" and length > _MOST_CHANNELS)


def _entries(tif: tifffile.TiffFile) -> list[Entry]:
    return [
        (name, _stack_shape(series), np.dtype(series.dtype))
        for name, series in zip(_names(tif), tif.series, strict=True)
        if not _foreign_axes(series)
    ]


def _choose_series(path: Path, tif: tifffile.TiffFile, dataset: str | None) -> str:
    if tif.is_ome:
        _refuse_partial_ome(path, tif)
    first = tif.series[0]
    if tif.is_imagej and first.kind != "imagej":
        # ImageJ's own way to store beyond 4 GB: one page, the other images right after it.
        page, n_images = first.keyframe, int((tif.imagej_metadata or {}).get("images", 1))
        raise truncated(path, KIND, page.dataoffsets[0] + n_images * page.nbytes)
    entries = _entries(tif)
    if not entries:
        raise _not_a_stack(path, first)
    return choose_dataset(path, entries, dataset)


def _not_a_stack(path: Path, series: tifffile.TiffPageSeries) -> NotATomogramError:
    foreign = dict(_foreign_axes(series))
    for axis, (what, remedy) in _FOREIGN_AXES.items():
        if axis in foreign:
            return NotATomogramError(
                f"'{path.name}' holds {foreign[axis]} {what} (axes {series.axes}, shape "
                f"{series.shape}), not one tomogram. {remedy}."
            )
    return NotATomogramError(
        f"'{path.name}' has the axes {series.axes} with shape {series.shape}; a tomogram has "
        "slices, rows and columns. Save the part that you need as a file of its own."
    )


def _refuse_partial_ome(path: Path, tif: tifffile.TiffFile) -> None:
    """Raise where the pages that the OME header describes are not all in this file."""
    if tif.series[0].kind != "ome" or any(page is None for s in tif.series for page in s.pages):
        raise UnreadableFileError(
            f"'{path.name}' is one part of an OME-TIFF that is spread over several files, or some "
            "of its planes are missing. Save the tomogram as a single file, for example with Fiji."
        )


def _check_directories(path: Path) -> None:
    """Raise if the chain of page headers, or a value they point to, leaves the file.

    `tifffile` only logs this and goes on with the pages before.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        check_holds(path, KIND, 16 if big else 8)
        count_format, offset_format = (order + code for code in ("QQ" if big else "HI"))
        count_bytes, offset_bytes = struct.calcsize(count_format), struct.calcsize(offset_format)
        tag_bytes = 4 + 2 * offset_bytes
        (offset,) = struct.unpack_from(offset_format, head, 8 if big else 4)
        seen = set()
        while offset and offset not in seen:
            seen.add(offset)
            if offset + count_bytes > size:
                raise truncated(path, KIND, offset + count_bytes)
            file.seek(offset)
            (n_tags,) = struct.unpack(count_format, file.read(count_bytes))
            end = offset + count_bytes + n_tags * tag_bytes + offset_bytes
            if end > size:
                raise truncated(path, KIND, end)
            tags = np.frombuffer(
                file.read(n_tags * tag_bytes),
                [("code", f"{order}u2"), ("type", f"{order}u2")]
                + [(name, f"{order}u{offset_bytes}") for name in ("count", "value")],
            )
            for tag in tags:
                n_bytes = _TYPE_BYTES.get(int(tag["type"]), 0) * int(tag["count"])
                if n_bytes > offset_bytes and int(tag["value"]) + n_bytes > size:
                    raise truncated(path, KIND, int(tag["value"]) + n_bytes)
            (offset,) = struct.unpack(offset_format, file.read(offset_bytes))
        if not seen:
            raise UnreadableFileError(f"'{path.name}' is a TIFF file without any picture in it.")


def _edges_nm(
    tif: tifffile.TiffFile, index: int
) -> tuple[float | None, float | None, float | None]:
    """Return the voxel edges (z, y, x) in nm, None where the file says nothing usable."""
    if tif.is_ome:
        return _ome_edges_nm(tif.ome_metadata or "", index)
    page = tif.series[index].keyframe
    y, x = (_pixels_per_unit(page, tag) for tag in ("YResolution", "XResolution"))
    header = tif.imagej_metadata or {}
    unit_nm = nm_per_unit(header.get("unit"))
    if unit_nm is not None:
        z_unit_nm = nm_per_unit(header["zunit"]) if "zunit" in header else unit_nm
        y_unit_nm = nm_per_unit(header["yunit"]) if "yunit" in header else unit_nm
        return as_length(header.get("spacing"), z_unit_nm), _per(y_unit_nm, y), _per(unit_nm, x)
    tag = page.tags.get("ResolutionUnit")
    unit_nm = nm_per_unit(_RESOLUTION_UNITS.get(int(tag.value) if tag else 0))
    y, x = _per(unit_nm, y), _per(unit_nm, x)
    if y is None or x is None or max(y, x) >= _PRINT_NM:
        return None, None, None
    return None, y, x


def _origin_nm(
    tif: tifffile.TiffFile, index: int, edges_nm: tuple[float | None, float | None, float | None]
) -> tuple[float, float, float]:
    """Return the position of the first voxel, (z, y, x) in nm."""
    if tif.is_ome:
        planes = _ome_pixels(tif.ome_metadata or "", index).get("Plane")
        first = planes[0] if isinstance(planes, list) and planes else planes
        if not isinstance(first, dict):
            return 0.0, 0.0, 0.0
        places = [
            float(first.get(f"Position{axis}", 0.0))
            * (nm_per_unit(first.get(f"Position{axis}Unit", "µm")) or 0.0)
            for axis in "ZYX"
        ]
        return as_origin(places)
    # ImageJ tells which pixel lies at the origin.
    header = tif.imagej_metadata or {}
    pixels = [header.get(f"{axis}origin", 0.0) for axis in "zyx"]
    if None in edges_nm or not all(isinstance(pixel, int | float) for pixel in pixels):
        return 0.0, 0.0, 0.0
    return as_origin([-p * (edge or 0.0) + 0.0 for p, edge in zip(pixels, edges_nm, strict=True)])


def _pixels_per_unit(page: tifffile.TiffPage, name: str) -> float | None:
    tag = page.tags.get(name)
    if tag is None:
        return None
    numerator, denominator = tag.value
    return as_length(numerator / denominator) if denominator else None


def _per(unit_nm: float | None, pixels: float | None) -> float | None:
    return None if unit_nm is None or pixels is None else unit_nm / pixels


def _ome_edges_nm(ome_xml: str, index: int) -> tuple[float | None, float | None, float | None]:
    pixels = _ome_pixels(ome_xml, index)
    z, y, x = (
        as_length(
            pixels.get(f"PhysicalSize{axis}"),
            # The OME schema's default unit is the micrometre.
            nm_per_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm")),
        )
        for axis in "ZYX"
    )
    return z, y, x


def _ome_pixels(ome_xml: str, index: int) -> dict[str, Any]:
    images = tifffile.xml2dict(ome_xml)["OME"]["Image"]
    image = images[index] if isinstance(images, list) else images
    pixels: dict[str, Any] = image["Pixels"]
    return pixels
