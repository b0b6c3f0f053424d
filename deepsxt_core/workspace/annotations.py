"""Annotations of a tomogram, kept beside it.

::

    <tomogram>/annotations/<id>/   the annotation, as `create_annotation` makes it
        workspace.json             its name, the score that it was made from, its region
        .frozen/<digest>/          versions of it that jobs work on

Paths are not taken from the annotation itself, so that a workspace may be moved as a whole.
"""

import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deepsxt_core import access
from deepsxt_core.annotation import SourceParams, create_annotation, is_annotation
from deepsxt_core.annotation.lease import holder_of
from deepsxt_core.errors import AnnotationError, DeepSXTError, LeaseError
from deepsxt_core.files import delete_folder, partial_folder, read_json, shown_name, write_json
from deepsxt_core.geometry import Region
from deepsxt_core.io.links import open_in_place
from deepsxt_core.progress import Progress
from deepsxt_core.room import require_quota
from deepsxt_core.training.annotated import training_labels
from deepsxt_core.training.kept_sets import KeptSet, add_labelled
from deepsxt_core.training.label_values import DEFAULT_IGNORE_LABEL
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workspace.data_roots import places_of
from deepsxt_core.workspace.kept_annotation import AnnotationVersion, KeptAnnotation
from deepsxt_core.workspace.maker import note_maker
from deepsxt_core.workspace.results import Result, is_id
from deepsxt_core.workspace.tomogram import Tomogram

__all__ = [
    "AnnotationVersion",
    "KeptAnnotation",
    "add_annotation",
    "annotation",
    "annotations",
    "edits_since",
    "remove_annotation",
    "rename_annotation",
    "require_unedited",
    "train_on",
]

_FOLDER = "annotations"
_NOTE = "workspace.json"
_ID_BYTES = 9


def annotations(tomogram: Tomogram) -> list[KeptAnnotation]:
    """Return the annotations of a tomogram, newest first."""
    folder = tomogram.folder / _FOLDER
    if not folder.is_dir():
        return []
    read = (_read(tomogram, entry) for entry in folder.iterdir() if is_id(entry.name))
    found = [kept for kept in read if kept is not None]
    return sorted(found, key=lambda kept: kept.created, reverse=True)


def annotation(tomogram: Tomogram, annotation_id: str) -> KeptAnnotation:
    """Return the annotation of this id.

    Raises
    ------
    AnnotationError
        If the id is malformed or unknown.
    """
    folder = tomogram.folder / _FOLDER / annotation_id
    kept = _read(tomogram, folder) if is_id(annotation_id) else None
    if kept is None:
        raise AnnotationError(
            f"'{tomogram.name}' has no annotation '{annotation_id[:64]}'. It may have been "
            "removed; choose another one."
        )
    return kept


def add_annotation(
    tomogram: Tomogram,
    name: str,
    *,
    score: str | None = None,
    labels: Path | None = None,
    beside: str | None = None,
    params: SourceParams | None = None,
    progress: Progress | None = None,
) -> KeptAnnotation:
    """Make an annotation of a tomogram: from a score, from a label file, or empty.

    Parameters
    ----------
    tomogram : Tomogram
    name : str
        For people.
    score : str, optional
        Id of the result whose connected parts above ``params.threshold`` become objects.
    labels : Path, optional
        A label file of the tomogram's shape; the tomogram's own file where that holds labels.
    beside : str, optional
        Id of a result that the annotation knows without being made from it: organelles are found
        by it. Not with labels, which are of the whole tomogram.
    params : SourceParams, optional
    progress : Progress, optional

    Raises
    ------
    DeepSXTError
        If the source is gone, does not fit, or holds too many objects.
    """
    access.require_write()
    require_quota()
    region = Region()
    source: Score | Volume | None = None
    known = score or beside
    if score is not None:
        source = tomogram.todays_score(score)
    if known is not None:
        scored = tomogram.result("scores", known).region
        # Of a binned tomogram the voxels are others than those of the file.
        region = scored if scored.bin > 1 else Region()
    if labels is not None:
        own = labels == tomogram.source
        places = (*places_of(labels), tomogram.source.parent, tomogram.folder)
        source = tomogram.volume() if own else open_in_place(labels, places)
    final = tomogram.folder / _FOLDER / secrets.token_hex(_ID_BYTES)
    made = partial_folder(final, "new")
    made.parent.mkdir(exist_ok=True)
    try:
        create_annotation(made, tomogram.volume(region), source, params, progress)
        kept = KeptAnnotation(
            final.name,
            shown_name(name, "Unnamed"),
            tomogram,
            final,
            known,
            region,
            datetime.now(UTC),
        )
        _write(kept, made)
        note_maker(made)
        made.rename(final)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return kept


