"""The views of a tomogram that a film is to come by, as people have kept them.

They stand in ``key-frames.json`` in its folder, which is replaced as a whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.export.film_plan import MOST_KEY_FRAMES
from deepsxt_core.export.shots import KeyFrame
from deepsxt_core.files import read_json, write_json
from deepsxt_core.parameters import parsed, plain
from deepsxt_core.workspace.tomogram import Tomogram

_NAME = "key-frames.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    frames: tuple[KeyFrame, ...] = ()


def key_frames(tomogram: Tomogram) -> tuple[KeyFrame, ...]:
    """Return the key frames of a tomogram; none if their file is damaged, or of a later version."""
    content = read_json(tomogram.folder / _NAME)
    try:
        return parsed(_Kept, content or {}, "The key frames").frames
    except DeepSXTError:
        return ()


def add_key_frame(tomogram: Tomogram, frame: KeyFrame) -> None:
    """Keep one more view, after the others.

    Raises
    ------
    InvalidParameterError
        If there are 100 already.
    """
    with _changing(tomogram) as frames:
        if len(frames) >= MOST_KEY_FRAMES:
            raise InvalidParameterError(f"A film has at most {MOST_KEY_FRAMES} key frames.")
        frames.append(frame)


def move_key_frame(tomogram: Tomogram, place: int, by: int) -> None:
    """Move a view towards the beginning (below 0) or the end; nothing where there is no room."""
    with _changing(tomogram) as frames:
        if 0 <= place < len(frames) and 0 <= place + by < len(frames):
            frames.insert(place + by, frames.pop(place))


def replace_key_frame(tomogram: Tomogram, place: int, frame: KeyFrame | None) -> None:
    """Put another view in the place of one; None takes it away."""
    with _changing(tomogram) as frames:
        if 0 <= place < len(frames):
            frames[place : place + 1] = [] if frame is None else [frame]


@contextmanager
def _changing(tomogram: Tomogram) -> Iterator[list[KeyFrame]]:
    access.require_write()
    with FileLock(tomogram.folder / f".{_NAME}.lock"):
        frames = list(key_frames(tomogram))
        yield frames
        write_json(tomogram.folder / _NAME, plain(_Kept(frames=tuple(frames))))
