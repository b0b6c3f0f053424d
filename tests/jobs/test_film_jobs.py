"""Films as jobs: made in the background, found again, cancelled without half a file."""

from dataclasses import replace

import av
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.annotation import Paint, RunStroke
from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.export.film_plan import FilmParams, sweep
from deepsxt_core.export.shots import KeyFrame, PlaneShot
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.files import read_json
from deepsxt_core.jobs import FilmRequest, job_log, read_job, submit
from deepsxt_core.jobs.request_files import read_request, request_content
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.web import routes
from deepsxt_core.workspace import recipe_hash
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.films import expected

SHOT = PlaneShot(look=FigureParams(black=0, white=255))
PARAMS = FilmParams(width_px=160, frames_per_s=6, pace="even")
REQUEST = FilmRequest(frames=sweep(SHOT, 0, 2, 1.0), params=PARAMS)


class Watched:
    """A progress that is asked to stop after some units."""

    def __init__(self, most: int) -> None:
        self.left = most

    def stage(self, name: str, total: int, unit: str) -> None: ...

    def advance(self, n: int = 1) -> None:
        self.left -= n
        if self.left < 0:
            raise CancelledError("The job was cancelled.")


@pytest.mark.usefixtures("in_process")
def test_a_film_is_made_by_a_job_and_handed_out(workspace, tomogram, monkeypatch):
    monkeypatch.setenv("DEEPSXT_HOME", str(workspace.folder))
    told, first = expected(tomogram, REQUEST.frames, PARAMS)
    assert told.frames == 7
    assert first.size == told.size
    job = submit(workspace, REQUEST, tomogram=tomogram.id)
    assert read_job(workspace, job.id).state == "done", job_log(job)
    (made,) = tomogram.readable_results("films")
    assert (made.id, made.run["frames"]) == (job.result_id, 7)
    with TestClient(Starlette(routes=routes.routes())) as client:
        answer = client.get(routes.download_address(tomogram, "films", made.id, "film.mp4"))
    assert answer.headers["content-type"] == "video/mp4"
    assert len(answer.content) == made.run["bytes"]
    with av.open(str(made.folder / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 7
        video = film.streams.video[0]
        assert (video.width, video.height) == told.size
    assert submit(workspace, REQUEST, tomogram=tomogram.id).id == job.id
    assert recipe_hash(TASKS["film"].identity(tomogram.update(name="b"), REQUEST)) != made.id


def test_a_film_of_an_annotation_is_another_one_after_an_edit(tomogram):
    kept = add_annotation(tomogram, "cell")
    shown = replace(SHOT, annotation=kept.id, first=f"annotations/{kept.id}/judged")
    request = FilmRequest(frames=(KeyFrame(plane=shown),), params=PARAMS)
    before = TASKS["film"].identity(tomogram, request)
    assert TASKS["film"].identity(tomogram, request) == before
    with kept.open(owner="test") as opened:
        opened.apply(
            Paint(object=1, stroke=RunStroke(plane="xy", runs=((0, 0, 0, 1),))),
        )
    assert TASKS["film"].identity(tomogram, request) != before


def test_a_request_is_read_back_and_what_is_no_film_is_refused(workspace, tomogram):
    content = request_content(REQUEST)
    assert read_request("film", content, 2) == REQUEST
    content["frames"][0]["plane"]["axis"] = "w"
    assert "axis" in read_request("film", content, 2).problem
    with pytest.raises(InvalidParameterError, match="Add a view"):
        submit(workspace, FilmRequest(frames=()), tomogram=tomogram.id)
    other = replace(REQUEST, frames=(KeyFrame(plane=replace(SHOT, first="scores/none")),))
    with pytest.raises(Exception, match="none"):
        expected(tomogram, other.frames, PARAMS)


@pytest.mark.parametrize("format", ["mp4", "gif"])
def test_a_cancelled_film_leaves_no_file(tomogram, tmp_path, format):
    out = tmp_path / "out"
    out.mkdir()
    request = replace(REQUEST, params=replace(PARAMS, format=format))
    with pytest.raises(CancelledError):
        TASKS["film"].run(tomogram, request, out, Watched(2))
    assert list(out.iterdir()) == []
    assert read_json(out / "run.json") is None
