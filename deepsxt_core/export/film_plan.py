"""What a film shows, frame by frame: on the way from key frame to key frame.

A sweep through all slices is a film of two key frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.film_files import FilmFormat
from deepsxt_core.export.shots import Blend, KeyFrame, Moment, PlaneShot, Shot, between
from deepsxt_core.parameters import Limits, checked

Pace = Literal["eased", "even"]

MOST_FRAMES = 5000
MOST_KEY_FRAMES = 100
_FADE_S = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmParams:
    """How a film is drawn.

    Attributes
    ----------
    format : {"mp4", "gif"}
        MP4 plays everywhere and is small; a GIF stands in pages and mails as a picture does.
    width_px : int
        Of its frames; their height follows from the first view.
    frames_per_s : int
        Frames in a second: fewer are drawn sooner.
    caption : bool
        Whether a caption with the parameters stands below.
    pace : {"eased", "even"}
        Whether the film rests a little at each key frame, or goes on evenly.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range.
    """

    format: FilmFormat = "mp4"
    width_px: Annotated[int, Limits(least=160, most=1920, unit="px")] = 960
    frames_per_s: Annotated[int, Limits(least=1, most=60)] = 24
    caption: bool = True
    pace: Pace = "eased"

    def __post_init__(self) -> None:
        checked(self)


def sweep(shot: PlaneShot, first: int, last: int, seconds: float) -> tuple[KeyFrame, KeyFrame]:
    """Return the key frames of a film through planes; to be shown at an even pace."""
    begin, end = (replace(shot, index=index) for index in (first, last))
    return KeyFrame(plane=begin, seconds=seconds), KeyFrame(plane=end, seconds=0)


def frame_counts(frames: Sequence[KeyFrame], params: FilmParams) -> list[int]:
    """Return how many frames each key frame has, on the way to the next one.

    Raises
    ------
    InvalidParameterError
        If there is no key frame, or too much to show.
    """
    if not 0 < len(frames) <= MOST_KEY_FRAMES:
        raise InvalidParameterError(
            f"A film has 1 to {MOST_KEY_FRAMES} key frames: got {len(frames)}. Add a view."
        )
    counts = [max(1, round(frame.seconds * params.frames_per_s)) for frame in frames]
    if sum(counts) > MOST_FRAMES:
        raise InvalidParameterError(
            f"A film has at most {MOST_FRAMES:,} frames: this one would have {sum(counts):,}. "
            "Make it shorter, or show fewer frames a second."
        )
    return counts


def moments(frames: Sequence[KeyFrame], params: FilmParams) -> list[Moment]:
    """Return what each frame of a film shows.

    Raises
    ------
    InvalidParameterError
        As `frame_counts` does.
    """
    counts = frame_counts(frames, params)
    found: list[Moment] = []
    for count, one, other in zip(counts, frames, [*frames[1:], frames[-1]], strict=True):
        for n in range(count):
            share = n / count
            way = share * share * (3 - 2 * share) if params.pace == "eased" else share
            moving = between(one.shot, other.shot, way)
            found.append(moving or _fading(one.shot, other.shot, share, count, params))
    return found


def _fading(one: Shot, other: Shot, share: float, count: int, params: FilmParams) -> Moment:
    """Return a moment between views that have nothing in common: the first, then both at once."""
    length = min(1.0, _FADE_S * params.frames_per_s / count)
    faded = (share - (1 - length)) / length
    return one if faded <= 0 else Blend(one, other, faded)
