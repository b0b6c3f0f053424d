"""HDF5 files, among them Data Exchange: one numeric dataset, found or named."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.hdf5_guard import dataset_inside, opened_hdf5
from deepsxt_core.io.readers import bigdataviewer, imaris, velox
from deepsxt_core.io.readers.calibration import settle_voxel_size
from deepsxt_core.io.readers.chunks import refuse_growing
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.hdf5_filters import require_filters
from deepsxt_core.io.readers.hdf5_layout import told_about, told_layout
from deepsxt_core.io.readers.parts import MARK, Layout, part_choice
from deepsxt_core.io.readers.placement import as_origin
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.volume import Volume, VoxelSize

KIND = "HDF5"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Data Exchange, doi:10.1107/S160057751401604X; NeXus NXtomoproc.
_WELL_KNOWN = ("exchange/data", "entry/reconstruction/data/data", "entry/data/data")
_ANGLE_WORDS = ("theta", "angle")
_NEXUS_ANGLES = ("rotation_angle", "rotation_angles", "polar_angle", "theta", "angles")
_RESULT_WORDS = ("recon", "volume", "result")
# MISTRAL's own names for tilt series after the flat field and after alignment.
_MISTRAL_SERIES = ("/TomoNormalized/", "/FastAligned/", "/SpecNormalized/")
_LARGEST_CHUNK_BYTES = 1 << 28


def matches(path: Path, head: bytes) -> bool:
    """Return whether the file is HDF5, whose signature may follow a block of the user."""
    return head.startswith(_SIGNATURE) or bool(h5py.is_hdf5(path))


def list_datasets(path: Path) -> list[Entry]:
    """Return the datasets, or parts of them, that could be volumes or slices."""
    with blaming_file(path, KIND), opened_hdf5(path) as file:
        return [candidate.entry for candidate in _candidates(file)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an HDF5 file; see `deepsxt_core.io.open_volume`."""
    with blaming_file(path, KIND), opened_hdf5(path) as file:
        candidates = _candidates(file)
        if not candidates:
            _refuse_links(path, file)
            raise NotATomogramError(
                f"'{path.name}' holds no array of numbers with two or three axes. "
                "Check that it is the file with the reconstruction."
            )
        chosen = _chosen(path, candidates, dataset)
        array = dataset_inside(file, chosen.dataset)
        _refuse_projections(path, array)
        layout, dtype = chosen.layout, _type(array)
        check_values(path, layout.shape, dtype)
        _check_chunks(path, array)
        require_filters(path, array)
        told = (
            bigdataviewer.told_about(path, array)
            or velox.told_about(array)
            or imaris.told_about(array)
            or told_about(array)
        )
        shape = imaris.true_shape(array) or layout.shape
    first, second, third = (told.edges_nm.get(letter) for letter in layout.space)
    settled, doubts = settle_voxel_size((first, second, third), voxel_size_nm, shape[0])
    reader = partial(_read, path, chosen, dtype)
    if shape != layout.shape:
        reader = partial(_trimmed, reader, shape[1:])
    return Volume(
        shape,
        dtype,
        settled,
        reader,
        path,
        KIND,
        chosen.name,
        told.warnings + doubts,
        as_origin([told.origin_nm.get(letter, 0.0) for letter in "zyx"]),
        layout.axes(told.backwards),
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A dataset, or one part of it, that could be a volume."""

    name: str
    dataset: str
    layout: Layout
    part: tuple[int, ...]
    dtype: np.dtype

    @property
    def entry(self) -> Entry:
        shape = self.layout.shape
        flat = shape[0] == 1 and sum(letter in "zyx" for letter in self.layout.letters) == 2
        return self.name, shape[1:] if flat else shape, self.dtype


def _candidates(file: h5py.File) -> list[_Candidate]:
    found: list[_Candidate] = []

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(node, h5py.Dataset) or node.ndim < 2 or node.dtype.kind not in "biufc":
            return
        if bigdataviewer.is_table(name) or velox.is_metadata(name):
            return
        layout = velox.layout_of(node) or told_layout(node)
        if layout is not None:
            parts = layout.parts(name) if min(node.shape) > 0 else {name: ()}
            found.extend(_Candidate(n, name, layout, p, _type(node)) for n, p in parts.items())

    # Visits hard links alone: a link into another file is never followed.
    file.visititems(visit)
    return found


def _type(array: h5py.Dataset) -> np.dtype:
    return bigdataviewer.true_type(array.name, array.dtype.newbyteorder("="))


def _chosen(path: Path, candidates: list[_Candidate], wanted: str | None) -> _Candidate:
    """Return the candidate to open: the wanted one, that of a well-known name, or the only one."""
    entries = [candidate.entry for candidate in candidates]
    names = [name for name, _, _ in entries]
    if wanted is None:
        known = [name for name in _WELL_KNOWN if name in names]
        wanted = known[0] if known else None
        wanted = wanted or bigdataviewer.only_image(names) or imaris.only_image(names)
    parts = [c for c in candidates if MARK in c.name]
    of_one = {c.dataset for c in parts}
    asked = wanted.strip("/") if wanted is not None else None
    if (
        parts
        and len(of_one) == 1
        and (asked in of_one or (asked is None and len(parts) == len(names)))
    ):
        raise part_choice(path, parts[0].layout, tuple(c.name for c in parts))
    name = choose_dataset(path, entries, wanted)
    return next(candidate for candidate in candidates if candidate.name == name)


def _refuse_links(path: Path, file: h5py.File) -> None:
    """Raise if there are links into other files: the message names the first of them."""

    def visit(name: str, link: object) -> tuple[str, h5py.ExternalLink] | None:
        return (name, link) if isinstance(link, h5py.ExternalLink) else None

    found = file.visititems_links(visit)
    if found is not None:
        name, link = found
        raise UnreadableFileError(
            f"'{name}' in '{path.name}' is only a link to '{link.path}' in another file, "
            f"'{link.filename}', which is not opened. Open that file itself."
        )


def _check_chunks(path: Path, array: h5py.Dataset) -> None:
    """Raise if a compressed chunk does not fit into memory, or stands for an unlikely size."""
    if array.chunks is None:
        return
    n_bytes = int(np.prod(array.chunks, dtype=object)) * array.dtype.itemsize
    if n_bytes > _LARGEST_CHUNK_BYTES:
        raise UnreadableFileError(
            f"The dataset '{array.name}' of '{path.name}' is cut into chunks of {array.chunks}, "
            f"{n_bytes / 1e9:.1f} GB each; at most {_LARGEST_CHUNK_BYTES / 1e9:.1f} GB can be "
            "opened. Save it with smaller chunks, for example with h5repack."
        )


def _refuse_bombs(path: Path, array: h5py.Dataset, where: tuple[int | slice, ...]) -> None:
    """Raise if a chunk that is about to be read grows beyond all reason."""
    if array.chunks is None or array.compression is None:
        return
    n_bytes = int(np.prod(array.chunks, dtype=object)) * array.dtype.itemsize
    spans = [
        place.indices(n)[:2] if isinstance(place, slice) else (place, place + 1)
        for place, n in zip(where, array.shape, strict=True)
    ]
    steps = list(zip(spans, array.chunks, strict=True))
    corners = [range(a // step * step, b, step) for (a, b), step in steps]
    with path.open("rb") as file:
        for corner in product(*corners):
            chunk = array.id.get_chunk_info_by_coord(corner)
            if chunk.byte_offset is not None and chunk.size:
                file.seek(chunk.byte_offset)
                refuse_growing(path, array.compression, file, chunk.size, n_bytes)


def _refuse_projections(path: Path, array: h5py.Dataset) -> None:
    """Raise `NotATomogramError` where an angle belongs to each section."""
    first_axis = str(array.attrs.get("axes", "")).partition(":")[0].lower()
    angles = [
        name
        for name, node in _siblings(array)
        if any(word in name.lower() for word in _ANGLE_WORDS)
        and node.ndim == 1
        and node.shape[0] == array.shape[0] > 1
    ]
    angles = angles or _angles_elsewhere(array)
    normalised = array.name.startswith(_MISTRAL_SERIES)
    named = normalised or any(word in first_axis for word in _ANGLE_WORDS)
    if array.ndim == 3 and array.shape[0] > 1 and (angles or named):
        raise NotATomogramError(
            f"The dataset '{array.name}' of '{path.name}' holds {array.shape[0]} projections at "
            "different angles (a tilt series), not a reconstructed tomogram. Reconstruct it first, "
            "for example with TomoPy, and open the result."
        )


def _angles_elsewhere(array: h5py.Dataset) -> list[str]:
    """Return the angles of as many sections anywhere in a file that keeps them apart, as NXtomo."""
    found: list[str] = []

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        last = name.rpartition("/")[2].lower()
        if (
            isinstance(node, h5py.Dataset)
            and last in _NEXUS_ANGLES
            and node.shape == array.shape[:1]
        ):
            found.append(name)

    if not any(word in array.name.lower() for word in _RESULT_WORDS):
        array.file.visititems(visit)
    return found


def _siblings(array: h5py.Dataset) -> list[tuple[str, h5py.Dataset]]:
    group = array.parent
    hard = [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
    nodes = [(name, group[name]) for name in hard]
    return [(name, node) for name, node in nodes if isinstance(node, h5py.Dataset)]


def _read(path: Path, chosen: _Candidate, dtype: np.dtype, z0: int, z1: int) -> NDArray:
    layout = chosen.layout
    with blaming_file(path, KIND), opened_hdf5(path) as file:
        # Checked again: another file may lie under this name by now.
        array = dataset_inside(file, chosen.dataset)
        if (tuple(array.shape), _type(array)) != (layout.sizes, dtype):
            raise UnreadableFileError(
                f"'{path.name}' has changed since it was opened. Open it again."
            )
        _check_chunks(path, array)
        where = layout.selection(chosen.part, z0, z1)
        _refuse_bombs(path, array, where)
        slab = np.asarray(array[where])
        if slab.dtype.itemsize == dtype.itemsize and slab.dtype.kind != dtype.kind:
            slab = slab.astype(slab.dtype.newbyteorder("=")).view(dtype)
        return slab.reshape(z1 - z0, *layout.shape[1:]).astype(dtype, copy=False)


def _trimmed(
    read: Callable[[int, int], NDArray], slice_shape: tuple[int, int], z0: int, z1: int
) -> NDArray:
    return np.ascontiguousarray(read(z0, z1)[:, : slice_shape[0], : slice_shape[1]])
