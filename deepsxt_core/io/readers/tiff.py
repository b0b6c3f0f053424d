"""TIFF files: ImageJ, OME, BigTIFF, plain stacks and single slices, through `tifffile`."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from deepsxt_core.errors import NotATomogramError, PartChoiceError, UnreadableFileError
from deepsxt_core.geometry import Shape
from deepsxt_core.io.readers.calibration import settle_voxel_size
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.parts import MARK, Layout
from deepsxt_core.io.readers.reading import blaming_file, check_holds, truncated
from deepsxt_core.io.readers.tiff_colours import open_colours
from deepsxt_core.io.readers.tiff_pages import KIND, opened_tiff, page_reader
from deepsxt_core.io.readers.tiff_sizes import edges_nm, odd_units, origin_nm
from deepsxt_core.volume import Volume, VoxelSize

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Bytes per value of the TIFF types, TIFF 6.0 section 2 and BigTIFF.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
# Axes of one section after another: depth, or a page count without further meaning.
_SECTION_AXES = "ZIQ"
# ImageJ shows at most 7 channels at once. More are slices: `tifffile` calls the first axis of a
# stack channels when it writes ImageJ files without being told the axes.
_MOST_CHANNELS = 7
_MOST_NAMED = 12
# So it is with the frames of a time series: a z-stack is often stored as one.
_CALLED = {"C": "channels", "T": "time points", "S": "colours"}
_SLICES = MARK + "slices"
_ORIENTATION = "Orientation"


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of a TIFF or BigTIFF file."""
    return head.startswith(_SIGNATURES)


