"""Velox's EMD files (Thermo Fisher): images (row, column, frame) with their metadata as JSON."""

import json
import re
from typing import Any

import h5py
import numpy as np

from deepsxt_core.io.hdf5_guard import dataset_inside
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit
from deepsxt_core.io.readers.named_sizes import Told
from deepsxt_core.io.readers.parts import Layout

_IMAGE = re.compile(r"/Data/Image/[0-9a-fA-F]+/Data")
_METADATA = re.compile(r"/?Data/Image/[0-9a-fA-F]+/Metadata")
_LARGEST_METADATA = 1 << 24


def is_metadata(name: str) -> bool:
    """Return whether a dataset is the text that describes an image."""
    return _METADATA.fullmatch(name) is not None


def layout_of(array: h5py.Dataset) -> Layout | None:
    """Return the axes of an image of Velox; None for all else."""
    if array.ndim != 3 or not _IMAGE.fullmatch(array.name):
        return None
    return Layout("yxt", tuple(int(n) for n in array.shape))


def told_about(array: h5py.Dataset) -> Told | None:
    """Return what the metadata say about the size of the pixels; None for other files."""
    layout = layout_of(array)
    if layout is None:
        return None
    edges: dict[str, float] = {}
    result = _metadata(array).get("BinaryResult")
    if isinstance(result, dict) and isinstance(result.get("PixelSize"), dict):
        for letter, side in (("x", "width"), ("y", "height")):
            unit = result.get(f"PixelUnit{letter.upper()}", "m")
            edge = as_length(result["PixelSize"].get(side), nm_per_unit(unit))
            if edge is not None:
                edges[letter] = edge
    words = () if edges else ("The file tells no pixel size in its metadata.",)
    return Told(layout, edges, {}, warnings=words)


def _metadata(array: h5py.Dataset) -> dict[str, Any]:
    name = f"{array.parent.name}/Metadata"
    try:
        node = dataset_inside(array.file, name)
        if node.ndim != 2 or node.size > _LARGEST_METADATA or node.dtype != np.uint8:
            return {}
        text = np.asarray(node[:, 0]).tobytes().rstrip(b"\0")
        found = json.loads(text)
    except (KeyError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
