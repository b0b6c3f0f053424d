"""Films as files, frame by frame: MP4 (H.264), which all players and slides take, or GIF."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Literal

from PIL import Image

from deepsxt_core.errors import DrawingError

FilmFormat = Literal["mp4", "gif"]
Add = Callable[[Image.Image], None]

# Visually without loss; noise costs much below.
_CRF = "20"


@contextmanager
def film_writer(
    path: Path, format: FilmFormat, size: tuple[int, int], frames_per_s: int
) -> Iterator[Add]:
    """Yield what takes the frames of a film, RGB images of this size; the file is whole at the end.

    Parameters
    ----------
    path : Path
    format : {"mp4", "gif"}
        A GIF is kept in memory, a byte for each of its pixels, until it is written.
    size : (width, height)
        Even numbers of pixels.
    frames_per_s : int

    Raises
    ------
    DrawingError
        If nothing here writes MP4.
    """
    write = _mp4 if format == "mp4" else _gif
    with write(path, size, frames_per_s) as add:
        yield add


@contextmanager
def _mp4(path: Path, size: tuple[int, int], frames_per_s: int) -> Iterator[Add]:
    try:
        import av
    except ImportError as error:
        raise DrawingError(
            f"No MP4: what writes it is not installed ({error}). Choose GIF, or install 'av'."
        ) from error
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as file:
        stream = file.add_stream(
            "libx264", rate=Fraction(frames_per_s), options={"crf": _CRF, "preset": "veryfast"}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"

        def add(image: Image.Image) -> None:
            file.mux(stream.encode(av.VideoFrame.from_image(image)))

        yield add
        file.mux(stream.encode(None))


@contextmanager
def _gif(path: Path, _size: tuple[int, int], frames_per_s: int) -> Iterator[Add]:
    frames: list[Image.Image] = []

    def add(image: Image.Image) -> None:
        # Without dither, which would flicker.
        frames.append(image.quantize(256, dither=Image.Dither.NONE))

    yield add
    # In hundredths of a second, as the format has it.
    duration = max(2, round(100 / frames_per_s)) * 10
    frames[0].save(path, "gif", save_all=True, append_images=frames[1:], duration=duration, loop=0)
