"""What pages say of results that are not of today, or whose records cannot be read."""

import pytest

from deepsxt_core import jobs
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from tests.results import add_measurement, add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import plain, show, texts

pytestmark = pytest.mark.usefixtures("model", "idle_workers")


@pytest.fixture
def sized(tomogram):
    return tomogram.update(voxel_size_nm=VoxelSize(10, 10, 10))


@pytest.fixture
def score(sized):
    return add_score(sized, ball(SHAPE, 8))


@pytest.fixture
def surface(sized, score):
    return add_surface(sized, score)


def spoil(result, **changes):
    run = read_json(result.folder / "run.json")
    run["params"].update(changes)
    write_json(result.folder / "run.json", run)


def plain_texts(app):
    return texts(app).replace("\\", "")


@pytest.mark.usefixtures("surface")
@pytest.mark.parametrize("page", ["surface.py", "measure.py"])
def test_a_corrected_voxel_size_is_said(app, sized, page):
    show(app, page, sized)
    assert not app.warning
    sized.update(voxel_size_nm=VoxelSize(25, 25, 25))
    show(app, page, sized)
    assert not app.exception
    said = plain(app.warning[0])
    assert "10 × 10 × 10 nm" in said and "25 × 25 × 25 nm" in said


@pytest.mark.parametrize("page", ["surface.py", "measure.py", "batch.py", "slices.py"])
def test_an_unknown_parameter_breaks_no_page(app, sized, surface, page):
    newest = add_score(sized, ball(SHAPE, 7))
    measured = add_measurement(sized, surface)
    spoil(newest, colour="red")
    spoil(measured, colour="red")
    show(app, page, sized)
    assert not app.exception and not app.error
    if page != "slices.py":
        assert f"A score of **cell_1.tif** ({newest.id}) is left out" in plain_texts(app)
        assert "colour" in plain_texts(app)
    if page == "measure.py":
        assert f"({measured.id}) is left out" in plain_texts(app)


@pytest.mark.parametrize("page", ["surface.py", "measure.py", "batch.py", "evaluate.py"])
def test_records_that_lack_all_break_no_page(app, sized, score, surface, page):
    for result in (score, surface):
        write_json(result.folder / "run.json", {})
    show(app, page, sized)
    assert not app.exception


def test_a_job_that_cannot_be_read_has_its_line(app, sized):
    job = create_job(
        Workspace(), jobs.SegmentRequest(model="m"), "0" * 20, Status(state="failed"), sized.id
    )
    content = read_json(job.folder / "request.json") | {"kind": "batch", "params": {"colour": 1}}
    write_json(job.folder / "request.json", content)
    for page in ("jobs.py", "batch.py"):
        show(app, page)
        assert not app.exception
        assert "'colour' is not known" in plain_texts(app)
