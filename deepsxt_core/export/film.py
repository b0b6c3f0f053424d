"""Films that move from view to view: through slices, into them, round a surface.

Frames are drawn one after the other, so that memory does not grow with their number.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.figure_sheet import GAP_PX, Paragraph, Sheet, caption_height, caption_lines
from deepsxt_core.export.film_files import film_writer
from deepsxt_core.export.film_plan import FilmParams, frame_counts, moments
from deepsxt_core.export.shots import Blend, KeyFrame, Moment, PlaneShot, Shot, SurfaceShot
from deepsxt_core.export.slice_figure import slice_sheet
from deepsxt_core.export.stage import Stage
from deepsxt_core.export.surface_shots import SurfaceDrawer
from deepsxt_core.files import written_beside
from deepsxt_core.io.pyramid import AXES
from deepsxt_core.progress import NoProgress, Progress

_MOST_GIF_BYTES = 1 << 30
_SURFACE_ASPECT = 4 / 3
_MEASURED = 2
_ASPECTS = (0.5, 3.0)
_PAPER = "white"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a film will be.

    Attributes
    ----------
    frames : int
    size : (width, height)
        In pixels.
    seconds : float
        About how long it takes to make, as measured on its first frame of each kind.
    """

    frames: int
    size: tuple[int, int]
    seconds: float


class Film:
    """A film that can be drawn.

    Parameters
    ----------
    frames : sequence of KeyFrame
    params : FilmParams
    stage : Stage

    Attributes
    ----------
    moments : list
        What each of its frames shows.
    size : (width, height)
        Of its frames, even numbers of pixels.

    Raises
    ------
    DeepSXTError
        If there is nothing to show or too much, or something cannot be read.
    """

    def __init__(self, frames: Sequence[KeyFrame], params: FilmParams, stage: Stage) -> None:
        self.params, self._stage = params, stage
        frames = [_with_view(frame, stage) for frame in frames]
        count = sum(frame_counts(frames, params))
        shots = [frame.shot for frame in frames]
        width = params.width_px // 2 * 2
        low, high = _ASPECTS
        aspect = min(high, max(low, _aspect(shots[0], stage)))
        self._picture = (width, max(2, round(width / aspect)))
        words = [self._words(shot) for shot in shots] if params.caption else []
        self._rows = max((len(caption_lines(each, width)) for each in words), default=0)
        height = self._picture[1] + caption_height(self._rows)
        self.size = (width, height + height % 2)
        if params.format == "gif":
            self._require_few_bytes(count)
        self.moments = moments(frames, params)

    def _require_few_bytes(self, count: int) -> None:
        if count * self.size[0] * self.size[1] > _MOST_GIF_BYTES:
            raise InvalidParameterError(
                f"A GIF of {count:,} frames of {self.size[0]} × {self.size[1]} pixels "
                "is too large. Choose MP4, or fewer or smaller frames."
            )

    @contextmanager
    def drawing(self, kept: int = 2) -> Iterator[Callable[[Moment], Image.Image]]:
        """Yield what draws its moments as RGB images of its size; `kept` are not drawn again."""
        drawers: dict[str, SurfaceDrawer] = {}
        recent: dict[Shot, Image.Image] = {}

        def of(shot: Shot) -> Image.Image:
            if shot in recent:
                return recent[shot]
            drawn = recent[shot] = self._on_canvas(self._sheet(shot, drawers))
            while len(recent) > kept:
                del recent[next(iter(recent))]
            return drawn

        def draw(moment: Moment) -> Image.Image:
            if isinstance(moment, Blend):
                return Image.blend(of(moment.one), of(moment.other), moment.share)
            return of(moment)

        try:
            yield draw
        finally:
            for drawer in drawers.values():
                drawer.close()

    def _sheet(self, shot: Shot, drawers: dict[str, SurfaceDrawer]) -> Sheet:
        rows = self._rows
        if isinstance(shot, SurfaceShot):
            if shot.surface not in drawers:
                surfaces = self._stage.surfaces(shot.surface)
                drawers[shot.surface] = SurfaceDrawer(surfaces, self._picture)
            panel = drawers[shot.surface].panel(shot)
            words = self._words(shot) if rows else ()
            return Sheet(panels=[panel], size=self._picture, caption=words, rows=rows)
        plane, words = self._stage.show(shot)
        view = self._view(shot, plane.within, plane.edges_nm)
        look = replace(shot.look, width_px=self._picture[0], ratio=1)
        return slice_sheet(replace(plane, view=view, is_beyond=True), look, words, rows)

    def _words(self, shot: Shot) -> Sequence[Paragraph]:
        return self._stage.show(shot)[1] if isinstance(shot, PlaneShot) else self._stage.about(shot)

    def _view(
        self,
        shot: PlaneShot,
        view: tuple[float, float, float, float],
        edges: tuple[float, float] | None,
    ) -> tuple[float, float, float, float]:
        """Return a view that is as wide as the frame, whatever it was on the screen."""
        width, height = self._picture
        if _is_twice(shot):
            width = (width - GAP_PX) // 2
        edge_row, edge_column = edges or (1.0, 1.0)
        r0, c0, r1, c1 = view
        wide, high = (c1 - c0) * edge_column, (r1 - r0) * edge_row
        grown = max(wide, high * width / height), max(high, wide * height / width)
        across, down = grown[0] / edge_column / 2, grown[1] / edge_row / 2
        row, column = (r0 + r1) / 2, (c0 + c1) / 2
        return row - down, column - across, row + down, column + across

    def _on_canvas(self, sheet: Sheet) -> Image.Image:
        image = sheet.image()
        if image.size == self.size:
            return image
        # A pixel more or less, as an even number of them is needed.
        canvas = Image.new("RGB", self.size, _PAPER)
        canvas.paste(image)
        return canvas


