"""A public data set brought into a folder of NAME and NAME.labels.tif: fetched, checked, noted."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsxt_core import settings
from deepsxt_core.errors import TrainingDataError
from deepsxt_core.files import keep_apart, prepare_folder
from deepsxt_core.fingerprints import file_sha256
from deepsxt_core.io import open_volume, write_tiff
from deepsxt_core.io.downloading import TIMEOUT_S, download, reason
from deepsxt_core.io.probe import probe
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.training import published_sets
from deepsxt_core.training.datasets import TrainingSet, open_training_set
from deepsxt_core.training.outlines import outlined
from deepsxt_core.training.public_sets import (
    Pairing,
    PublicSet,
    find_members,
    pair,
    require_room,
)
from deepsxt_core.training.reading import DataParams

NOTE_NAME = "SOURCE.md"
"""What tells of a folder where its data came from, and what was checked."""

_RECORDS = "https://zenodo.org/api/records"
_MOST_RECORD_BYTES = 1 << 23


@dataclass(frozen=True, slots=True)
class Origin:
    """A file that was downloaded or handed in.

    Attributes
    ----------
    path : Path
    checked : str
        In words, by what it was checked.
    """

    path: Path
    checked: str


def fetch(
    wanted: PublicSet,
    out: Path,
    sources: Sequence[Path] = (),
    outline_px: float | None = 4.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make a folder that `deepsxt finetune` reads of a public data set.

    The folder appears complete or, on an error, not at all. Returns what `TrainingSet.counts` tells
    of it.

    Parameters
    ----------
    wanted : PublicSet
    out : Path
        Must not exist, or be empty.
    sources : sequence of Path
        Its files where they are here already: zip archives, folders or single files. Without any
        they are downloaded, if their address is known.
    outline_px : float or None
        How wide membranes are drawn, in pixels, where the labels are bodies. None leaves these as
        they are, to learn them as classes.
    progress : Progress, optional

    Raises
    ------
    TrainingDataError
        If it cannot be downloaded, a checksum differs, files or labels are not as they are known,
        or the folder is not empty.
    VolumeError
        If a file is damaged.
    NoRoomError
        If the disk has no room.
    CancelledError
        If the user stops.
    """
    progress = progress or NoProgress()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TrainingDataError(f"'{out}' exists and is not empty. Choose another folder.")
    origins = [Origin(path, "no published checksum here to compare with") for path in sources]
    origins = origins or download_set(wanted, progress)
    keep_apart([origin.path for origin in origins], [out])
    pairs = pair(find_members([origin.path for origin in origins], wanted), wanted)
    prepare_folder(out.parent)
    require_room([file for one in pairs for file in (one.image, one.labels) if file], out.parent)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as place:
        folder = Path(place) / "data"
        folder.mkdir()
        progress.stage("Unpacking", len(pairs), "image")
        for one in pairs:
            _take_in(one, wanted, folder, Path(place), outline_px)
            progress.advance()
        reading = DataParams(classes=wanted.classes if outline_px is None else None)
        found = open_training_set(folder, reading, progress)
        (folder / NOTE_NAME).write_text(_note(wanted, origins, found, outline_px), encoding="utf-8")
        if out.exists():
            out.rmdir()
        folder.rename(out)
    if not sources:
        for origin in origins:
            origin.path.unlink()
    return found.counts()


def _take_in(
    one: Pairing, wanted: PublicSet, folder: Path, place: Path, outline_px: float | None
) -> None:
    """Unpack an image with its labels, after a look at both by a process with limits."""
    suffix = Path(one.image.name).suffix.lower()
    image = folder / f"{one.name}{suffix}"
    one.image.copy(image)
    if suffix == published_sets.SUFFIX:
        return
    probe(image)
    if one.labels is None:
        return
    label_suffix = Path(one.labels.name).suffix.lower()
    target = folder / f"{one.name}.labels{label_suffix}"
    if not wanted.class_values or outline_px is None:
        one.labels.copy(target)
        probe(target)
        return
    classes = place / f"{one.name}.classes{label_suffix}"
    one.labels.copy(classes)
    probe(classes)
    volume = open_volume(classes)
    if volume.shape != open_volume(image).shape:
        raise TrainingDataError(
            f"'{one.labels.name}' has {_size(volume.shape)} voxels, but '{one.image.name}' has "
            f"{_size(open_volume(image).shape)}."
        )
    drawn = outlined(volume, wanted.class_values, wanted.not_judged, outline_px)
    write_tiff(drawn, target.with_suffix(".tif"))
    classes.unlink()


