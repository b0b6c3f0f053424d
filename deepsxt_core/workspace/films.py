"""Films of a tomogram of the workspace: how long one takes, and how it is made."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from deepsxt_core.errors import DrawingError
from deepsxt_core.export.film import Estimate, Film, estimate, first_frame, make_film, samples
from deepsxt_core.export.film_plan import FilmParams
from deepsxt_core.export.shots import KeyFrame, Shot, SurfaceShot
from deepsxt_core.parameters import parsed, plain
from deepsxt_core.progress import Progress
from deepsxt_core.workspace.making import MakingLimits, make_by_child
from deepsxt_core.workspace.stages import prepare, stage_of
from deepsxt_core.workspace.tomogram import Tomogram

FILM_FILES = {"film.mp4": "video/mp4", "film.gif": "image/gif"}
"""The files of films, and their media types."""

_LIMITS = MakingLimits(timeout_s=180.0, memory_bytes=6 << 30)
_SECONDS = "Seconds"


def film_name(params: FilmParams) -> str:
    """Return the name of the file of a film."""
    return f"film.{params.format}"


def film_of(tomogram: Tomogram, frames: Sequence[KeyFrame], params: FilmParams) -> Film:
    """Return a film that can be drawn; what its planes are read from is made first.

    Raises
    ------
    DeepSXTError
        If there is nothing to show or too much, or something cannot be read.
    """
    prepare(tomogram, [frame.shot for frame in frames])
    return Film(frames, params, stage_of(tomogram))


def expected(
    tomogram: Tomogram, frames: Sequence[KeyFrame], params: FilmParams
) -> tuple[Estimate, Image.Image]:
    """Return what a film will be, as measured on a first frame, and that.

    Surfaces are drawn by a process of its own, within limits: a graphics driver may crash.

    Raises
    ------
    DeepSXTError
        If there is nothing to show or too much, or something cannot be read or drawn.
    """
    film = film_of(tomogram, frames, params)
    seconds: dict[type, float] = {}
    first = None
    with tempfile.TemporaryDirectory(prefix="deepsxt-film-") as scratch:
        path = Path(scratch) / "first.png"
        for kind, shot in samples(film).items():
            if kind is SurfaceShot:
                _order(tomogram, frames, params, path)
            else:
                _write(film, shot, path)
            with Image.open(path) as image:
                seconds[kind] = float(image.info[_SECONDS])
                first = first or image.convert("RGB")
    if first is None:
        raise DrawingError("There is nothing to draw.")
    return estimate(film, seconds), first


def _write(film: Film, shot: Shot, path: Path) -> None:
    trial = path.with_suffix(f".{film.params.format}")
    image, seconds = first_frame(film, shot, trial)
    words = PngImagePlugin.PngInfo()
    words.add_text(_SECONDS, f"{seconds:.4f}")
    image.save(path, "png", pnginfo=words)


def _order(tomogram: Tomogram, frames: Sequence[KeyFrame], params: FilmParams, path: Path) -> None:
    order = {
        "file": "film",
        "tomogram": [str(tomogram.folder.parents[1]), tomogram.id],
        "frames": [plain(frame) for frame in frames],
        "params": plain(params),
        "out": str(path),
    }
    make_by_child(order, path, _LIMITS, lambda why: DrawingError(f"No film of surfaces: {why}"))


def draw_first(tomogram: Tomogram, order: Mapping[str, Any]) -> None:
    """Draw the first frame of surfaces that was ordered, in the process that was started for it."""
    frames = [parsed(KeyFrame, each, "A key frame") for each in order["frames"]]
    film = film_of(tomogram, frames, parsed(FilmParams, order["params"], "The film"))
    _write(film, samples(film)[SurfaceShot], Path(order["out"]))


def write_film(
    tomogram: Tomogram,
    frames: Sequence[KeyFrame],
    params: FilmParams,
    folder: Path,
    progress: Progress,
) -> Path:
    """Make a film in a folder, and return its file.

    Raises
    ------
    DeepSXTError
        As `film_of` does, and if something cannot be drawn.
    """
    progress.stage("Reading what is shown", 1, "film")
    film = film_of(tomogram, frames, params)
    return make_film(film, folder / film_name(params), progress)
