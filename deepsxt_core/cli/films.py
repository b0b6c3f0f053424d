"""``deepsxt film``."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from cyclopts import Parameter

from deepsxt_core.annotation import is_annotation, open_annotation
from deepsxt_core.cli.opening import open_part, open_source
from deepsxt_core.cli.options import Dataset, Outcome, VoxelSizeNm, command
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.film_files import FilmFormat
from deepsxt_core.export.film_plan import FilmParams, Pace
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.files import keep_apart, prepare_file
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Mask, Score

_FORMATS: dict[str, FilmFormat] = {f".{each}": each for each in get_args(FilmFormat)}
_File = Annotated[Path | None, Parameter(metavar="PATH")]


@command
def film(
    input: Path,
    /,
    *,
    out: Annotated[Path, Parameter(metavar="FILE.mp4")],
    score: _File = None,
    other: _File = None,
    annotation: _File = None,
    surface: _File = None,
    key_frames: Annotated[Path | None, Parameter(metavar="FILE.json")] = None,
    axis: Literal["z", "y", "x"] = "z",
    first: int = 0,
    last: int | None = None,
    seconds: float = 8.0,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
    drawn: FilmParams,
    look: Annotated[dict, FigureParams, "grey values: as the tomogram's"],
    progress: Progress,
) -> Outcome:
    """Draw a film: through all planes, round a surface, or from key frame to key frame.

    Parameters
    ----------
    input
        Tomogram: TIFF, MRC, HDF5, OME-Zarr, …
    out
        File to write; its ending, .mp4 or .gif, is the format.
    score
        What lies over it: score.ome.zarr, a mask file or an annotation.
    other
        What that is compared with.
    annotation
        Folder of an annotation whose objects are shown.
    surface
        Folder of surfaces. Without key frames, the film turns once round them.
    key_frames
        Views that the film moves between, as key-frames.json in the folder of a tomogram has them.
    axis
        The planes lie across it.
    first, last
        Planes, from 0.
    seconds
        Length without key frames.
    dry_run
        Say what the film will be and how long it takes, and make none.
    """
    from deepsxt_core.export.film import Film, make_film
    from deepsxt_core.workflow.filming import FilmSources

    format = _FORMATS.get(out.suffix.lower())
    if format is None:
        raise InvalidParameterError(f"A film is an MP4 or a GIF: end --out in .mp4, got '{out}'.")
    keep_apart([each for each in (input, score, other, annotation) if each], [out])
    tomogram = open_part(input, dataset, voxel_size_nm, part)
    shown = _look(tomogram, look)
    sources = FilmSources(
        name=input.name,
        tomogram=tomogram,
        first=_source(score, voxel_size_nm, shown.threshold),
        other=_source(other, voxel_size_nm, shown.other_threshold),
        annotation=None if annotation is None else (annotation.name, open_annotation(annotation)),
        surface=surface,
    )
    pace: Pace = "even"
    if key_frames is not None:
        frames, pace = sources.from_file(key_frames, shown), drawn.pace
    elif surface is not None:
        frames = sources.around(seconds)
    else:
        frames = sources.through(axis, first, last, seconds, shown)
    params = replace(drawn, format=format, pace=pace)
    with tempfile.TemporaryDirectory(prefix="deepsxt-film-") as scratch:
        made = Film(frames, params, sources.stage(Path(scratch)))
        expected = _expected(made, Path(scratch))
        told = {"frames": expected.frames, "size": expected.size, "expected_s": expected.seconds}
        line = _line(expected)
        if dry_run:
            return Outcome([line], told)
        print(line, file=sys.stderr)
        prepare_file(out)
        with unchanged(input):
            make_film(made, out, progress)
    size = out.stat().st_size
    return Outcome([f"Film {out}, {size / 1e6:.1f} MB"], told | {"file": str(out), "bytes": size})


def _line(expected: Any) -> str:
    width, height = expected.size
    return (
        f"{expected.frames:,} frames of {width} × {height} pixels, about {expected.seconds:.0f} s"
    )


def _source(
    path: Path | None, voxel_size_nm: Any, threshold: float
) -> tuple[str, Score | Mask] | None:
    if path is None:
        return None
    found = open_source(path, None, voxel_size_nm, threshold=threshold)
    kind = "annotation" if is_annotation(path) else "score" if isinstance(found, Score) else "mask"
    return f"{kind} {path.name}", found


def _look(tomogram: Any, given: dict[str, Any]) -> FigureParams:
    from deepsxt_core.preprocessing.sampling import shown_range

    black, white = shown_range(tomogram)
    return FigureParams(**{"black": black, "white": white, **given})


def _expected(made: Any, scratch: Path) -> Any:
    from deepsxt_core.export.film import estimate, first_frame, samples

    trial = scratch / f"first.{made.params.format}"
    return estimate(
        made, {kind: first_frame(made, shot, trial)[1] for kind, shot in samples(made).items()}
    )
