"""A PNG, JPEG or BMP picture as one slice: grey values, or labels with a colour each."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsxt_core.errors import NotATomogramError
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.volume import Volume, VoxelSize

KIND = "picture"
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
_NAMES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP"}
# What Pillow calls the kinds of pixels, and how they are read here.
_TYPES = {"1": "u1", "L": "u1", "LA": "u1", "P": "u1", "I;16": "u2", "I;16B": "u2", "I": "i4"}
_COLOURS = ("RGB", "RGBA")


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of a PNG, JPEG or BMP picture."""
    return head.startswith(tuple(_NAMES))


def list_datasets(path: Path) -> list[Entry]:
    """Return the one picture of the file as (name, shape, dtype)."""
    _, shape, dtype = _look(path)
    return [("data", shape, dtype)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a picture; see `deepsxt_core.io.open_volume`. What it says about inches is left."""
    name, shape, dtype = _look(path)
    choose_dataset(path, [("data", shape, dtype)], dataset)
    words = (
        ("JPEG changes grey values where it saves space; use the original if there is one.",)
        if name == "JPEG"
        else ()
    )
    reader = partial(_read, path, shape, dtype)
    return Volume((1, *shape), dtype, voxel_size_nm, reader, path, f"{name} {KIND}", warnings=words)


def _look(path: Path) -> tuple[str, tuple[int, int], np.dtype]:
    """Return which picture it is, its rows and columns, and the type of its values."""
    with path.open("rb") as file:
        head = file.read(8)
    name = next((name for mark, name in _NAMES.items() if head.startswith(mark)), KIND)
    with blaming_file(path, f"a {name} picture"), Image.open(path, formats=[name]) as image:
        if image.mode not in _TYPES and image.mode not in _COLOURS:
            raise NotATomogramError(
                f"'{path.name}' is a {name} picture with pixels of the kind {image.mode}, no grey "
                "values. Convert it to grey values."
            )
        shape, dtype = (image.height, image.width), np.dtype(_TYPES.get(image.mode, "u1"))
    check_values(path, shape, dtype)
    return name, shape, dtype


def _read(path: Path, shape: tuple[int, int], dtype: np.dtype, _z0: int, _z1: int) -> NDArray:
    with blaming_file(path, "a picture"), Image.open(path, formats=list(_NAMES.values())) as image:
        if (image.height, image.width) != shape:
            raise NotATomogramError(
                f"'{path.name}' has changed since it was opened. Open it again."
            )
        values = np.asarray(image)
    if values.ndim == 3:
        colours = values[..., : min(3, values.shape[-1] - (values.shape[-1] in (2, 4)))]
        if (colours != colours[..., :1]).any():
            raise NotATomogramError(
                f"'{path.name}' holds colours, not grey values. Convert it to grey values; labels "
                "in colours can be opened as a TIFF stack."
            )
        values = colours[..., 0]
    return np.array(values, dtype)[np.newaxis]
