"""The folder on disk that holds the tomograms and all that is made from them.

::

    <workspace>/
      tomograms/<id>/
        tomogram.json               name, source, dataset, voxel size, polarity, crop, creation
        input.json                  hash of the source, valid while sizes and times stay the same
        source/<file>               only for uploads and the sample; other files stay where they are
        display/<version>.ome.zarr  see `deepsxt_core.workspace.display`
        results/scores/<id>/        a finished result; run.json inside
        results/surfaces/<id>/      see `deepsxt_core.workspace.results`
        results/…/<id>/
      uploads/                      see `deepsxt_core.workspace.uploads`
      jobs/                         see `deepsxt_core.jobs`

Names that begin with a dot are work in progress or on its way out, and invisible. A result is
made in such a hidden folder (`partial_folder`), one per producer, and renamed when it is complete
(`publish`): readers never see half of it, and two producers of one result cannot disturb each
other; the first to finish is kept. JSON files are written beside and renamed likewise.
"""

import math
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack, get_args

from deepsxt_core import settings
from deepsxt_core.errors import DatasetChoiceError, DeepSXTError, InvalidParameterError
from deepsxt_core.files import (
    content_stamp,
    delete_folder,
    partial_folder,
    publish,
    read_json,
    remembered_sha256,
    write_json,
)
from deepsxt_core.geometry import Region
from deepsxt_core.io import SCORE_NAME, mask_of, open_score, write_tiff
from deepsxt_core.io.links import open_in_place, refuse_link_out
from deepsxt_core.io.probe import probe
from deepsxt_core.preprocessing import cut
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize
from deepsxt_core.workspace.data_roots import places_of
from deepsxt_core.workspace.records import problem
from deepsxt_core.workspace.results import (
    RUN_NAME,
    Identity,
    Result,
    ResultKind,
    is_id,
    read_result,
    recipe_hash,
)

SAMPLE_SEED = 1
"""The seed of the simulated sample."""

_ID_BYTES = 9
_HASH_NAME = "input.json"


class TomogramChanges(TypedDict, total=False):
    """What `Tomogram.update` can change; a key that is absent stays as it is."""

    name: str
    dataset: str | None
    voxel_size_nm: VoxelSize | None
    invert: bool | None
    region: Region


