"""Tomograms, scores, annotations and surfaces as layers of napari, where they lie in nm.

A layer is a tuple of data, what napari is told about it, and its kind. All axes are z, y, x; the
centre of the first voxel lies at the origin of its file, so that what belongs together lies
together. Where the voxel size is not known, lengths are voxels.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import is_annotation, open_annotation
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.io import is_score, looks_like_labels, open_score, open_volume
from deepsxt_core.volume import Score, Volume

Layer = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | Sequence[str]], list[Layer]]

_MESHES = (".stl", ".ply", ".obj", ".vtp", ".vtk")
_UNIT = re.compile(rb"DeepSXT surface, unit: (\w+)")
_NM = {"micrometre": 1000.0, "nanometre": 1.0, "angstrom": 0.1}
_HEAD_BYTES = 4096


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads a file or folder; None if it is not for us.

    Of several paths at once each becomes layers of its own.
    """
    paths = [path] if isinstance(path, str) else list(path)
    if not paths or not all(_is_ours(Path(each)) for each in paths):
        return None
    return read


def _is_ours(path: Path) -> bool:
    if path.suffix.lower() in _MESHES:
        return path.is_file()
    if is_score(path) or is_annotation(path):
        return True
    try:
        open_volume(path)
    except DeepSXTError:
        return False
    return True


def read(path: str | Sequence[str]) -> list[Layer]:
    """Return the layers of files or folders that `get_reader` has accepted.

    Raises
    ------
    DeepSXTError
        If one is damaged.
    """
    paths = [path] if isinstance(path, str) else list(path)
    return [layer for each in paths for layer in _layers(Path(each))]


def _layers(path: Path) -> list[Layer]:
    if path.suffix.lower() in _MESHES:
        return [_surface(path)]
    if is_annotation(path):
        return [_annotation(path)]
    if is_score(path):
        return [_score(path)]
    volume = open_volume(path)
    if looks_like_labels(volume):
        return [(_array(volume), _placed(volume, path.name), "labels")]
    middle = volume.shape[0] // 2
    low, high = np.nanpercentile(volume.read(middle, middle + 1).astype(np.float32), [0.5, 99.5])
    told = _placed(volume, path.name) | {"colormap": "gray"}
    if low < high:
        told["contrast_limits"] = (float(low), float(high))
    return [(_array(volume), told, "image")]


def _score(path: Path) -> Layer:
    placed = open_score(path).placed
    decoded = _array(placed).map_blocks(Score.decode, dtype=np.float32)
    told = _placed(placed, path.name.removesuffix(".ome.zarr"))
    told |= {"contrast_limits": (-1.0, 1.0), "colormap": "inferno", "blending": "additive"}
    return decoded, told, "image"


def _annotation(path: Path) -> Layer:
    with open_annotation(path) as opened:
        rows = dict(opened.objects)
        told = _placed(opened.labels, path.stem)
        told["features"] = {
            "index": list(rows),
            "name": [row.name for row in rows.values()],
            "class": [row.class_name for row in rows.values()],
        }
        # Copied: the annotation may be edited while napari shows it.
        labels = np.concatenate([opened.labels.read(z0, z1) for z0, z1 in opened.labels.slabs(16)])
    return labels, told, "labels"


def _surface(path: Path) -> Layer:
    """Return the triangles of a mesh file; of one that does not tell its unit, as if in µm."""
    import pyvista

    with path.open("rb") as file:
        found = _UNIT.search(file.read(_HEAD_BYTES))
    unit = found[1].decode() if found else "micrometre"
    mesh = pyvista.read(path).extract_surface(algorithm=None).triangulate()
    points = np.asarray(mesh.points, np.float32)[:, ::-1] * np.float32(_NM.get(unit, 1.0))
    triangles = mesh.regular_faces
    told: dict[str, Any] = {"name": path.stem}
    if unit in _NM:
        told["units"] = ("nm",) * 3
    return (points, triangles), told, "surface"


def _array(volume: Volume) -> Any:
    """Return a volume as an array that is read slice by slice, by dask, which napari brings."""
    import dask.array

    def plane(block_info: dict) -> NDArray:
        first, end = block_info[None]["array-location"][0]
        return volume.read(first, end)

    depth, height, width = volume.shape
    return dask.array.map_blocks(
        plane,
        chunks=((1,) * depth, (height,), (width,)),
        dtype=volume.dtype,
        meta=np.empty((0, 0, 0), volume.dtype),
    )


def _placed(volume: Volume, name: str) -> dict[str, Any]:
    size = volume.voxel_size_nm
    told: dict[str, Any] = {"name": name, "metadata": {"path": str(volume.path or "")}}
    if size is None:
        return told | {"translate": volume.first_voxel}
    return told | {
        "scale": tuple(size),
        "translate": tuple(volume.origin_nm),
        "units": ("nm",) * 3,
    }
