"""Which of the arrays in a file is meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from deepsxt_core.errors import DatasetChoiceError, NotATomogramError, UnreadableFileError

# A slice is what has to fit into memory, several times over.
_LARGEST_SLICE_BYTES = 1 << 28
_MOST_NAMED = 24

Entry: TypeAlias = tuple[str, tuple[int, ...], np.dtype]


def choose_dataset(path: Path, entries: Sequence[Entry], wanted: str | None) -> str:
    """Return the name of the entry to open: the wanted one, the only one, or the only stack.

    Raises
    ------
    DatasetChoiceError
        If `wanted` is not among the entries, or several could be meant.
    """
    names = tuple(name for name, _, _ in entries)
    if wanted is not None:
        name = wanted.strip("/")
        if name in names:
            return name
        problem = f"'{path.name}' has no dataset '{wanted}'."
    else:
        stacks = [name for name, shape, _ in entries if len(shape) == 3 and shape[0] > 1]
        for group in (names, stacks):
            if len(group) == 1:
                return group[0]
        problem = f"'{path.name}' holds {len(entries)} datasets that could be the tomogram."
    listing = "; ".join(f"{name} {shape} {dtype}" for name, shape, dtype in entries[:_MOST_NAMED])
    if len(entries) > _MOST_NAMED:
        listing += f" and {len(entries) - _MOST_NAMED} more"
    raise DatasetChoiceError(f"{problem} Choose one of: {listing}.", names)


def check_values(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise if an array cannot be a tomogram by its type or its size."""
    if dtype.kind == "c":
        raise NotATomogramError(
            f"'{path.name}' holds complex numbers ({dtype}), such as a Fourier transform or a "
            "complex wave, not a tomogram. Export its magnitude or its phase."
        )
    if dtype.kind not in "biuf":
        raise NotATomogramError(
            f"'{path.name}' holds values of type {dtype}, not numbers. Choose another dataset."
        )
    if min(shape) < 1:
        raise UnreadableFileError(f"'{path.name}' holds no voxels: its shape is {shape}.")
    slice_bytes = shape[-1] * shape[-2] * dtype.itemsize
    if slice_bytes > _LARGEST_SLICE_BYTES:
        raise UnreadableFileError(
            f"'{path.name}' claims slices of {shape[-2]} x {shape[-1]} pixels, "
            f"{slice_bytes / 1e9:.1f} GB each; at most {_LARGEST_SLICE_BYTES / 1e9:.1f} GB can be "
            "shown. If that is true, cut or bin it first; otherwise the file is damaged."
        )
    if len(shape) == 3 and shape[-1] in (3, 4) and dtype == np.uint8 and min(shape[:2]) > 16:
        raise NotATomogramError(
            f"'{path.name}' holds {shape[-1]} colours (shape {shape}), not a tomogram. "
            "Convert it to grey values."
        )
