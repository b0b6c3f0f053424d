"""A film as a job."""

from pathlib import Path

from deepsxt_core.export.film_plan import frame_counts
from deepsxt_core.files import write_json
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.jobs.film_requests import FilmRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.results import RUN_NAME
from deepsxt_core.workspace.stages import versions


def _identity(tomogram: Tomogram, request: FilmRequest) -> Identity:
    frame_counts(request.frames, request.params)
    size = tomogram.volume().voxel_size_nm
    return {
        "step": "film",
        "input_sha256": tomogram.input_sha256(),
        # For the caption, and the scale bar.
        "name": tomogram.name,
        "voxel_size_nm": None if size is None else list(size),
        "sources": versions(tomogram, [frame.shot for frame in request.frames]),
        **plain(request),
    }


def _run(tomogram: Tomogram, request: FilmRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.workspace.films import write_film

    with unchanged(tomogram.source):
        path = write_film(tomogram, request.frames, request.params, out, progress)
    frames = sum(frame_counts(request.frames, request.params))
    told = {"file": path.name, "bytes": path.stat().st_size, "frames": frames}
    write_json(out / RUN_NAME, told | {"params": plain(request.params)})


FILM = Task(title="Film", device=PROCESSOR, identity=_identity, run=_run, result_kind="films")
