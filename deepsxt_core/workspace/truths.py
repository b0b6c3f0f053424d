"""Files that tell where the membranes of a tomogram are: beside it, or brought by the user."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError, UnreadableFileError, VolumeError
from deepsxt_core.evaluation import first_slice
from deepsxt_core.geometry import Geometry, Region
from deepsxt_core.io import mask_of
from deepsxt_core.io.links import open_in_place, refuse_link_out
from deepsxt_core.preprocessing import cut
from deepsxt_core.volume import MARKED_CODE, NOT_JUDGED_CODE, Labels, Mask, Score, Volume
from deepsxt_core.workspace import Tomogram, Workspace, uploads
from deepsxt_core.workspace.annotations import AnnotationVersion, KeptAnnotation, annotation
from deepsxt_core.workspace.data_roots import places_of
from deepsxt_core.workspace.library import check_file

_MARKS = (".truth", ".labels")
_FOLDER = "truths"
_LABEL = re.compile("[0-9]{0,9}")


def known_truths(tomogram: Tomogram) -> list[Path]:
    """Return the files that may tell the truth about a tomogram.

    That is the simulated sample's own, files named ``NAME.truth.*`` or ``NAME.labels.*`` beside a
    tomogram ``NAME.*``, those that were brought with `keep_truth`, and those that it was compared
    with before. Links that lead elsewhere are left out.
    """
    source = tomogram.source
    beside = [source.with_name("truth.tif")] if source.is_relative_to(tomogram.folder) else []
    beside += [path for mark in _MARKS for path in source.parent.glob(f"{_plain(source)}{mark}.*")]
    kept = sorted((tomogram.folder / _FOLDER).glob("*"))
    compared = tomogram.readable_results("evaluations")
    used = [Path(each.run["truth"]) for each in compared if each.run["truth"] is not None]
    found = dict.fromkeys([*beside, *kept, *used])
    return [path for path in found if path.exists() and _stays(tomogram, path)]


def truth_id(path: Path) -> str:
    """Return what addresses name a truth by, 16 hexadecimal digits."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]


def truth_name(path: Path, ignore_label: int | None = None) -> str:
    """Return what addresses name a truth by, with the value where nobody has judged."""
    # Values below 0 are not judged in any case.
    ignored = ignore_label is not None and ignore_label > 0
    return truth_id(path) + (f"-{ignore_label}" if ignored else "")


def named_truth(tomogram: Tomogram, name: str) -> tuple[Path, int | None]:
    """Return the known truth that `truth_name` names, and the value where nobody has judged.

    Raises
    ------
    VolumeError
        If there is none.
    """
    wanted, _, ignored = name.partition("-")
    path = next((path for path in known_truths(tomogram) if truth_id(path) == wanted), None)
    if path is None or not _LABEL.fullmatch(ignored):
        raise UnreadableFileError("There is no such truth. It may have been removed.")
    return path, int(ignored) if ignored else None


def shown_truths(tomogram: Tomogram, scores: Sequence[str] = ()) -> dict[Path, str | None]:
    """Return the known truths that can be shown over a tomogram.

    Each with the first of some scores, by their ids, in whose place it lies; None for one that
    lies over the whole tomogram.
    """
    found: dict[Path, str | None] = {}
    for path in known_truths(tomogram):
        for score in (None, *scores):
            with suppress(DeepSXTError):
                truth_place(tomogram, path, score)
                found[path] = score
                break
    return found


def truth_place(tomogram: Tomogram, path: Path, score: str | None) -> tuple[Geometry, Region]:
    """Return where a truth lies, and of which part of the tomogram its voxels are.

    Parameters
    ----------
    tomogram : Tomogram
    path : Path
    score : str or None
        Id of the result that it belongs to: a truth of the shape of its region, or of its scored
        slices, lies there. None for a truth of the whole tomogram.

    Raises
    ------
    DeepSXTError
        If it cannot be read, or has another shape.
    """
    whole = tomogram.volume()
    shape = open_in_place(path, _places(tomogram, path)).shape
    if shape == whole.shape:
        return whole.geometry, Region()
    if score is None:
        raise VolumeError(
            f"'{path.name}' has {_shape(shape)} voxels (x × y × z) and the tomogram "
            f"{_shape(whole.shape)}; they cannot be shown over each other."
        )
    compared = Compared.of(tomogram, score)
    open_truth(tomogram, compared, path)
    if isinstance(compared.found, Score) and shape == compared.found.volume.shape:
        return compared.found.placed.geometry, compared.region
    return tomogram.volume(compared.region).geometry, compared.region


def truth_codes(tomogram: Tomogram, path: Path, ignore_label: int | None = None) -> Volume:
    """Return a truth as uint8 (z, y, x): 255 where it is marked, 1 where nobody judged, else 0.

    Parameters
    ----------
    tomogram : Tomogram
    path : Path
    ignore_label : int, optional
        Value where nobody has judged, besides those below 0.

    Raises
    ------
    VolumeError
        If it cannot be read, or holds no labels.
    """
    volume = mask_of(open_in_place(path, _places(tomogram, path))).volume

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        labels = volume.read(z0, z1)
        codes = (labels > 0) * np.uint8(MARKED_CODE)
        unclear = labels < 0
        if ignore_label is not None:
            unclear |= labels == ignore_label
        codes[unclear] = NOT_JUDGED_CODE
        return codes

    return replace(volume, dtype=np.dtype(np.uint8), reader=read)