def rename_annotation(kept: KeptAnnotation, name: str) -> KeptAnnotation:
    """Give an annotation another name, and return its new state."""
    access.require_write()
    renamed = replace(kept, name=shown_name(name, "Unnamed"))
    _write(renamed, renamed.folder)
    return renamed


def remove_annotation(kept: KeptAnnotation) -> None:
    """Delete an annotation and its journal for good; what was made from it stays.

    Raises
    ------
    LeaseError
        If somebody edits it.
    """
    access.require_write()
    require_unedited(kept)
    delete_folder(kept.folder)


def require_unedited(kept: KeptAnnotation) -> None:
    """Do nothing if nobody edits an annotation.

    Raises
    ------
    LeaseError
        If somebody does.
    """
    holder = holder_of(kept.folder)
    if holder is not None and not holder.is_gone(time.time()):
        raise LeaseError(
            f"'{kept.name}' is edited by {holder.owner}. End the editing there, then delete it."
        )


def train_on(kept: KeptAnnotation, name: str, classes: Sequence[str] = ()) -> KeptSet:
    """Put an annotation as it is now, and its tomogram, into a data set to train on.

    Where `classes` are named, the labels count them from 1.

    Raises
    ------
    DeepSXTError
        If the data set has no name, a file cannot be read, or there is no room.
    """
    labels = training_labels(kept.frozen(kept.pinned()), DEFAULT_IGNORE_LABEL, classes)
    stem = f"{Path(kept.tomogram.name).stem} {kept.id[:6]}"
    return add_labelled(name, stem, kept.volume(), labels)


def edits_since(tomogram: Tomogram, result: Result) -> int | None:
    """Return how many edits an annotation has had since a surface was made from it.

    None where it is the same as then, and where the surface was made from something else.

    Raises
    ------
    AnnotationError
        If the annotation is gone or damaged.
    """
    then = result.identity.get("annotation")
    if then is None:
        return None
    now = annotation(tomogram, then["id"]).version()
    if now.digest == then["digest"]:
        return None
    return max(1, now.entries - result.run.get("annotation", {}).get("entries", now.entries))


def annotation_of(tomogram: Tomogram, surface: Result) -> KeptAnnotation | None:
    """Return the annotation that a surface was made from, if there was one and it is there."""
    made_from = surface.identity.get("annotation")
    if made_from is None:
        return None
    return next((kept for kept in annotations(tomogram) if kept.id == made_from["id"]), None)


def _write(kept: KeptAnnotation, folder: Path) -> None:
    content = {
        "name": kept.name,
        "score": kept.score,
        "region": {"crop": kept.region.crop, "bin": kept.region.bin},
        "created": kept.created.isoformat(),
    }
    write_json(folder / _NOTE, content)


def _read(tomogram: Tomogram, folder: Path) -> KeptAnnotation | None:
    content = read_json(folder / _NOTE)
    if content is None or not is_annotation(folder):
        return None
    try:
        return KeptAnnotation(
            folder.name,
            str(content["name"]),
            tomogram,
            folder,
            content["score"],
            Region.parse(**content["region"]),
            datetime.fromisoformat(content["created"]),
        )
    except (KeyError, TypeError, ValueError, DeepSXTError):
        return None
