"""Write every format into a folder, one by one; tell as JSON what came of each.

Run by a test as a process of its own, as native writers may end theirs on a full disk::

    python -m tests.full_disk SURFACES FOLDER

Nothing looks beforehand whether there is room, as that may change while a file is written. What is
"written" has to be whole, which is checked by reading it again.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from deepsxt_core import files
from deepsxt_core.errors import WriteError
from deepsxt_core.export.mesh_files import count_triangles
from deepsxt_core.export.meshes import MESH_FORMATS, write_mesh
from deepsxt_core.files import delete_folder, write_json
from deepsxt_core.io import open_volume, write_volume
from deepsxt_core.io.writers.registry import WRITERS
from deepsxt_core.surface import Surfaces
from deepsxt_core.surface.measure.quantities import write_columns
from deepsxt_core.surface.view import write_views
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace.downloads import write_objects

ROWS = 40_000


def writers(surfaces: Surfaces, folder: Path) -> Iterator[tuple[str, Callable, Callable]]:
    """Yield a name, what writes the file or folder `name`, and what reads it again."""
    for suffix in MESH_FORMATS:
        path = folder / f"mesh{suffix}"
        yield path.name, partial(write_mesh, surfaces, path), partial(count_triangles, path)
    saved = folder / "saved"
    yield "saved", partial(surfaces.save, saved), partial(Surfaces.load, saved)
    yield "view-full.bin", partial(write_views, surfaces, folder), int
    values = np.random.default_rng(0).integers(0, 60_000, (8, 256, 256), np.uint16)
    volume = Volume.from_array(values, VoxelSize.isotropic(10))
    for suffix in WRITERS:
        path = folder / f"volume{suffix}"

        def read(path: Path = path) -> None:
            np.testing.assert_array_equal(open_volume(path).read(0, 8), values)

        yield path.name, partial(write_volume, volume, path), read
    columns = {"object": list(range(ROWS)), "volume": list(np.random.default_rng(0).random(ROWS))}
    for suffix in (".csv", ".parquet"):
        path = folder / f"table{suffix}"
        yield path.name, partial(write_columns, columns, path), path.read_bytes
    rows = [replace(surfaces.objects[0], id=n) for n in range(ROWS // 8)]
    yield "objects.csv", partial(write_objects, surfaces.unit, rows, folder / "objects.csv"), int
    yield "a.json", partial(write_json, folder / "a.json", columns), int


def main(surfaces: str, target: str) -> None:
    """Write all, and tell for each what came of it and what was left behind."""
    folder, told = Path(target), {}
    files.require_room = lambda *_: None
    for name, write, read in writers(Surfaces.load(Path(surfaces)), folder):
        try:
            write()
            read()
            came = "written"
        except WriteError as error:
            came = str(error)
        left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        left.remove("filled")
        told[name] = [came, left]
        for path in folder.iterdir():
            if path.is_dir():
                delete_folder(path)
            elif path.name != "filled":
                path.unlink()
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
