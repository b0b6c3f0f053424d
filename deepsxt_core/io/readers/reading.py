"""What all readers share: plain reads, and errors that name the file."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError, UnreadableFileError


@contextlib.contextmanager
def blaming_file(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a parser raises on a bad file into an `UnreadableFileError`.

    Parsers of third parties raise nearly any exception on damaged input; keep the block narrow.
    """
    try:
        yield
    except DeepSXTError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise UnreadableFileError(
            f"Cannot read '{path.name}' as {kind}: {reason}. "
            "The file may be damaged: copy it again, or export it once more from its program."
        ) from error


def truncated(path: Path, kind: str, expected: int) -> UnreadableFileError:
    """Return the error for a file with fewer bytes than the `expected` ones."""
    return UnreadableFileError(
        f"'{path.name}' is truncated: as {kind} it should have at least {expected} bytes, but has "
        f"{path.stat().st_size}. The copy or the export was interrupted: copy it again."
    )


def check_holds(path: Path, kind: str, expected: int) -> None:
    """Raise `UnreadableFileError` if the file has fewer than `expected` bytes."""
    if path.stat().st_size < expected:
        raise truncated(path, kind, expected)


def read_contiguous(
    path: Path, dtype: np.dtype, offset: int, slice_shape: tuple[int, int], z0: int, z1: int
) -> NDArray:
    """Read slices `z0` to `z1` of an uncompressed array that starts at byte `offset`.

    A plain read, and no memory map: a file that shrinks meanwhile raises instead of
    killing the process, and no handle stays open.

    Returns
    -------
    numpy.ndarray
        (z1 - z0, y, x) in the machine's byte order.

    Raises
    ------
    UnreadableFileError
        If the file ends before the last of these slices, or cannot be opened.
    """
    pixels = slice_shape[0] * slice_shape[1]
    first = offset + z0 * pixels * dtype.itemsize
    with blaming_file(path, "an uncompressed stack"):
        check_holds(path, "an uncompressed stack", offset + z1 * pixels * dtype.itemsize)
        values = np.fromfile(path, dtype, (z1 - z0) * pixels, offset=first)
        slab = values.reshape(z1 - z0, *slice_shape)
        return slab.astype(dtype.newbyteorder("="), copy=False)