def list_datasets(path: Path) -> list[Entry]:
    """Return the image series, or parts of them, that are slices or stacks."""
    with blaming_file(path, KIND):
        _check_directories(path)
        with opened_tiff(path) as tif:
            return [candidate.entry for candidate in _candidates(tif)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a TIFF file; see `deepsxt_core.io.open_volume`."""
    with blaming_file(path, KIND):
        _check_directories(path)
        with opened_tiff(path) as tif:
            chosen = _chosen(path, tif, dataset)
            series = tif.series[chosen.index]
            if chosen.colours:
                return open_colours(path, tif, chosen.index, chosen.shape, voxel_size_nm)
            shape, dtype = chosen.shape, np.dtype(series.dtype)
            check_values(path, shape, dtype)
            edges = edges_nm(tif, chosen.index)
            origin = origin_nm(tif, chosen.index, edges)
            kind = "ImageJ TIFF" if tif.is_imagej else "OME-TIFF" if tif.is_ome else KIND
            reader = page_reader(path, tif, series, shape[1:], dtype, chosen.pages)
            words = _words(series, chosen) + odd_units(tif, chosen.index)
            several = len(tif.series) > 1 or MARK in chosen.name
    settled, warnings = settle_voxel_size(edges, voxel_size_nm, shape[0])
    listed = chosen.name if several else None
    return Volume(shape, dtype, settled, reader, path, kind, listed, warnings + words, origin)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A series, or a part of one, that is a stack or a slice.

    Attributes
    ----------
    name : str
    index : int
        Of the series.
    shape : tuple of int
    dtype : numpy.dtype
    pages : tuple of int
        Which of its pages are the slices.
    colours : bool
        Whether each pixel has a colour; it may be that of a label.
    called : str
        What the slices are called in the file, where they are not called so.
    """

    name: str
    index: int
    shape: Shape
    dtype: np.dtype
    pages: tuple[int, ...]
    colours: bool = False
    called: str = ""

    @property
    def entry(self) -> Entry:
        return self.name, self.shape if self.shape[0] > 1 else self.shape[1:], self.dtype


def _candidates(tif: tifffile.TiffFile) -> list[_Candidate]:
    """Return all that could be volumes; pictures in colour only where there is nothing else."""
    found = [c for index in range(len(tif.series)) for c in _parts(tif.series[index], index)]
    return [c for c in found if not c.colours] or found


def _parts(series: tifffile.TiffPageSeries, index: int) -> list[_Candidate]:
    name, dtype = f"series {index}", np.dtype(series.dtype)
    axes, shape = series.axes, tuple(int(n) for n in series.shape)
    colours = axes.endswith("YXS") and shape[-1] in (3, 4) and dtype.kind == "u"
    if colours:
        axes, shape = axes[:-1], shape[:-1]
    if not axes.endswith("YX"):
        return []
    outer = [(axis, n) for axis, n in zip(axes[:-2], shape[:-2], strict=True) if n > 1]
    n_pages = math.prod(n for _, n in outer)
    every = tuple(range(n_pages))
    plane = (shape[-2], shape[-1])
    if len(outer) <= 1 and all(map(_are_sections, outer)):
        called = _CALLED.get(outer[0][0], "") if outer else ""
        return [_Candidate(name, index, (n_pages, *plane), dtype, every, colours, called)]
    letters = ["z" if axis in _SECTION_AXES else axis.lower() for axis, _ in outer]
    if colours or letters.count("z") > 1 or not {*letters} <= set("zcts"):
        return []
    layout = Layout("".join(letters) + "yx", (*(n for _, n in outer), *plane))
    places = np.arange(n_pages).reshape(layout.sizes[:-2])
    found = []
    for part, at in layout.parts(name).items():
        where = layout.selection(at, 0, layout.shape[0])[:-2]
        pages = tuple(np.ravel(places[where]).tolist())
        found.append(_Candidate(part, index, (len(pages), *plane), dtype, pages))
    if len(outer) == 1:
        called = _CALLED[outer[0][0]]
        whole = _Candidate(name + _SLICES, index, (n_pages, *plane), dtype, every, False, called)
        found.insert(0, whole)
    return found


def _are_sections(axis_and_length: tuple[str, int]) -> bool:
    axis, length = axis_and_length
    return axis in _SECTION_AXES or (axis in _CALLED and length > _MOST_CHANNELS)


def _words(series: tifffile.TiffPageSeries, chosen: _Candidate) -> tuple[str, ...]:
    words = []
    if chosen.called:
        words.append(
            f"The file calls its {chosen.shape[0]} slices {chosen.called}; they are taken as "
            "slices."
        )
    tag = series.keyframe.tags.get(_ORIENTATION)
    if tag is not None and int(tag.value) != 1:
        words.append(
            f"The file asks to be shown turned or mirrored (orientation {int(tag.value)}); its "
            "voxels are taken as they are stored, as Fiji does."
        )
    if series.keyframe.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        words.append(
            "The file asks to be shown with its lowest value as white; its values are taken as "
            "they are stored. Look at the polarity; if it is a mask that marks the outside, invert "
            "it."
        )
    return tuple(words)


def _chosen(path: Path, tif: tifffile.TiffFile, dataset: str | None) -> _Candidate:
    if tif.is_ome:
        _refuse_partial_ome(path, tif)
    first = tif.series[0]
    if tif.is_imagej and first.kind != "imagej":
        # ImageJ's own way to store beyond 4 GB: one page, the other images right after it.
        page, n_images = first.keyframe, int((tif.imagej_metadata or {}).get("images", 1))
        raise truncated(path, KIND, page.dataoffsets[0] + n_images * page.nbytes)
    candidates = _candidates(tif)
    if not candidates:
        raise NotATomogramError(
            f"'{path.name}' has the axes {first.axes} with shape {first.shape}; a tomogram has "
            "slices, rows and columns. Save the part that you need as a file of its own."
        )
    if dataset is None and all(MARK in c.name for c in candidates):
        series = tif.series[candidates[0].index]
        raise _choice(path, series, candidates)
    name = choose_dataset(path, [c.entry for c in candidates], dataset)
    return next(candidate for candidate in candidates if candidate.name == name)


def _choice(
    path: Path, series: tifffile.TiffPageSeries, candidates: list[_Candidate]
) -> PartChoiceError:
    counts = dict(zip(series.axes, series.shape, strict=True))
    what = " and ".join(f"{counts[a]} {_CALLED[a]}" for a in _CALLED if counts.get(a, 1) > 1)
    names = tuple(candidate.name for candidate in candidates)
    as_slices = f"If these are slices, choose '{names[0]}'. " if names[0].endswith(_SLICES) else ""
    shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
    return PartChoiceError(
        f"'{path.name}' holds {what} (axes {series.axes}, shape {series.shape}), not one tomogram. "
        f"{as_slices}Choose one as the dataset: {shown}.",
        names,
        "".join(a.lower() for a, n in counts.items() if a in _CALLED and n > 1),
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