def _stays(tomogram: Tomogram, path: Path) -> bool:
    try:
        refuse_link_out(path, _places(tomogram, path))
    except VolumeError:
        return False
    return True


def _places(tomogram: Tomogram, path: Path) -> tuple[Path, ...]:
    """Return where the truth of a tomogram may truly lie."""
    return *places_of(path), tomogram.source.parent, tomogram.folder


def _plain(source: Path) -> str:
    """Return the stem without what a pattern would read as more than a letter."""
    return "".join(f"[{char}]" if char in "[]*?" else char for char in source.stem)


def keep_truth(tomogram: Tomogram, uploaded_id: str) -> Path:
    """Make a file that has just been uploaded, of the kind "file", the truth of a tomogram.

    Raises
    ------
    DeepSXTError
        If it holds no labels; it is deleted then.
    """
    access.require_write()
    workspace = Workspace()
    uploaded = uploads.whole(workspace, uploaded_id).path
    try:
        check_file(uploaded, None)
        mask_of(open_in_place(uploaded, [uploaded.parent]))
        folder = tomogram.folder / _FOLDER
        folder.mkdir(exist_ok=True)
        return uploaded.replace(folder / uploaded.name)
    finally:
        uploads.discard(workspace, uploaded_id)


Annotated = AnnotationVersion | KeptAnnotation
"""An annotation as it was when something was asked for, or as it is."""
Truth = Path | Annotated
"""A file, or an annotation."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared with the truth: a score, or an annotation.

    Attributes
    ----------
    found : Score or Mask
        With the geometry that the tomogram has today.
    region : Region
        The part of the tomogram that it was made from.
    """

    found: Score | Mask
    region: Region

    @classmethod
    def of(cls, tomogram: Tomogram, source: str | Annotated) -> Self:
        """Open a score by its id, or an annotation.

        Raises
        ------
        DeepSXTError
            If it is gone.
        """
        if isinstance(source, str):
            return cls(tomogram.todays_score(source), tomogram.result("scores", source).region)
        kept, labels = _annotated(tomogram, source)
        return cls(labels, kept.region)


def open_truth(tomogram: Tomogram, compared: Compared, truth: Truth) -> Mask:
    """Open what is the truth for a score or an annotation of a tomogram.

    Raises
    ------
    DeepSXTError
        If it cannot be read, holds no labels, or does not fit what it is compared with.
    """
    region = compared.region
    if isinstance(truth, Path):
        name, known = truth.name, mask_of(open_in_place(truth, _places(tomogram, truth)))
        shape = known.volume.shape
        if region.bin == 1 and shape == tomogram.volume().shape:
            known = Mask(cut(known.volume, region))
    else:
        kept, labels = _annotated(tomogram, truth)
        name, shape = kept.name, labels.volume.shape
        known = _cut(labels, region) if region.bin == 1 and kept.region.is_whole else labels
    try:
        first_slice(compared.found, known)
    except DeepSXTError as error:
        raise VolumeError(
            f"'{name}' has {_shape(shape)} voxels (x × y × z) and does not fit the result, which "
            f"has {_shape(compared.found.volume.shape)}. Choose labels of this tomogram"
            + (", binned like it." if region.bin > 1 else ".")
        ) from error
    return known


def codes_beside(
    tomogram: Tomogram, compared: Compared, truth: Path, ignore_label: int | None = None
) -> Volume:
    """Return the codes of a truth, see `truth_codes`, at the voxels of what it is compared with.

    Raises
    ------
    DeepSXTError
        As `open_truth` does.
    """
    known, region = open_truth(tomogram, compared, truth), compared.region
    codes = truth_codes(tomogram, truth, ignore_label)
    if codes.shape != known.volume.shape:
        codes = cut(codes, region)
    first, depth = first_slice(compared.found, known), compared.found.volume.shape[0]
    return cut(codes, Region(z=(first, first + depth)))


def _annotated(tomogram: Tomogram, wanted: Annotated) -> tuple[KeptAnnotation, Labels]:
    if isinstance(wanted, KeptAnnotation):
        return wanted, wanted.labels()
    kept = annotation(tomogram, wanted.id)
    return kept, kept.labels(wanted)


def _cut(labels: Labels, region: Region) -> Labels:
    """Return a part of an annotation."""
    (z, _), (y0, y1), (x0, x1) = region.within(labels.volume.shape)

    def not_judged(z0: int, z1: int) -> NDArray[np.bool_]:
        return labels.not_judged(z0 + z, z1 + z)[:, y0:y1, x0:x1]

    return replace(labels, volume=cut(labels.volume, region), not_judged=not_judged)


def _shape(shape: tuple[int, int, int]) -> str:
    return " × ".join(map(str, reversed(shape)))
