"""An annotation that the workspace keeps, and its versions that jobs work on."""

import os
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from deepsxt_core.annotation import Annotation, judged, open_annotation
from deepsxt_core.annotation.frozen import Frozen
from deepsxt_core.annotation.version import Version, version_of
from deepsxt_core.errors import AnnotationError, DeepSXTError
from deepsxt_core.geometry import Region
from deepsxt_core.parameters import checked
from deepsxt_core.volume import Labels, Score, Volume
from deepsxt_core.workspace.results import is_id
from deepsxt_core.workspace.tomogram import Tomogram

_FROZEN = ".frozen"
_KEPT_FROZEN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationVersion:
    """An annotation as it was when something was asked for, for a job.

    Attributes
    ----------
    id : str
        Of the annotation.
    digest : str
        Of its version: the edits that were in force.
    """

    id: str
    digest: str

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True)
class KeptAnnotation:
    """An annotation that the workspace keeps beside its tomogram.

    Attributes
    ----------
    id : str
        Unguessable and fit for a URL.
    name : str
        For people, as they gave it.
    tomogram : Tomogram
    folder : Path
        What `open_annotation` opens.
    score : str or None
        Id of the score that it was made from; it limits painting by score.
    region : Region
        The part of the tomogram whose voxels it labels: the whole, unless it was made from a
        score of a binned tomogram.
    created : datetime
        In UTC.
    """

    id: str
    name: str
    tomogram: Tomogram
    folder: Path
    score: str | None
    region: Region
    created: datetime

    def volume(self) -> Volume:
        """Open the tomogram at the voxels of the annotation, with today's geometry.

        Raises
        ------
        DeepSXTError
            If the tomogram's file is gone.
        """
        return self.tomogram.volume(self.region)

    def open(self, *, owner: str | None = None) -> Annotation:
        """Open it to watch or edit, as `open_annotation` does.

        Raises
        ------
        DeepSXTError
            If it is damaged, or the tomogram's file is gone.
        """
        return open_annotation(
            self.folder, owner=owner, tomogram=self.volume(), score=self._score()
        )

    def version(self) -> Version:
        """Return which edits are in force; cheap, and without opening it.

        Raises
        ------
        AnnotationError
            If its journal is damaged.
        """
        return version_of(self.folder)

    def pinned(self) -> AnnotationVersion:
        """Keep the present version for a job, whatever is edited meanwhile, and return which it is.

        Raises
        ------
        DeepSXTError
            If the annotation is damaged, or a long operation is at work.
        """
        frozen = self.folder / _FROZEN
        place = self.open().freeze(frozen)
        os.utime(place)
        newest_first = sorted(frozen.iterdir(), key=lambda kept: kept.stat().st_mtime, reverse=True)
        for old in newest_first[_KEPT_FROZEN:]:
            shutil.rmtree(old, ignore_errors=True)
        return AnnotationVersion(id=self.id, digest=place.name)

    def labels(self, version: AnnotationVersion | None = None) -> Labels:
        """Return the objects that have a class, with the geometry that the tomogram has today.

        Parameters
        ----------
        version : AnnotationVersion, optional
            One that was pinned; by default that of now.

        Raises
        ------
        DeepSXTError
            If the version is not kept any more, or the tomogram's file is gone.
        """
        found = judged(self.open() if version is None else self.frozen(version))
        return replace(found, volume=found.volume.with_geometry(self.volume().geometry))

    def place_of(self, version: AnnotationVersion) -> Path:
        """Return where a version that was pinned lies, with what was made of it."""
        return self.folder / _FROZEN / version.digest

    def frozen(self, version: AnnotationVersion) -> Frozen:
        """Open a version that was pinned.

        Raises
        ------
        AnnotationError
            If it is not kept any more.
        """
        place = self.place_of(version)
        if not is_id(version.digest) or not place.is_dir():
            raise AnnotationError(
                f"'{self.name}' has been edited many times since this was asked for. Start the "
                "step again."
            )
        return Frozen.open(self.folder, place)

    def record(self, version: AnnotationVersion) -> dict[str, Any]:
        """Return what the record of a result says about a version: it may be gone one day.

        Raises
        ------
        AnnotationError
            If it is not kept any more.
        """
        return {
            "name": self.name,
            "entries": self.frozen(version).entries,
            "region": {"crop": self.region.crop, "bin": self.region.bin},
        }

    def _score(self) -> Score | None:
        if self.score is None:
            return None
        try:
            return self.tomogram.todays_score(self.score)
        except DeepSXTError:
            return None  # Removed since: painting knows no score then.
