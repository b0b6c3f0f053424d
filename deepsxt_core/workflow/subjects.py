"""The tomograms of a batch: files with a folder each, or tomograms of the workspace."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from deepsxt_core.annotation import is_annotation, judged, open_annotation
from deepsxt_core.annotation.version import version_of
from deepsxt_core.errors import AnnotationError, DeepSXTError, InvalidParameterError
from deepsxt_core.export.meshes import write_mesh
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.files import read_json, write_json
from deepsxt_core.fingerprints import remembered_sha256
from deepsxt_core.geometry import Region, Shape
from deepsxt_core.io import SCORE_NAME, open_score, open_volume
from deepsxt_core.preprocessing import cut
from deepsxt_core.surface import Surfaces
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.volume import Labels, Score, Volume
from deepsxt_core.workflow.producing import Place, take_over
from deepsxt_core.workflow.steps import Source
from deepsxt_core.workspace import Identity, Tomogram, Workspace, downloads
from deepsxt_core.workspace.annotations import AnnotationVersion, annotations
from deepsxt_core.workspace.glance import find_facts

_HASH_NAME = "input.json"
_EXPORTS_NAME = "exports.json"
_SURFACE = "surface"


class Subject(Protocol):
    """A tomogram in a batch, and where the results of its steps and its files go."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def lock(self) -> Path:
        """A file that who works on it may lock."""

    @property
    def workspace(self) -> Path | None:
        """The folder that remembers how long the steps take, if there is one."""

    def open(self) -> tuple[Source, Path, Mapping[str, Any]]:
        """Return the tomogram, its file, and what the user settled of `SegmentParams` for it.

        Raises
        ------
        DeepSXTError
            If it is gone.
        """

    def shape(self) -> Shape | None:
        """Return (z, y, x) of the tomogram, None if it cannot be opened."""

    def annotated(self) -> "Annotated":
        """Return its annotation, as it is now.

        Raises
        ------
        DeepSXTError
            If it has none.
        """

    def score_place(self, identity: Identity, producer: str) -> Place:
        """Return where a score goes."""

    def surface_place(self, identity: Identity, producer: str) -> Place:
        """Return where surfaces go."""

    def segmented(self, place: Place) -> Score:
        """Open a finished score with the geometry of today."""

    def export_mask(self, place: Place, score: Score, suffix: str, threshold: float) -> None:
        """Write where a score lies above the threshold, unless that file is there."""

    def export_surface(self, place: Place, formats: Sequence[str]) -> None:
        """Write the mesh files and the table of a surface, unless they are there."""

    def shown_folder(self, place: Place) -> Path:
        """Return the folder that people are told of."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """An annotation that surfaces are made of.

    Attributes
    ----------
    labels : Labels
    version : AnnotationVersion
    record : dict
        What the record of the surfaces says about it.
    """

    labels: Labels
    version: AnnotationVersion
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileSubject:
    """A file whose results go into a folder of its own.

    Attributes
    ----------
    file : Path
        Or a folder, such as an OME-Zarr.
    folder : Path
        Gets the score with its ``run.json``, the files, and the surfaces in ``surface``.
    """

    file: Path
    folder: Path

    @property
    def name(self) -> str:
        """For people."""
        return self.file.name

    @property
    def lock(self) -> Path:
        """Beside the folder, which may be deleted."""
        return self.folder.with_name(f".{self.folder.name}.lock")

    @property
    def workspace(self) -> None:
        """Files know of none."""
        return None

    @property
    def dataset(self) -> None:
        """The only one that the file holds."""
        return None

    def open(self) -> tuple[Source, Path, Mapping[str, Any]]:
        """Return the tomogram and its file; nothing was settled."""
        if not self.file.exists():
            raise InvalidParameterError(f"There is no file '{self.file}'.")
        return self, self.file, {}

    def shape(self) -> Shape | None:
        """Return (z, y, x) of the tomogram, None if it cannot be opened."""
        with suppress(DeepSXTError):
            return self.volume().shape
        return None

    def input_sha256(self) -> str:
        """Return the hash of the file, kept in the folder."""
        if is_annotation(self.file):
            return version_of(self.file).digest
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return remembered_sha256(self.file, self.folder / _HASH_NAME)
        except OSError as error:
            raise DeepSXTError(f"Cannot read '{self.file}' ({error.strerror}).") from error

    def volume(self, region: Region | None = None) -> Volume:
        """Open the voxels, or a region of them."""
        return cut(open_volume(self.file), region or Region())

    def annotated(self) -> Annotated:
        """Return the annotation that the file is."""
        if not is_annotation(self.file):
            raise InvalidParameterError(
                f"'{self.file}' is no annotation, which the recipe takes: "
                'source = "annotation". Give the folders of annotations.'
            )
        opened, now = open_annotation(self.file), version_of(self.file)
        version = AnnotationVersion(id=self.file.name, digest=now.digest)
        return Annotated(judged(opened), version, {"name": self.name, "entries": now.entries})

    def score_place(self, identity: Identity, _producer: str) -> Place:
        """Return the folder itself."""
        return Place.in_folder(self.folder, identity)

    def surface_place(self, identity: Identity, _producer: str) -> Place:
        """Return a folder in it."""
        return Place.in_folder(self.folder / _SURFACE, identity)

    def segmented(self, place: Place) -> Score:
        """Open the score."""
        return open_score(place.final / SCORE_NAME)

    def export_mask(self, place: Place, score: Score, suffix: str, threshold: float) -> None:
        """Write ``mask.<suffix>``."""
        made_of = [place.result_id, threshold]
        self._export(f"mask.{suffix}", made_of, lambda path: write_mask(score, threshold, path))

    def export_surface(self, place: Place, formats: Sequence[str]) -> None:
        """Write ``surface.<format>`` each, and the table of objects."""
        made_of, surfaces = [place.result_id], cache(lambda: Surfaces.load(place.final))
        for name in formats:
            self._export(f"surface.{name}", made_of, lambda path: write_mesh(surfaces(), path))
        self._export(
            downloads.OBJECTS_FILE,
            made_of,
            lambda path: downloads.write_objects(*load_table(place.final), path),
        )

    def shown_folder(self, _place: Place) -> Path:
        """Return the folder, with whatever is in it."""
        return self.folder

    def _export(self, name: str, made_of: list, write: Callable[[Path], object]) -> None:
        """Write a file, unless it is there and made of the same."""
        record, path = self.folder / _EXPORTS_NAME, self.folder / name
        known = read_json(record) or {}
        if known.get(name) == made_of and path.is_file():
            return
        write(path)
        write_json(record, known | {name: made_of})


@dataclass(frozen=True, slots=True)
class TomogramSubject:
    """A tomogram of the workspace, whose results are found on the pages.

    Attributes
    ----------
    workspace : Path
    tomogram_id : str
    """

    workspace: Path
    tomogram_id: str

    @property
    def name(self) -> str:
        """For people; the id where it is gone."""
        try:
            return self._tomogram().name
        except DeepSXTError:
            return self.tomogram_id

    @property
    def lock(self) -> Path:
        """In its folder."""
        return self.workspace / "tomograms" / self.tomogram_id / ".batch.lock"

    def open(self) -> tuple[Source, Path, Mapping[str, Any]]:
        """Return the tomogram, its file, its polarity and which of its voxels count."""
        tomogram = self._tomogram()
        settled = {name: getattr(tomogram, name) for name in ("invert", "void", "void_value")}
        return tomogram, tomogram.source, settled

    def shape(self) -> Shape | None:
        """Return (z, y, x) of the tomogram, None if it cannot be opened."""
        with suppress(DeepSXTError):
            return find_facts(self._tomogram()).shape
        return None

    def annotated(self) -> Annotated:
        """Return the newest annotation, in the version of now."""
        tomogram = self._tomogram()
        known = annotations(tomogram)
        if not known:
            raise AnnotationError(f"'{tomogram.name}' has no annotation. Make one on Review.")
        version = known[0].pinned()
        return Annotated(known[0].labels(version), version, known[0].record(version))

    def score_place(self, identity: Identity, producer: str) -> Place:
        """Return the folder of the result; what others left unfinished of it is continued."""
        place = Place.of_result(self._tomogram(), "scores", identity, producer)
        if not place.is_complete:
            # Nobody else works on it: a batch holds the device.
            take_over(place.final, producer)
        return place

    def surface_place(self, identity: Identity, producer: str) -> Place:
        """Return the folder of the result."""
        return Place.of_result(self._tomogram(), "surfaces", identity, producer)

    def segmented(self, place: Place) -> Score:
        """Open the score with the voxel size of today."""
        return self._tomogram().todays_score(place.result_id)

    def export_mask(self, place: Place, _score: Score, suffix: str, threshold: float) -> None:
        """Write the mask where the page looks for it."""
        tomogram = self._tomogram()
        result = tomogram.result("scores", place.result_id)
        downloads.score_file(tomogram, result, f"mask.{suffix}", threshold)

    def export_surface(self, place: Place, formats: Sequence[str]) -> None:
        """Write the meshes where the page looks for them."""
        result = self._tomogram().result("surfaces", place.result_id)
        for name in formats:
            downloads.surface_file(result, f"surface.{name}")

    def shown_folder(self, place: Place) -> Path:
        """Return the folder of the result."""
        return place.final

    def _tomogram(self) -> Tomogram:
        return Workspace(self.workspace).tomogram(self.tomogram_id)
