"""Which files of a folder are images, and which are their labels."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from deepsxt_core.errors import TrainingDataError, VolumeError
from deepsxt_core.io.links import refuse_link_out
from deepsxt_core.training import annotated, published_sets

LABEL_MARKS = (".labels", ".truth")
_SUFFIXES = frozenset(
    (".tif", ".tiff", ".mrc", ".rec", ".st", ".map", ".ali", ".h5", ".hdf5", ".hdf", ".nxs")
) | {".txm", ".xrm", ".am", ".nii", ".nrrd", ".npy", ".em", published_sets.SUFFIX}
_PROBLEMS_TOLD = 3

Pair = tuple[Path, Path | None]


def files_fingerprint(pairs: Sequence[Pair]) -> str:
    """Return a hash that changes when a file is added, taken away or replaced.

    Nothing is opened for it.
    """
    digest = hashlib.sha256()
    for path in (path for pair in pairs for path in pair if path is not None):
        stat = annotated.changing_file(path).stat()
        digest.update(repr((path.name, stat.st_size, stat.st_mtime_ns)).encode())
    return digest.hexdigest()


def find_pairs(folder: str | Path, places: Sequence[Path] = ()) -> list[Pair]:
    """Return the images of a folder, each with its labels or None, sorted by name.

    A published data set stands for all its images and their labels.

    Parameters
    ----------
    folder : str or Path
    places : sequence of Path
        The folders that links may lead into; without any, they may lead anywhere.

    Raises
    ------
    TrainingDataError
        If there is no such folder, a link leads out, labels lack their image, an image has several
        labels or several images share a name that has labels.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TrainingDataError(
            f"There is no folder '{folder}'. Give one that holds NAME.tif and NAME.labels.tif."
        )
    images: dict[str, list[Path]] = defaultdict(list)
    labels: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if annotated.is_annotated(path):
            refuse_data_link(path, places)
            labels[path.stem].append(path)
            continue
        if path.suffix.lower() not in _SUFFIXES or path.name.startswith(".") or path.is_dir():
            continue
        refuse_data_link(path, places)
        mark = next((mark for mark in LABEL_MARKS if path.stem.lower().endswith(mark)), None)
        if mark:
            labels[path.stem[: -len(mark)]].append(path)
        else:
            images[path.stem].append(path)
    problems = []
    for name, found in labels.items():
        if name not in images:
            problems.append(f"'{found[0].name}' has no image '{name}.tif' beside it")
        elif len(images[name]) > 1 or len(found) > 1:
            files = ", ".join(path.name for path in images[name] + found)
            problems.append(f"it is unclear which of {files} belong together")
    refuse_problems(
        problems, f"The folder '{folder.name}' cannot be used", "Rename or remove these files"
    )
    return sorted(
        (image, labels[name][0] if name in labels else None)
        for name, found in images.items()
        for image in found
    )


def refuse_data_link(path: Path, places: Sequence[Path]) -> None:
    """Raise a `TrainingDataError` if a link leads out of `places`, where there are some."""
    try:
        if places:
            refuse_link_out(path, places)
    except VolumeError as error:
        raise TrainingDataError(str(error)) from error


def refuse_problems(problems: Sequence[str], what: str, remedy: str) -> None:
    """Raise a `TrainingDataError` that names the first of the problems, if there are any."""
    if not problems:
        return
    told = "; ".join(problems[:_PROBLEMS_TOLD])
    more = len(problems) - _PROBLEMS_TOLD
    if more > 0:
        told += f"; and {more} more"
    raise TrainingDataError(f"{what}: {told}. {remedy}.")
