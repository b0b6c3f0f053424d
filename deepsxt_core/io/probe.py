"""A first look at a file that nobody has a reason to trust, in a process of its own.

::

    python -m deepsxt_core.io.probe FILE MEMORY_BYTES SECONDS [DATASET]

opens the file as the app would, reads some slices and prints one JSON object.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io import list_datasets, open_volume
from deepsxt_core.io.limited import ProcessLimits, answer, run_limited

COMMAND = (sys.executable, "-P", "-m", "deepsxt_core.io.probe")
"""The command of the process; file, limits and dataset are its arguments."""

_SLICES = 3


def probe(path: Path, dataset: str | None = None, limits: ProcessLimits | None = None) -> None:
    """Open a file in a process of its own and read some slices; return if all went well.

    Parameters
    ----------
    path : Path
        A file or a folder.
    dataset : str, optional
        Name inside the file, where it holds several.
    limits : ProcessLimits, optional

    Raises
    ------
    VolumeError
        As `open_volume` raises it; or `UnreadableFileError` if the process crashed or went beyond
        its limits.
    """
    arguments = () if dataset is None else (dataset,)
    run_limited(COMMAND, path, arguments, limits or ProcessLimits(), UnreadableFileError)


def _look(path: Path, dataset: str | None) -> dict[str, Any]:
    """Do with a file what the app does when it is opened; return what was found."""
    list_datasets(path)
    volume = open_volume(path, dataset=dataset)
    for z in sorted({round(z) for z in np.linspace(0, volume.shape[0] - 1, _SLICES)}):
        volume.read(z, z + 1)
    return {"shape": volume.shape, "dtype": str(volume.dtype)}


def main(arguments: list[str]) -> int:
    """Look at the file that the arguments name; return the exit code."""
    name, memory_bytes, seconds, *rest = arguments
    work = partial(_look, Path(name), rest[0] if rest else None)
    return answer(work, int(memory_bytes), int(seconds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
