"""Imaris' files (.ims): images by level, time and channel, filled up to whole blocks.

Format: https://imaris.oxinst.com/support/imaris-file-format. Text is kept one letter after another.
"""

import re

import h5py
import numpy as np

from deepsxt_core.geometry import Shape
from deepsxt_core.io.readers.calibration import nm_per_unit
from deepsxt_core.io.readers.named_sizes import Told
from deepsxt_core.io.readers.parts import Layout

_IMAGE = re.compile(r"/?DataSet/ResolutionLevel (\d+)/TimePoint \d+/Channel \d+/Data")
_LONGEST_TEXT = 64


def only_image(names: list[str]) -> str | None:
    """Return the full resolution of the image in a file that holds one; None for all others."""
    full = [name for name in names if (found := _IMAGE.fullmatch(name)) and found[1] == "0"]
    return full[0] if len(full) == 1 else None


def true_shape(array: h5py.Dataset) -> Shape | None:
    """Return how much (z, y, x) of an image is no filling; None for other files."""
    if _IMAGE.fullmatch(array.name) is None or array.ndim != 3:
        return None
    told = [_number(array.parent, f"ImageSize{axis}") for axis in "ZYX"]
    z, y, x = (
        int(n) if n is not None and 1 <= n <= size else size
        for n, size in zip(told, array.shape, strict=True)
    )
    return z, y, x


def told_about(array: h5py.Dataset) -> Told | None:
    """Return size and place of the voxels; None for other files."""
    shape = true_shape(array)
    if shape is None:
        return None
    z, y, x = (int(n) for n in array.shape)
    layout = Layout("zyx", (z, y, x))
    image = array.file.get("DataSetInfo/Image")
    if not isinstance(image, h5py.Group):
        return Told(layout, {}, {})
    unit = nm_per_unit(_text(image, "Unit"))
    ends = [[_number(image, f"Ext{end}{axis}") for axis in range(3)] for end in ("Min", "Max")]
    low, high = (np.array(each, float) for each in ends)
    edges = (high - low) / shape[::-1]
    if unit is None or not (np.isfinite(edges).all() and (edges > 0).all()):
        words = (
            f"The file gives the ends of the image as {ends[0]} and {ends[1]} in "
            f"'{_text(image, 'Unit')}', which is no size; they are not used. Enter the voxel size "
            "in nm.",
        )
        return Told(layout, {}, {}, warnings=words)
    return Told(
        layout,
        dict(zip("xyz", map(float, edges * unit), strict=True)),
        dict(zip("xyz", map(float, (low + edges / 2) * unit), strict=True)),
    )


def _text(group: h5py.Group, name: str) -> str:
    value = group.attrs.get(name)
    letters = np.ravel(value)[:_LONGEST_TEXT] if value is not None else ()
    return "".join(
        each.decode("latin-1") if isinstance(each, bytes) else str(each) for each in letters
    )


def _number(group: h5py.Group, name: str) -> float | None:
    try:
        return float(_text(group, name))
    except ValueError:
        return None
