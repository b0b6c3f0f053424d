"""An annotation as it was at one time, for work that takes longer than the next edit."""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deepsxt_core.annotation.creation import LABELS, OBJECTS, read_description
from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.annotation.store import LabelStore
from deepsxt_core.annotation.version import version_of
from deepsxt_core.errors import AnnotationError
from deepsxt_core.files import partial_folder, read_json, write_json
from deepsxt_core.volume import Volume

_VERSION = "version.json"


@dataclass(frozen=True, slots=True)
class Frozen:
    """Labels and table that nobody edits; `judged` takes them as it takes an annotation.

    Attributes
    ----------
    labels : Volume
        The ids, uint16 (z, y, x).
    objects : ObjectTable
    entries : int
        Of the journal at that time.
    """

    labels: Volume
    objects: ObjectTable
    entries: int

    @classmethod
    def open(cls, annotation: Path, folder: Path) -> Self:
        """Open what `freeze` wrote into `folder` of the annotation in another one.

        Raises
        ------
        AnnotationError
            If it is not there.
        """
        description = read_description(annotation)
        table, version = read_json(folder / OBJECTS), read_json(folder / _VERSION)
        if table is None or version is None:
            raise AnnotationError(f"'{folder}' holds no frozen annotation.")
        labels = LabelStore(folder / LABELS, description.shape).volume(description.geometry)
        return cls(labels, ObjectTable.from_json(table), int(version["entries"]))


def freeze(annotation: Path, folder: Path) -> Path:
    """Keep the version of an annotation in `folder`, and return where; the caller holds its lock.

    The cubes get a second name where the file system can do that, since an edit replaces them
    and never writes into them; elsewhere they are copied.
    """
    version = version_of(annotation)
    place = folder / version.digest
    if place.is_dir():
        return place
    folder.mkdir(exist_ok=True)
    partial = partial_folder(place, secrets.token_hex(4))
    try:
        shutil.copytree(annotation / LABELS, partial / LABELS, copy_function=_second_name)
        shutil.copy2(annotation / OBJECTS, partial / OBJECTS)
        write_json(partial / _VERSION, {"entries": version.entries})
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place


def _second_name(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
