"""Weight files, which may come from anywhere: opened, measured, and blamed for what goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from deepsxt_core.errors import DeepSXTError, ModelError, UnreadableFileError
from deepsxt_core.io.hdf5_guard import declared_bytes, opened_hdf5

# As many values as the largest network, in a Keras model with what its optimizer keeps.
_MOST_VALUE_BYTES = 4 << 30
_LONGEST_REASON = 300


@contextmanager
def opened_weights(path: Path) -> Iterator[h5py.File]:
    """Open a weight file that refers to no other file and holds no more than a network could need.

    Raises
    ------
    OSError
        If it is no HDF5 file, or a damaged one.
    ModelError
        If it refers to other files, or claims to hold more than 4 GB.
    """
    try:
        with opened_hdf5(path, whole=True) as file:
            n_bytes = declared_bytes(file)
            if n_bytes > _MOST_VALUE_BYTES:
                raise ModelError(
                    f"{path.name} claims to hold {n_bytes / 1e9:.1f} GB of weights; at most "
                    f"{_MOST_VALUE_BYTES / 1e9:.1f} GB can be loaded."
                )
            yield file
    except UnreadableFileError as error:
        raise ModelError(str(error)) from error


@contextmanager
def blaming(failure: type[ModelError], problem: str) -> Iterator[None]:
    """Turn whatever a library raises on a bad file into an error of one line: `problem` and why.

    Libraries raise nearly any exception on damaged input; keep the block narrow.
    """
    try:
        yield
    except (DeepSXTError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON].rstrip(".")
        raise failure(f"{problem}: {reason or type(error).__name__}.") from error
