"""The labels on disk: an OME-Zarr 0.5 image, uint16, cut into cubes, never whole in memory.

Specification: https://ngff.openmicroscopy.org/0.5/. The cubes are read and written here and not
through zarr, so that each is on the disk under a hidden name before it replaces the old one.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs import zstd
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.cubes import RECENT, Cube, compact
from deepsxt_core.annotation.durable import replace_file, sync_folders
from deepsxt_core.annotation.id_index import Cell, IdIndex
from deepsxt_core.annotation.runs import Runs, spread
from deepsxt_core.errors import AnnotationError
from deepsxt_core.geometry import Geometry, Shape
from deepsxt_core.volume import Volume

CHUNK_EDGE = 64

_LEVEL = "0"
_PACKING_LEVEL = 1
_DTYPE = np.dtype("<u2")
_WRITERS = 8


def create_labels(path: Path, shape: Shape, geometry: Geometry) -> "LabelStore":
    """Make an image without labels."""
    group = zarr.open_group(path, mode="w-", zarr_format=3)
    group.attrs.update(_metadata(geometry))
    group.create_array(
        _LEVEL,
        shape=shape,
        dtype="uint16",
        chunks=(CHUNK_EDGE,) * 3,
        compressors=ZstdCodec(level=_PACKING_LEVEL),
        dimension_names=("z", "y", "x"),
    )
    store = LabelStore(path, shape)
    store._known = IdIndex()
    return store


class LabelStore:
    """Reads boxes of labels, and changes runs of them.

    Parameters
    ----------
    path : Path
        The folder that `create_labels` made.
    shape : (z, y, x)
    """

    def __init__(self, path: Path, shape: Shape) -> None:
        self.path = path
        self.shape = shape
        self.edges: Shape = (CHUNK_EDGE,) * 3
        self._cells = path / _LEVEL / "c"
        self._known: IdIndex | None = None
        self._unsynced: set[Path] = set()
        self._lock = threading.RLock()

    def volume(self, geometry: Geometry) -> Volume:
        """Return the labels as a lazy volume."""

        def read(z0: int, z1: int) -> NDArray[np.uint16]:
            return self.read(Box(z0, 0, 0, z1, *self.shape[1:]))

        labels = Volume(self.shape, np.dtype(np.uint16), None, read, self.path, "annotation")
        return labels.with_geometry(geometry)

    def read(self, box: Box) -> NDArray[np.uint16]:
        """Return the labels of a box as a new array (z, y, x), 0 beyond the volume."""
        found = np.zeros(box.shape, np.uint16)
        for part in box.meet(Box.whole(self.shape)).tiles(self.edges):
            cell = self._cell_of(part)
            cube = self._read_cell(cell)
            if cube is not None:
                found[part.within(box)] = cube[part.within(self._box_of(cell))]
        return found

    def boxes_of(self, ids: Iterable[int]) -> list[Box]:
        """Return the cubes that hold any of the ids, in the order z, y, x."""
        with self._lock:
            index = self._index()
            cells = set().union(*(index.cells.get(number, ()) for number in ids))
        whole = Box.whole(self.shape)
        return [self._box_of(cell).meet(whole) for cell in sorted(cells)]

    def change(self, runs: Runs, *, checked: bool = False) -> set[Cell]:
        """Give the voxels of all runs their new ids, and return the cubes that hold them.

        Parameters
        ----------
        runs : Runs
        checked : bool
            Whether every voxel must have the old id of its run.

        Raises
        ------
        AnnotationError
            If a voxel has another id, or a run leaves the volume.
        """

        def change_cell(cell: Cell, start: NDArray, length: NDArray, *ids: NDArray) -> None:
            old, new = (np.repeat(ids_of_runs, length) for ids_of_runs in ids)
            cube = self._read_cell(cell)
            values = np.zeros(CHUNK_EDGE**3, np.uint16)
            if cube is not None:
                values[:] = cube.ravel()
            voxels = spread(start, length)
            if checked and not np.array_equal(values[voxels], old):
                raise AnnotationError(
                    f"The labels of '{self.path.parent.name}' do not fit the journal: they are "
                    "not those that it was written for."
                )
            if not np.array_equal(values[voxels], new):
                values[voxels] = new
                self._write_cell(cell, values.reshape(self.edges))
                return
            with self._lock:
                if self._known is not None:
                    # Another process wrote it.
                    self._known.note(cell, values)

        cells = list(self._by_cell(runs))
        _at_once([partial(change_cell, *cell) for cell in cells])
        return {cell for cell, *_ in cells}

    def write(self, box: Box, labels: NDArray[np.uint16]) -> None:
        """Replace the labels of a box that starts on a cube's first voxel and ends on one."""

        def write_part(part: Box) -> None:
            cell = self._cell_of(part)
            chunk = np.zeros(self.edges, np.uint16)
            chunk[part.within(self._box_of(cell))] = labels[part.within(box)]
            self._write_cell(cell, chunk)

        _at_once([partial(write_part, part) for part in box.tiles(self.edges)])

    def sync(self) -> None:
        """Wait until all that was changed is on the disk itself."""
        with self._lock:
            folders, self._unsynced = self._unsynced, set()
        sync_folders(sorted(folders))

    def save_index(self, path: Path, entries: int) -> None:
        """Keep what is known of which ids are where, as of so many entries of the journal."""
        with self._lock:
            if self._known is not None:
                replace_file(path, self._known.packed(entries))

    def load_index(self, path: Path, entries: int) -> None:
        """Take what `save_index` kept, if it is of as many entries."""
        self._known = IdIndex.read(path, entries)

    def clean(self) -> None:
        """Delete what a process that died was about to write."""
        for leftover in self._cells.glob("*/*/.*"):
            leftover.unlink(missing_ok=True)

    def _by_cell(self, runs: Runs) -> Iterator[tuple[Cell, NDArray, NDArray, NDArray, NDArray]]:
        """Yield the cube, and of its pieces of runs the place in it, length, old and new ids."""
        z, y, x = runs.places(self.shape)
        end = x + runs.length
        if len(runs) and (z.min() < 0 or z.max() >= self.shape[0] or end.max() > self.shape[2]):
            raise AnnotationError("The journal holds a run that leaves the volume.")
        # A run is cut where it goes from one cube into the next.
        count = (end - 1) // CHUNK_EDGE - x // CHUNK_EDGE + 1
        run = np.repeat(np.arange(len(runs)), count)
        cell_x = spread(x // CHUNK_EDGE, count)
        first = np.maximum(x[run], cell_x * CHUNK_EDGE)
        length = np.minimum(end[run], (cell_x + 1) * CHUNK_EDGE) - first
        z, y = z[run], y[run]
        grid = [-(-n // CHUNK_EDGE) for n in self.shape]
        key = (z // CHUNK_EDGE * grid[1] + y // CHUNK_EDGE) * grid[2] + cell_x
        place = (z % CHUNK_EDGE * CHUNK_EDGE + y % CHUNK_EDGE) * CHUNK_EDGE + first % CHUNK_EDGE
        order = np.argsort(key, kind="stable")
        borders = np.flatnonzero(np.diff(key[order])) + 1
        for group in np.split(order, borders):
            if len(group):
                rest, cx = divmod(int(key[group[0]]), grid[2])
                cell = (*divmod(rest, grid[1]), cx)
                of = run[group]
                yield cell, place[group], length[group], runs.old[of], runs.new[of]

    def _cell_of(self, part: Box) -> Cell:
        z, y, x = (first // CHUNK_EDGE for first in part.first)
        return z, y, x

    def _box_of(self, cell: Cell) -> Box:
        z, y, x = (index * CHUNK_EDGE for index in cell)
        return Box(z, y, x, z + CHUNK_EDGE, y + CHUNK_EDGE, x + CHUNK_EDGE)

    def _file_of(self, cell: Cell) -> Path:
        return self._cells / str(cell[0]) / str(cell[1]) / str(cell[2])

    def _read_cell(self, cell: Cell) -> Cube | None:
        """Return a cube, None where it holds no label."""
        path = self._file_of(cell)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        # Another process may have replaced it.
        version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        known = RECENT.get(path, version)
        if known is not None:
            return known
        try:
            content = zstd.decompress(path.read_bytes())
            cube = compact(np.frombuffer(content, _DTYPE).reshape(self.edges))
        except FileNotFoundError:
            return None
        except (RuntimeError, ValueError) as error:
            raise AnnotationError(f"The labels in '{path}' are damaged: {error}.") from None
        RECENT.put(path, version, cube)
        return cube

    def _write_cell(self, cell: Cell, chunk: NDArray[np.uint16]) -> None:
        path = self._file_of(cell)
        empty = not chunk.any()
        if empty:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, zstd.compress(chunk.astype(_DTYPE, copy=False), _PACKING_LEVEL))
        RECENT.drop(path)
        with self._lock:
            self._unsynced |= {parent for parent in path.parents if self.path in parent.parents}
            if self._known is not None:
                self._known.note(cell, chunk)

    def _index(self) -> IdIndex:
        """Return which ids are where, found once by reading all cubes."""
        if self._known is None:
            index = IdIndex()
            for path in self._cells.glob("*/*/[0-9]*"):
                z, y, x = map(int, path.relative_to(self._cells).parts)
                cube = self._read_cell((z, y, x))
                if cube is not None:
                    index.note((z, y, x), cube)
            self._known = index
        return self._known


def _at_once(tasks: Sequence[Callable[[], None]]) -> None:
    """Do several things at the same time: most of it is waiting for the disk."""
    if len(tasks) == 1:
        tasks[0]()
        return
    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def _metadata(geometry: Geometry) -> dict[str, Any]:
    size = geometry.voxel_size_nm
    axes: list[dict[str, str]] = [{"name": name, "type": "space"} for name in "zyx"]
    if size is not None:
        axes = [{**axis, "unit": "nanometer"} for axis in axes]
    place = geometry.origin_nm if size else geometry.first_voxel
    transformations = [
        {"type": "scale", "scale": list(size or (1.0, 1.0, 1.0))},
        {"type": "translation", "translation": list(place)},
    ]
    level = {"path": _LEVEL, "coordinateTransformations": transformations}
    image = {"name": "labels", "axes": axes, "datasets": [level]}
    return {"ome": {"version": "0.5", "multiscales": [image], "image-label": {}}}