def _is_twice(shot: PlaneShot) -> bool:
    return shot.look.compare == "side" and shot.other is not None


def _with_view(frame: KeyFrame, stage: Stage) -> KeyFrame:
    """Return a key frame that says which part of a plane is in view."""
    shot = frame.plane
    if shot is None or shot.view is not None:
        return frame
    rows, columns = (
        float(n) for n, name in zip(stage.shape, AXES, strict=True) if name != shot.axis
    )
    return replace(frame, plane=replace(shot, view=(0.0, 0.0, rows, columns)))


def _aspect(shot: Shot, stage: Stage) -> float:
    if isinstance(shot, SurfaceShot) or shot.view is None:
        return _SURFACE_ASPECT
    size = stage.voxel_size_nm or (1.0, 1.0, 1.0)
    row, column = (edge for edge, name in zip(size, AXES, strict=True) if name != shot.axis)
    r0, c0, r1, c1 = shot.view
    aspect = (c1 - c0) * column / max((r1 - r0) * row, 1e-9)
    return aspect * 2 if _is_twice(shot) else aspect


def make_film(film: Film, path: Path, progress: Progress | None = None) -> Path:
    """Draw a film into a file, and return that.

    Raises
    ------
    DeepSXTError
        If something cannot be read or drawn.
    """
    progress = progress or NoProgress()
    params = film.params
    progress.stage("Drawing frames", len(film.moments), "frame")
    with (
        written_beside(path) as beside,
        film.drawing() as draw,
        film_writer(beside, params.format, film.size, params.frames_per_s) as add,
    ):
        for moment in film.moments:
            add(draw(moment))
            progress.advance()
    return path


def samples(film: Film) -> dict[type, Shot]:
    """Return the first shot of each kind that a film shows."""
    found: dict[type, Shot] = {}
    for moment in film.moments:
        shot = moment.one if isinstance(moment, Blend) else moment
        found.setdefault(type(shot), shot)
    return found


def first_frame(film: Film, shot: Shot, path: Path) -> tuple[Image.Image, float]:
    """Draw a shot of a film and measure it; return it and its seconds.

    The first drawing takes longer, and of the next ones one may be disturbed: the faster counts.

    Parameters
    ----------
    path : Path
        A file of one frame, written as the film would be; for its time alone.

    Raises
    ------
    DeepSXTError
        If it cannot be read or drawn.
    """
    params = film.params
    with film.drawing(kept=0) as draw:
        image, seconds = draw(shot), []
        for _ in range(_MEASURED):
            begun = time.perf_counter()
            with film_writer(path, params.format, film.size, params.frames_per_s) as add:
                add(draw(shot))
            seconds.append(time.perf_counter() - begun)
    return image, min(seconds)


def estimate(film: Film, seconds: dict[type, float]) -> Estimate:
    """Return what a film will be, from the seconds that a frame of each kind takes."""
    total, before = 0.0, None
    for moment in film.moments:
        if moment != before:
            shot = moment.one if isinstance(moment, Blend) else moment
            total += seconds.get(type(shot), 0.0)
        before = moment
    return Estimate(frames=len(film.moments), size=film.size, seconds=total)