@dataclass(frozen=True, slots=True)
class Tomogram:
    """A tomogram that the workspace knows.

    Attributes
    ----------
    id : str
        Unguessable and fit for a URL.
    name : str
        For people, as they gave it.
    folder : Path
        Where the workspace keeps what belongs to it.
    source : Path
        The file with the voxels, absolute.
    dataset : str or None
        Its name inside the file, for formats that hold several.
    voxel_size_nm : VoxelSize or None
        Confirmed by the user; None leaves it to the file's header.
    invert : bool or None
        Confirmed by the user; None leaves it to the automatic suggestion.
    created : datetime
        When it was added, in UTC.
    region : Region
        What the user wants to be segmented, and how coarsely; nothing is thrown away.
    """

    id: str
    name: str
    folder: Path
    source: Path
    dataset: str | None
    voxel_size_nm: VoxelSize | None
    invert: bool | None
    created: datetime
    region: Region = field(default_factory=Region)

    def volume(self, region: Region | None = None) -> Volume:
        """Open the voxels, lazily, with the confirmed voxel size if there is one.

        Parameters
        ----------
        region : Region, optional
            Of the tomogram; by default all of it, whatever `region` the user has set.

        Raises
        ------
        VolumeError
            If the file is gone, cannot be read or was exchanged for a link;
            `DatasetChoiceError` while it holds several candidates and none is chosen.
        InvalidParameterError
            If the region does not lie in the tomogram.
        """
        volume = open_in_place(
            self.source,
            places_of(self.source),
            dataset=self.dataset,
            voxel_size_nm=self.voxel_size_nm,
        )
        return cut(volume, region or Region())

    def score(self, result_id: str) -> Score:
        """Open a finished score with the geometry that it was made with.

        The voxel size may have been corrected since: `size_correction` tells.

        Raises
        ------
        DeepSXTError
            If there is no such result.
        """
        return open_score(self.result("scores", result_id).folder / SCORE_NAME)

    def todays_score(self, result_id: str) -> Score:
        """Open a finished score with the geometry that the tomogram has today.

        New results are made from it: a score need not be made anew because a voxel size was wrong.

        Raises
        ------
        DeepSXTError
            If there is no such result, or the tomogram's file is gone.
        """
        score = self.score(result_id)
        geometry = self.volume(self.result("scores", result_id).region).geometry
        return replace(score, volume=score.volume.with_geometry(geometry))

    def segmentation(self, score_id: str | None) -> Score | Mask:
        """Open what new surfaces are made from: a finished score, or the file itself if None.

        They get the geometry that the tomogram has today.

        Raises
        ------
        DeepSXTError
            If there is no such score, or the file holds no labels.
        """
        if score_id is not None:
            return self.todays_score(score_id)
        return mask_of(self.volume())

    def surface_source(self, surface: Result) -> Score | Mask:
        """Open what a surface was made from, with the geometry that it was made with.

        Raises
        ------
        DeepSXTError
            If that is gone.
        """
        score_id = surface.identity.get("score")
        source = self.segmentation(None) if score_id is None else self.score(score_id)
        volume = source.volume.with_voxel_size(surface.voxel_size_nm)
        origin_nm = surface.identity.get("origin_nm")
        if origin_nm is not None:
            volume = replace(volume, origin_nm=tuple(origin_nm))
        return replace(source, volume=volume)

    def size_correction(self, result: Result) -> tuple[VoxelSize | None, VoxelSize | None] | None:
        """Return the voxel size that a result was made with, and today's, where they differ.

        Of a score, a surface, or what was made of one of them.

        Raises
        ------
        DeepSXTError
            If what it was made from, or the tomogram's file, is gone.
        """
        if "surface" in result.identity:
            return self.size_correction(self.result("surfaces", result.identity["surface"]))
        is_score = result.folder.parent.name == "scores"
        score_id = result.id if is_score else result.identity.get("score")
        region = self.result("scores", score_id).region if score_id else Region()
        then = self.score(result.id).volume.voxel_size_nm if is_score else result.voxel_size_nm
        now = self.volume(region).voxel_size_nm
        if then is None or now is None:
            return None if then is now else (then, now)
        same = all(math.isclose(old, new) for old, new in zip(then, now, strict=True))
        return None if same else (then, now)

    def require_same_input(self, *results: Result) -> None:
        """Do nothing if the tomogram's file is the one that these results were made from.

        Raises
        ------
        DeepSXTError
            If it was replaced since, or is gone.
        """
        for result in results:
            if result.input_sha256 not in (None, self.input_sha256()):
                raise DeepSXTError(
                    f"The file of '{self.name}' is another one than when the result {result.id} "
                    "was made from it; values of two files would be mixed. Put the file back, or "
                    "do that step again first."
                )

    def update(self, **changes: Unpack[TomogramChanges]) -> "Tomogram":
        """Change what the user may correct, keep it on disk, and return the new state.

        Raises
        ------
        VolumeError
            If a dataset is chosen that cannot serve as a tomogram.
        """
        if changes.get("dataset") is not None:
            refuse_link_out(self.source, places_of(self.source))
            probe(self.source, changes["dataset"])
        # From disk, so that a change made elsewhere since this one was read is not undone.
        changed = replace(_read_tomogram(self.folder) or self, **changes)
        _write_tomogram(changed)
        return changed

    def input_sha256(self) -> str:
        """Return the SHA-256 of the source (`content_sha256`); read again only when it changed.

        Raises
        ------
        DeepSXTError
            If the file is gone.
        """
        refuse_link_out(self.source, places_of(self.source))
        try:
            return remembered_sha256(self.source, self.folder / _HASH_NAME)
        except OSError as error:
            raise DeepSXTError(
                f"Cannot read '{self.source}' ({error.strerror}). "
                "Put the file back, or open the tomogram again from where it is now."
            ) from error

    def result_folder(self, kind: ResultKind, identity: Identity) -> Path:
        """Return where the result of this identity is, or will be once it is published."""
        return self._results(kind) / recipe_hash(identity)

    def results(self, kind: ResultKind) -> list[Result]:
        """Return the finished results of one kind, newest first."""
        folder = self._results(kind)
        if not folder.is_dir():
            return []
        found = [read_result(entry) for entry in folder.iterdir() if is_id(entry.name)]
        finished = [result for result in found if result is not None]
        return sorted(finished, key=lambda result: result.finished, reverse=True)

    def readable_results(self, kind: ResultKind) -> list[Result]:
        """Return the finished results whose records can be used, newest first."""
        return [result for result in self.results(kind) if problem(result) is None]

    def damaged_results(self, kind: ResultKind) -> list[tuple[str, str]]:
        """Return id of, and what is wrong with, each result whose record cannot be used."""
        folder = self._results(kind)
        records = sorted(folder.glob(f"*/{RUN_NAME}")) if folder.is_dir() else []
        found = []
        for record in records:
            if is_id(record.parent.name):
                result = read_result(record.parent)
                wrong = "Its record is damaged." if result is None else problem(result)
                if wrong is not None:
                    found.append((record.parent.name, wrong))
        return found

    def result(self, kind: ResultKind, result_id: str) -> Result:
        """Return one finished result.

        Raises
        ------
        DeepSXTError
            If there is none of that kind and id.
        """
        result = read_result(self._results(kind) / result_id) if is_id(result_id) else None
        if result is None:
            raise DeepSXTError(
                f"'{self.name}' has no finished result '{result_id}' of kind '{kind}'. "
                "It may have been removed; run the step again."
            )
        return result

    def _results(self, kind: ResultKind) -> Path:
        if kind not in get_args(ResultKind):
            raise InvalidParameterError(
                f"A result is of kind {', '.join(get_args(ResultKind))}: got '{kind}'."
            )
        return self.folder / "results" / kind


