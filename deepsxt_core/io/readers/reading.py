"""What all readers share: plain reads, and errors that name the file."""

import contextlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError, UnreadableFileError

# What is raised where a checksum, a length or a stream is broken.
_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_BROKEN_WORDS = ("truncated", "crc check", "bad crc", "checksum", "incorrect data check")


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
            f"Cannot read '{path.name}' as {kind}: {reason}. {_advice(error, reason)}"
        ) from error


def _advice(error: Exception, reason: str) -> str:
    """Return what to do; a file is called damaged only where that is proven."""
    if isinstance(error, PermissionError):
        return "You have no right to read it: ask its owner, or copy it to where you may."
    if isinstance(error, MemoryError):
        return "It needs more memory than there is: cut or bin it first."
    if isinstance(error, _BROKEN) or any(word in reason.lower() for word in _BROKEN_WORDS):
        return "The file is damaged: copy it again, or export it once more from its program."
    if isinstance(error, OSError) and error.errno is not None:
        return "The disk or the network did not give it: try again, or copy it to another disk."
    return (
        "What is in it is not as the format has it. Export it once more from its program, or save "
        "it in another format."
    )


def file_beside(path: Path, name: str, suffix: str) -> Path:
    """Return the file in the same folder in which a header says that its values are.

    Parameters
    ----------
    path : Path
        The header.
    name : str
        Of the other file, as the header has it.
    suffix : str
        Of headers without values. Any other file may be one that somebody was sent, and that makes
        the program read what lies beside it: it is refused.

    Raises
    ------
    UnreadableFileError
        If the name leads elsewhere, or there is no such file.
    """
    if path.suffix.lower() != suffix:
        raise UnreadableFileError(
            f"'{path.name}' says that its values are in another file, '{name}', which is opened "
            f"only for headers called {suffix}. Rename it, or save it as a single file."
        )
    name = name.strip().removeprefix("./")
    if not name or name in (".", "..") or any(mark in name for mark in "/\\:\0"):
        raise UnreadableFileError(
            f"'{path.name}' says that its values are in another file, '{name}', elsewhere, which "
            "is not opened. Put both into one folder and write its plain name into the header."
        )
    beside = path.with_name(name)
    if beside.is_symlink() or not beside.is_file():
        raise UnreadableFileError(
            f"'{path.name}' is only a header; its values are in another file, '{name}', which is "
            "not beside it. Put both into one folder, or save it as a single file."
        )
    return beside


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
