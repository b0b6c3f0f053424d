"""What commands read, and where they may write."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from deepsxt_core.annotation import NOT_JUDGED, is_annotation, judged, open_annotation
from deepsxt_core.errors import InvalidParameterError, PartChoiceError
from deepsxt_core.export.meshes import UNITS
from deepsxt_core.io import is_score, looks_like_labels, open_score, open_volume, segmentation_of
from deepsxt_core.io.readers.choosing import PartParams, with_axes
from deepsxt_core.volume import Labels, Mask, Score, Volume, VoxelSize

WHOLE = PartParams()


def open_part(
    path: Path,
    dataset: str | None = None,
    voxel_size_nm: VoxelSize | None = None,
    part: PartParams = WHOLE,
) -> Volume:
    """Open a file, or the part of it that is meant.

    Raises
    ------
    InvalidParameterError
        If it holds no channels or time points, and one is asked for.
    """
    try:
        volume = open_volume(
            path, dataset=with_axes(dataset, part.axes), voxel_size_nm=voxel_size_nm
        )
    except PartChoiceError as error:
        name = with_axes(part.chosen(error), part.axes)
        return open_volume(path, dataset=name, voxel_size_nm=voxel_size_nm)
    if dataset is None and (part.channel or part.time):
        raise InvalidParameterError(
            f"'{path.name}' has one channel and one time point; there is no other one to choose."
        )
    return volume


def open_noted(
    path: Path,
    dataset: str | None,
    voxel_size_nm: VoxelSize | None,
    part: PartParams = WHOLE,
) -> Volume:
    """Open a file and tell its warnings on stderr.

    Raises
    ------
    InvalidParameterError
        If it is an annotation.
    """
    if is_annotation(path):
        raise InvalidParameterError(
            f"'{path}' is an annotation, no tomogram: it is segmented already. 'deepsxt annotation "
            "info' tells about it, 'deepsxt reconstruct' makes surfaces of it."
        )
    volume = open_part(path, dataset, voxel_size_nm, part)
    for warning in volume.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    return volume


def open_tomogram(
    path: Path,
    dataset: str | None,
    voxel_size_nm: VoxelSize | None,
    part: PartParams = WHOLE,
) -> Volume:
    """Open what is to be segmented.

    Raises
    ------
    InvalidParameterError
        If it is segmented already.
    """
    if is_score(path):
        raise InvalidParameterError(
            f"'{path}' is a score: it is segmented already. Make surfaces of it by "
            "'deepsxt reconstruct', or give the tomogram."
        )
    volume = open_noted(path, dataset, voxel_size_nm, part)
    if looks_like_labels(volume):
        raise InvalidParameterError(
            f"'{path}' holds a mask or labels, no grey values: it is segmented already. Make "
            "surfaces of it by 'deepsxt reconstruct', or give the tomogram."
        )
    return volume


def open_source(
    path: Path,
    dataset: str | None = None,
    voxel_size_nm: VoxelSize | None = None,
    *,
    threshold: float,
    part: PartParams = WHOLE,
) -> Score | Mask:
    """Open a score, an annotation, labels or probabilities, to make surfaces of or to compare.

    Raises
    ------
    VolumeError
        If the file holds grey values.
    InvalidParameterError
        If it holds probabilities, and the threshold would take them all.
    """
    if is_annotation(path):
        return open_labels(path, voxel_size_nm)
    if not is_score(path):
        return segmentation_of(open_noted(path, dataset, voxel_size_nm, part), threshold)
    score = open_score(path)
    if voxel_size_nm is None:
        return score
    return replace(score, volume=score.volume.with_voxel_size(voxel_size_nm))


def open_labels(path: Path, voxel_size_nm: VoxelSize | None) -> Labels:
    """Open the labels of an annotation, and tell which of its objects have no class yet."""
    annotation = open_annotation(path)
    unclear = sum(row.class_name == NOT_JUDGED for row in annotation.objects.values())
    if unclear:
        print(
            f"Note: '{path}': what is {NOT_JUDGED} is left out ({unclear} of "
            f"{len(annotation.objects)} objects).",
            file=sys.stderr,
        )
    labels = judged(annotation)
    if voxel_size_nm is None:
        return labels
    return replace(labels, volume=labels.volume.with_voxel_size(voxel_size_nm))


def require_unit(unit: str | None, voxel_size_nm: VoxelSize | None) -> None:
    """Refuse a unit of length where the voxel size is not known.

    Raises
    ------
    InvalidParameterError
        If it needs the voxel size.
    """
    if unit not in (None, "voxel") and voxel_size_nm is None:
        raise InvalidParameterError(
            f"Coordinates in {UNITS[str(unit)]} need the voxel size, and it is not known. Give it "
            "by --voxel-size-nm, or choose --unit voxel."
        )


@contextlib.contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Hide what TensorFlow's C++ code writes to stderr on import, before any log level counts."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def import_keras_silently() -> None:
    """Import Keras before anything else does, without what TensorFlow says then."""
    with native_stderr_silenced():
        import keras  # noqa: F401