class Workspace:
    """Tomograms, results and jobs under one folder.

    Parameters
    ----------
    folder : Path, optional
        Created when something is first written. Default: `settings.workspace_folder`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or settings.workspace_folder()).resolve()

    @property
    def jobs_folder(self) -> Path:
        """Where jobs are kept."""
        return self.folder / "jobs"

    @property
    def uploads_folder(self) -> Path:
        """Where files are kept that have not arrived as a whole yet."""
        return self.folder / "uploads"

    def tomograms(self) -> list[Tomogram]:
        """Return all tomograms, newest first; folders that cannot be read are left out."""
        folder = self.folder / "tomograms"
        if not folder.is_dir():
            return []
        found = [_read_tomogram(entry) for entry in folder.iterdir() if is_id(entry.name)]
        known = [tomogram for tomogram in found if tomogram is not None]
        return sorted(known, key=lambda tomogram: tomogram.created, reverse=True)

    def tomogram(self, tomogram_id: str) -> Tomogram:
        """Return the tomogram of this id.

        Raises
        ------
        DeepSXTError
            If the id is malformed or unknown.
        """
        tomogram = _read_tomogram(self._folder_of(tomogram_id)) if is_id(tomogram_id) else None
        if tomogram is None:
            raise DeepSXTError(
                f"There is no tomogram '{tomogram_id[:64]}' in this workspace. "
                "It may have been removed; open the file again."
            )
        return tomogram

    def adopt(self, path: Path, tomogram_id: str, *, name: str, sha256: str) -> Tomogram:
        """Add a file by moving it into the workspace.

        Parameters
        ----------
        path : Path
            On the disk of the workspace.
        tomogram_id : str
            From `secrets.token_hex`; nobody else may know it yet.
        name : str
            For people.
        sha256 : str
            Of the file, where it need not be read for it again.

        Raises
        ------
        VolumeError
            If the file cannot serve as a tomogram; it stays where it is then. Several candidates
            inside are no error here: the choice is made later with `Tomogram.update`.
        """
        _check(path, None)
        folder = self._folder_of(tomogram_id)
        source = folder / "source" / path.name
        source.parent.mkdir(parents=True)
        path.rename(source)
        write_json(folder / _HASH_NAME, content_stamp(source) | {"sha256": sha256})
        tomogram = _tomogram(tomogram_id, folder, source, name, None)
        _write_tomogram(tomogram)
        return tomogram

    def add_file(
        self, path: Path, *, name: str | None = None, dataset: str | None = None
    ) -> Tomogram:
        """Add a file where it is, without a copy; the same file again gives the same tomogram.

        Raises
        ------
        VolumeError
            If the file cannot serve as a tomogram. Several candidates inside are no error here:
            the choice is made later with `Tomogram.update`.
        """
        source = path.expanduser().resolve()
        for tomogram in self.tomograms():
            if tomogram.source == source and dataset in (None, tomogram.dataset):
                return tomogram
        _check(source, dataset)
        tomogram_id = secrets.token_hex(_ID_BYTES)
        folder = self._folder_of(tomogram_id)
        folder.mkdir(parents=True)
        tomogram = _tomogram(tomogram_id, folder, source, name or path.name, dataset)
        _write_tomogram(tomogram)
        return tomogram

    def add_sample(self) -> Tomogram:
        """Return the simulated sample, made on first use."""
        sample_id = recipe_hash({"sample": SAMPLE_SEED})
        tomogram = _read_tomogram(self._folder_of(sample_id))
        return tomogram or self._make_sample(sample_id)

    def remove(self, tomogram_id: str) -> None:
        """Delete a tomogram and all its results; a file that was only referred to stays.

        Raises
        ------
        DeepSXTError
            If the id is malformed or unknown.
        """
        delete_folder(self.tomogram(tomogram_id).folder)

    def _make_sample(self, sample_id: str) -> Tomogram:
        # Imported here because the generator is needed once in the life of a workspace.
        from deepsxt_core.phantom import sample_tomogram

        array, truth, voxel_size_nm = sample_tomogram(SAMPLE_SEED)
        final = self._folder_of(sample_id)
        partial = partial_folder(final, secrets.token_hex(4))
        source = partial / "source" / "sample.tif"
        source.parent.mkdir(parents=True)
        write_tiff(Volume.from_array(array, voxel_size_nm), source)
        write_tiff(Volume.from_array(truth, voxel_size_nm), source.with_name("truth.tif"))
        _write_tomogram(_tomogram(sample_id, partial, source, "Simulated sample", None))
        publish(partial, final, "tomogram.json")
        return self.tomogram(sample_id)

    def _folder_of(self, tomogram_id: str) -> Path:
        return self.folder / "tomograms" / tomogram_id


def _check(source: Path, dataset: str | None) -> None:
    try:
        probe(source, dataset)
    except DatasetChoiceError:
        if dataset is not None:
            raise


def _tomogram(
    tomogram_id: str, folder: Path, source: Path, name: str, dataset: str | None
) -> Tomogram:
    display_name = "".join(char for char in name if char.isprintable())[:200] or source.name
    return Tomogram(
        tomogram_id, display_name, folder, source, dataset, None, None, datetime.now(UTC)
    )


def _write_tomogram(tomogram: Tomogram) -> None:
    content = asdict(tomogram)
    del content["id"], content["folder"]
    inside = tomogram.source.is_relative_to(tomogram.folder)
    # Relative, so that a workspace may be moved as a whole.
    source = tomogram.source.relative_to(tomogram.folder) if inside else tomogram.source
    content["source"] = source.as_posix()
    content["created"] = tomogram.created.isoformat()
    content["region"] = {"crop": tomogram.region.crop, "bin": tomogram.region.bin}
    write_json(tomogram.folder / "tomogram.json", content)


def _read_tomogram(folder: Path) -> Tomogram | None:
    content = read_json(folder / "tomogram.json")
    if content is None:
        return None
    try:
        size = content["voxel_size_nm"]
        return Tomogram(
            folder.name,
            content["name"],
            folder,
            folder / content["source"],
            content["dataset"],
            None if size is None else VoxelSize(*size),
            content["invert"],
            datetime.fromisoformat(content["created"]),
            Region.parse(**content.get("region", {"crop": None})),
        )
    except (KeyError, TypeError, ValueError, InvalidParameterError):
        return None
