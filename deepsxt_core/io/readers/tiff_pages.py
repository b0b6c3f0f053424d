"""Pages of a TIFF file whose slices are compressed or lie apart, read one by one."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.image_streams import MEASURED, StreamSize, stream_size
from deepsxt_core.io.readers.reading import blaming_file, check_holds, read_contiguous

KIND = "TIFF"
# What it finds odd is told by our own words; without this it is printed.
logging.getLogger("tifffile").addHandler(logging.NullHandler())
# None, CCITT, LZW, deflate, PackBits, LZMA, zstd: unpacked into as much room as the tags promise.
_BOUNDED = frozenset((1, 2, 3, 4, 5, 8, 32946, 50013, 32773, 34925, 34926, 50000))
# Tiles may reach beyond a small picture, but not by far.
_LARGEST_TILE_PX = 4096


def opened_tiff(path: Path) -> tifffile.TiffFile:
    """Open a TIFF file with `tifffile`."""
    # OME files may name others; only the file that the user chose is opened.
    return tifffile.TiffFile(path, _multifile=False)


def page_reader(
    path: Path,
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    slice_shape: tuple[int, int],
    dtype: np.dtype,
    chosen: tuple[int, ...],
) -> Callable[[int, int], NDArray]:
    """Return the reader of a volume, after a look that the file holds all its data.

    Parameters
    ----------
    slice_shape : tuple of int
        Rows, and numbers in each.
    chosen : tuple of int
        Which pages of the series are the slices.
    """
    if series.dataoffset is None:
        indices = _page_indices(path, series)
        if max(chosen) >= len(indices):
            raise UnreadableFileError(
                f"'{path.name}' describes {max(chosen) + 1} slices in {len(indices)} compressed "
                "pages, a layout that is not supported. Save it as a plain stack, for example "
                "with Fiji."
            )
        pages = tuple(indices[page] for page in chosen)
        return partial(read_pages, path, pages, slice_shape, dtype)
    stored = dtype.newbyteorder(tif.byteorder)
    n_bytes = (max(chosen) + 1) * slice_shape[0] * slice_shape[1] * dtype.itemsize
    check_holds(path, KIND, series.dataoffset + n_bytes)
    read = partial(read_contiguous, path, stored, series.dataoffset, slice_shape)
    if chosen == tuple(range(len(chosen))):
        return read
    return partial(_read_some, read, chosen)


def _read_some(
    read: Callable[[int, int], NDArray], chosen: tuple[int, ...], z0: int, z1: int
) -> NDArray:
    return np.concatenate([read(page, page + 1) for page in chosen[z0:z1]])


def _page_indices(path: Path, series: tifffile.TiffPageSeries) -> list[int]:
    pages = [page for page in series.pages if page is not None]
    ends = (
        start + count
        for page in pages
        for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    )
    check_holds(path, KIND, max(ends))
    return [page.index for page in pages]


def read_pages(
    path: Path,
    pages: tuple[int, ...],
    slice_shape: tuple[int, int],
    dtype: np.dtype,
    z0: int,
    z1: int,
) -> NDArray:
    """Return slices `z0` to `z1` from their pages, (z1 - z0, y, x).

    Raises
    ------
    UnreadableFileError
        If a page is damaged, differs from the first, or would unpack to more than it announces.
    """
    slab = np.empty((z1 - z0, *slice_shape), dtype)
    with blaming_file(path, KIND), opened_tiff(path) as tif:
        for target, index in zip(slab, pages[z0:z1], strict=True):
            page = tif.pages[index].aspage()
            _check_page(path, page, slice_shape, dtype)
            target[...] = page.asarray().reshape(slice_shape)
    return slab


def _check_page(
    path: Path, page: tifffile.TiffPage, slice_shape: tuple[int, int], dtype: np.dtype
) -> None:
    """Raise if a page is not what the first one promised, or a stream in it is larger."""
    if page.size != slice_shape[0] * slice_shape[1] or page.dtype != dtype:
        raise UnreadableFileError(
            f"Page {page.index + 1} of '{path.name}' has the shape {page.shape} and the type "
            f"{page.dtype}, where {slice_shape} and {dtype} are announced. Save it "
            "as a plain stack, for example with Fiji."
        )
    if page.is_tiled and (
        page.tilelength > max(page.imagelength, _LARGEST_TILE_PX)
        or page.tilewidth > max(page.imagewidth, _LARGEST_TILE_PX)
        or page.tiledepth > 1
    ):
        raise UnreadableFileError(
            f"'{path.name}' is cut into tiles of {page.tilelength} x {page.tilewidth} pixels for "
            f"slices of {slice_shape[0]} x {slice_shape[1]}. Save it as a plain stack."
        )
    if page.compression in _BOUNDED:
        return
    if page.compression not in MEASURED:
        raise UnreadableFileError(
            f"'{path.name}' is compressed as {_compression_name(page)}, which cannot be bounded "
            "before it is unpacked and is not opened. Save it with LZW, deflate or zstd, for "
            "example with Fiji."
        )
    rows, columns = min(page.rowsperstrip, page.imagelength), page.imagewidth
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    samples = page.samplesperpixel if page.planarconfig == 1 else 1
    promised = StreamSize(rows, columns, samples, 8 * dtype.itemsize)
    for start, n_bytes in zip(page.dataoffsets, page.databytecounts, strict=True):
        if not n_bytes:
            continue
        with path.open("rb") as file:
            file.seek(start)
            told = stream_size(page.compression, file.read(n_bytes))
        if told is None or not told.fits(promised):
            size = (
                "tells no size that can be trusted"
                if told is None
                else f"holds {told.height} x {told.width} pixels of {told.samples} x {told.bits} "
                f"bits, where its tags promise {rows} x {columns} of {samples} x {promised.bits}"
            )
            raise UnreadableFileError(
                f"A {_compression_name(page)} stream on page {page.index + 1} of '{path.name}' "
                f"{size}. The file is damaged or made to harm: export it once more."
            )


def _compression_name(page: tifffile.TiffPage) -> str:
    return str(getattr(page.compression, "name", page.compression)).replace("_", " ")
