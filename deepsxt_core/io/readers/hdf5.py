"""HDF5 files, among them Data Exchange: one numeric dataset, found or named."""

from functools import partial
from itertools import product
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.hdf5_guard import dataset_inside, opened_hdf5
from deepsxt_core.io.readers.calibration import as_length, settle_voxel_size
from deepsxt_core.io.readers.chunks import refuse_growing
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset, stack_shape
from deepsxt_core.io.readers.placement import as_origin
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.volume import Volume, VoxelSize, as_shape

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
    """Return the datasets that could be volumes or slices as (name, shape, dtype)."""
    with blaming_file(path, KIND), opened_hdf5(path) as file:
        return _candidates(file)


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an HDF5 file; see `deepsxt_core.io.open_volume`."""
    with blaming_file(path, KIND), opened_hdf5(path) as file:
        entries = _candidates(file)
        if not entries:
            _refuse_more_axes(path, file)
            _refuse_links(path, file)
            raise NotATomogramError(
                f"'{path.name}' holds no array of numbers with two or three axes. "
                "Check that it is the file with the reconstruction."
            )
        known = [name for name in _WELL_KNOWN if name in {entry[0] for entry in entries}]
        wanted = known[0] if dataset is None and known else dataset
        name = choose_dataset(path, entries, wanted)
        array = dataset_inside(file, name)
        _refuse_projections(path, array)
        shape, dtype = as_shape(array.shape), array.dtype.newbyteorder("=")
        check_values(path, shape, dtype)
        _check_chunks(path, array)
        settled, doubts = settle_voxel_size(_edges_nm(array), voxel_size_nm, shape[0])
        origin_nm = as_origin(np.ravel(array.attrs.get("origin_um", (0.0, 0.0, 0.0))).tolist(), 1e3)
    reader = partial(_read, path, name, shape, dtype)
    return Volume(shape, dtype, settled, reader, path, KIND, name, doubts, origin_nm)


def _candidates(file: h5py.File) -> list[Entry]:
    entries: list[Entry] = []

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and node.ndim in (2, 3) and node.dtype.kind in "biufc":
            entries.append((name, node.shape, node.dtype))

    # Visits hard links alone: a link into another file is never followed.
    file.visititems(visit)
    return entries


def _refuse_more_axes(path: Path, file: h5py.File) -> None:
    """Raise `NotATomogramError` that names the colours, channels or times of a larger array."""

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and node.ndim > 3 and node.dtype.kind in "biufc":
            stack_shape(path, node.shape)
            raise NotATomogramError(
                f"The dataset '{name}' of '{path.name}' has {node.ndim} axes (shape {node.shape}); "
                "a tomogram has three. Save the part that you need as a dataset of its own."
            )

    file.visititems(visit)


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


def _refuse_bombs(path: Path, array: h5py.Dataset, z0: int, z1: int) -> None:
    """Raise if a chunk that is about to be read grows beyond all reason."""
    if array.chunks is None or array.compression is None:
        return
    n_bytes = int(np.prod(array.chunks, dtype=object)) * array.dtype.itemsize
    spans = [(0, n) for n in array.shape]
    if array.ndim == 3:
        spans[0] = (z0, z1)
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


def _edges_nm(array: h5py.Dataset) -> tuple[float | None, float | None, float | None]:
    """Return the voxel edges of ``element_size_um`` (z, y, x), as Fiji's HDF5 plugin writes it."""
    edges = np.ravel(array.attrs.get("element_size_um", ()))
    if edges.size != 3 or edges.dtype.kind not in "iuf":
        return None, None, None
    z, y, x = (as_length(float(edge), 1e3) for edge in edges)
    return z, y, x


def _read(
    path: Path, name: str, shape: tuple[int, int, int], dtype: np.dtype, z0: int, z1: int
) -> NDArray:
    with blaming_file(path, KIND), opened_hdf5(path) as file:
        # Checked again: another file may lie under this name by now.
        array = dataset_inside(file, name)
        if (as_shape(array.shape), array.dtype.newbyteorder("=")) != (shape, dtype):
            raise UnreadableFileError(
                f"'{path.name}' has changed since it was opened. Open it again."
            )
        _check_chunks(path, array)
        _refuse_bombs(path, array, z0, z1)
        slab = array[z0:z1] if array.ndim == 3 else array[()]
        return slab.reshape(z1 - z0, *shape[1:]).astype(dtype, copy=False)
