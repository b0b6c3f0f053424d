"""BigDataViewer's HDF5 files: images by time, setup and level, and an XML file beside.

Format: https://imagej.net/plugins/bdv. Its XML is read without any of what XML can refer to.
"""

import re
from pathlib import Path

import h5py
import numpy as np

from deepsxt_core.io.readers.calibration import nm_per_unit
from deepsxt_core.io.readers.named_sizes import Told
from deepsxt_core.io.readers.parts import Layout

_TABLE = re.compile(r"s\d+/(resolutions|subdivisions)")
_IMAGE = re.compile(r"/?t(\d+)/s(\d+)/(\d+)/cells")
_LARGEST_XML = 1 << 24
_SETUP = re.compile(r"<ViewSetup>(.*?)</ViewSetup>", re.DOTALL)
_SIZE = re.compile(r"<voxelSize>\s*<unit>([^<]*)</unit>\s*<size>\s*([^<]*?)\s*</size>", re.DOTALL)


def is_table(name: str) -> bool:
    """Return whether a dataset tells how images are stored."""
    return _TABLE.fullmatch(name) is not None


def only_image(names: list[str]) -> str | None:
    """Return the full resolution of the image in a file that holds one; None for all others."""
    full = [name for name in names if (found := _IMAGE.fullmatch(name)) and int(found[3]) == 0]
    return full[0] if len(full) == 1 else None


def true_type(name: str, dtype: np.dtype) -> np.dtype:
    """Return what the values are: Java has no unsigned numbers, and stores them as signed ones."""
    return np.dtype(np.uint16) if _IMAGE.fullmatch(name) and dtype == np.int16 else dtype


def told_about(path: Path, array: h5py.Dataset) -> Told | None:
    """Return the size of the voxels, by the XML file and the level; None for other files."""
    found = _IMAGE.fullmatch(array.name)
    if found is None or array.ndim != 3:
        return None
    _, setup, level = found.groups()
    z, y, x = (int(n) for n in array.shape)
    layout = Layout("zyx", (z, y, x))
    sizes, words = _voxel_size_nm(path, int(setup))
    if sizes is None:
        return Told(layout, {}, {}, warnings=words)
    table = array.file.get(f"s{setup}/resolutions")
    factors = np.ones(3)
    if isinstance(table, h5py.Dataset) and table.ndim == 2 and table.shape[1] == 3:
        rows = np.asarray(table[: int(level) + 1], float)
        if len(rows) > int(level) and np.isfinite(rows[int(level)]).all():
            factors = rows[int(level)]
    edges = dict(zip("xyz", map(float, sizes * factors), strict=True))
    # Of a coarser level the first voxel is the mean of several.
    origin = dict(zip("xyz", map(float, sizes * (factors - 1) / 2), strict=True))
    return Told(layout, edges, origin, warnings=words)


def _voxel_size_nm(path: Path, setup: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return (x, y, z) in nm, and a word if it is not known, or there is more than is used."""
    beside = path.with_suffix(".xml")
    if not beside.is_file() or beside.is_symlink() or beside.stat().st_size > _LARGEST_XML:
        return None, (
            f"This is a file of BigDataViewer; the size of its voxels is in '{beside.name}', which "
            "is not beside it. Put it there, or enter the voxel size in nm.",
        )
    text = beside.read_text(encoding="utf-8", errors="replace")
    setups = _SETUP.findall(text)
    own = [part for part in setups if re.search(rf"<id>\s*{setup}\s*</id>", part)]
    told = _SIZE.search(own[0]) if own else None
    numbers = re.findall(r"[-+.\deE]+", told[2]) if told else []
    unit = nm_per_unit(told[1]) if told else None
    if unit is None or len(numbers) != 3:
        said = f" of {told[2]} '{told[1]}'" if told else ""
        return None, (
            f"'{beside.name}' gives a voxel{said} that is no size with a unit of length; it is not "
            "used. Enter the voxel size in nm.",
        )
    try:
        sizes = np.array([float(n) for n in numbers]) * unit
    except ValueError:
        return None, (f"'{beside.name}' gives a voxel of {told[2] if told else ''}, no numbers.",)
    words: tuple[str, ...] = ()
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        return None, (f"'{beside.name}' gives a voxel of {told[2] if told else ''}, no size.",)
    if re.search(r"<affine>", text):
        words = (
            f"'{beside.name}' also places the image in space (transformations), which is not used.",
        )
    return sizes, words
