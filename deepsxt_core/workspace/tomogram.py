"""A tomogram of the workspace: its file, what the user has corrected, what was made of it."""

import math
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack, get_args

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.files import read_json, shown_name, write_json
from deepsxt_core.fingerprints import remembered_sha256
from deepsxt_core.geometry import Region
from deepsxt_core.io import SCORE_NAME, mask_of, open_score
from deepsxt_core.io.links import open_in_place, refuse_link_out
from deepsxt_core.io.probe import probe
from deepsxt_core.preprocessing import cut
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize
from deepsxt_core.workspace.annotated import annotated_objects, source_region
from deepsxt_core.workspace.data_roots import places_of
from deepsxt_core.workspace.records import damaged_results, problem
from deepsxt_core.workspace.results import (
    Identity,
    Result,
    ResultKind,
    finished_results,
    is_id,
    made_with_voxel_size,
    read_result,
    recipe_hash,
)

HASH_NAME = "input.json"


class TomogramChanges(TypedDict, total=False):
    """What `Tomogram.update` can change; a key that is absent stays as it is."""

    name: str
    dataset: str | None
    voxel_size_nm: VoxelSize | None
    invert: bool | None
    region: Region
    void: bool
    void_value: float | None


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
    void, void_value : bool, float or None
        Which voxels count, as in `SegmentParams`.
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
    void: bool = True
    void_value: float | None = None

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
        if "annotation" in surface.identity:
            # It may have been edited since; what was cut out of it then lies beside the surface.
            return annotated_objects(surface)
        score_id = surface.identity.get("score")
        source = self.segmentation(None) if score_id is None else self.score(score_id)
        return replace(source, volume=made_with_voxel_size(source.volume, surface))

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
        region = result.region if is_score else source_region(self, result)
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
        access.require_write()
        if changes.get("dataset") is not None:
            refuse_link_out(self.source, places_of(self.source))
            probe(self.source, changes["dataset"])
        # From disk, so that a change made elsewhere since this one was read is not undone.
        changed = replace(read_tomogram(self.folder) or self, **changes)
        write_tomogram(changed)
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
            return remembered_sha256(self.source, self.folder / HASH_NAME)
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
        return finished_results(self._results(kind))

    def readable_results(self, kind: ResultKind) -> list[Result]:
        """Return the finished results whose records can be used, newest first."""
        return [result for result in self.results(kind) if problem(result) is None]

    def damaged_results(self, kind: ResultKind) -> list[tuple[str, str]]:
        """Return id of, and what is wrong with, each result whose record cannot be used."""
        return damaged_results(self._results(kind))

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


def new_tomogram(
    tomogram_id: str, folder: Path, source: Path, name: str, dataset: str | None
) -> Tomogram:
    """Return a tomogram that was just added, under a name that can be shown."""
    name = shown_name(name, source.name)
    return Tomogram(tomogram_id, name, folder, source, dataset, None, None, datetime.now(UTC))


def write_tomogram(tomogram: Tomogram) -> None:
    """Write what is known about a tomogram into its folder; `read_tomogram` reads it back."""
    content = asdict(tomogram)
    del content["id"], content["folder"]
    inside = tomogram.source.is_relative_to(tomogram.folder)
    # Relative, so that a workspace may be moved as a whole.
    source = tomogram.source.relative_to(tomogram.folder) if inside else tomogram.source
    content["source"] = source.as_posix()
    content["created"] = tomogram.created.isoformat()
    content["region"] = {"crop": tomogram.region.crop, "bin": tomogram.region.bin}
    write_json(tomogram.folder / "tomogram.json", content)


def read_tomogram(folder: Path) -> Tomogram | None:
    """Return the tomogram in a folder of the workspace; None if there is no readable one."""
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
            content.get("void", True),
            content.get("void_value"),
        )
    except (KeyError, TypeError, ValueError, InvalidParameterError):
        return None
