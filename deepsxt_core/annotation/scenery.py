"""The tomogram and the score that lie beside an annotation, where they can be found."""

from pathlib import Path

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.creation import Description
from deepsxt_core.annotation.scene import SliceReader
from deepsxt_core.annotation.sources import place_of
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io import is_score, open_score, open_volume
from deepsxt_core.volume import Score, Volume


def scenery(
    description: Description,
    tomogram: Volume | str | Path | None,
    score: Score | str | Path | None,
) -> tuple[SliceReader | None, SliceReader | None]:
    """Return readers of the tomogram and of the score; None for what is no longer there.

    Parameters
    ----------
    description : Description
        Names both, unless they are given.
    tomogram : Volume or Path, optional
    score : Score or Path, optional

    Raises
    ------
    InvalidParameterError
        If one of them has another shape than the annotation.
    VolumeError
        If one of them cannot be read.
    """
    if tomogram is None and description.tomogram and Path(description.tomogram).exists():
        tomogram = description.tomogram
    if score is None and description.score and description.source and is_score(description.source):
        score = description.source
    grey = open_volume(tomogram) if isinstance(tomogram, str | Path) else tomogram
    scored = open_score(score) if isinstance(score, str | Path) else score
    if grey is not None and grey.shape != description.shape:
        raise InvalidParameterError(
            f"The tomogram has the shape {grey.shape}, and its annotation {description.shape}. "
            "Open the annotation with the tomogram that it was made for."
        )
    return (
        None if grey is None else SliceReader(grey),
        None if scored is None else _placed(scored, description),
    )


def _placed(score: Score, description: Description) -> SliceReader:
    place: Box = place_of(score, description.shape, description.geometry.first_voxel)
    return SliceReader(score.volume, place.first)
