"""Files that must stay where they are: no link that leads out of the allowed folders is followed.

Somebody who may write into a folder can put a link there, or exchange a file for one after it was
opened. So the true place is looked up again each time the file is read.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.registry import open_volume
from deepsxt_core.volume import Volume


def refuse_link_out(path: Path, places: Sequence[Path]) -> None:
    """Raise if a file or folder truly lies elsewhere than in one of `places`.

    Parameters
    ----------
    path : Path
    places : sequence of Path
        Folders, or the one file that is allowed itself; without links on their own way.

    Raises
    ------
    UnreadableFileError
    """
    try:
        true_path = path.resolve()
    except (OSError, RuntimeError) as error:
        raise UnreadableFileError(f"'{path.name}' is a link that leads nowhere.") from error
    if not any(true_path.is_relative_to(place) for place in places):
        raise UnreadableFileError(
            f"'{path.name}' is a link that leads out of its folder, and is not followed. Put the "
            "file itself there, or choose it where it truly lies."
        )


def open_in_place(
    path: Path,
    places: Sequence[Path],
    *,
    dataset: str | None = None,
    voxel_size_nm: tuple[float, float, float] | None = None,
) -> Volume:
    """Open a file as `open_volume` does; now and at every read it must lie in one of `places`.

    Raises
    ------
    UnreadableFileError
        If it is a link that leads out; reading the volume raises it likewise.
    VolumeError
        As `open_volume` raises it.
    """
    refuse_link_out(path, places)
    volume = open_volume(path, dataset=dataset, voxel_size_nm=voxel_size_nm)
    return kept_in_place(volume, path, places)


def kept_in_place(volume: Volume, path: Path, places: Sequence[Path]) -> Volume:
    """Return the volume with a look at the true place of its file before every read."""

    def read(z0: int, z1: int) -> NDArray:
        refuse_link_out(path, places)
        return volume.reader(z0, z1)

    return replace(volume, reader=read)