def _size(shape: tuple[int, int, int]) -> str:
    return " × ".join(map(str, shape))


def download_set(wanted: PublicSet, progress: Progress, records: str | None = None) -> list[Origin]:
    """Download the files of a data set, each checked by the size and the hash of its record.

    They are kept in the workspace until the folder is made, so that a fault does not cost them.

    Raises
    ------
    TrainingDataError
        If no address is known, the record lacks a file, or a file cannot be had or differs.
    CancelledError
        If the user stops.
    """
    if wanted.zenodo is None:
        raise TrainingDataError(
            f"The address of the files of {wanted.name!r} is not known, only their page: fetch "
            f"them by hand from https://doi.org/{wanted.doi} and give them with --source."
        )
    records = records or _RECORDS
    folder = settings.workspace_folder() / "downloads" / wanted.name
    found = []
    try:
        listed = _record(f"{records}/{wanted.zenodo}")
        for name in wanted.files:
            if name not in listed:
                raise _failed(wanted, f"its record has no file '{name}'")
            n_bytes, checksum = listed[name]
            address = f"{records}/{wanted.zenodo}/files/{name}/content"
            path = download(address, folder, name, checksum, progress)
            if path.stat().st_size != n_bytes:
                raise _failed(wanted, f"'{name}' has not the {n_bytes:,} bytes of the record")
            found.append(Origin(path, f"{n_bytes:,} bytes, {checksum}, as the record says"))
    except ValueError as error:
        raise _failed(wanted, f"a file differs from its record ({error})") from error
    except OSError as error:
        raise _failed(wanted, reason(error)) from error
    return found


def _record(address: str) -> dict[str, tuple[int, str]]:
    """Return size and checksum of the files of a record, by name."""
    import requests

    with requests.get(address, timeout=TIMEOUT_S, stream=True) as answer:
        answer.raise_for_status()
        text = answer.raw.read(_MOST_RECORD_BYTES, decode_content=True)
    try:
        files: list[dict[str, Any]] = json.loads(text)["files"]
        return {str(f["key"]): (int(f["size"]), str(f["checksum"])) for f in files}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the record is not as it is known: {error!r}") from error


def _failed(wanted: PublicSet, why: str) -> TrainingDataError:
    return TrainingDataError(
        f"Cannot fetch {wanted.name!r}: {why}. You can fetch {' and '.join(wanted.files)} by hand "
        f"from https://doi.org/{wanted.doi} and give them with --source."
    )


def _note(
    wanted: PublicSet, origins: Sequence[Origin], found: TrainingSet, outline_px: float | None
) -> str:
    """Return where the data came from and what was checked, as Markdown."""
    counts = found.counts()
    lines = [
        f"# {wanted.title}",
        "",
        f"https://doi.org/{wanted.doi}, licence: {wanted.licence}. Cite it where you use it.",
        "",
        f"{counts['files']} images, {counts['labelled_slices']} labelled slices.",
        "",
    ]
    if wanted.class_values and outline_px is None:
        lines += [f"Labels as they were: --classes {wanted.classes}", ""]
    elif wanted.class_values:
        lines += [
            f"Membranes are drawn here, {outline_px:g} pixels wide, where classes "
            f"({', '.join(map(str, wanted.class_values))}) meet in a slice; within class "
            f"{wanted.not_judged}, where nobody has marked the other membranes, nothing is judged.",
            "",
        ]
    for origin in origins:
        told = f"SHA-256 `{file_sha256(origin.path)}`" if origin.path.is_file() else "a folder"
        lines.append(f"- `{origin.path.name}`: {told}; {origin.checked}")
    return "\n".join([*lines, ""])
