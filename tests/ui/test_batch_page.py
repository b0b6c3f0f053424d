"""The page of batches: what it asks for, and what it shows of it."""

import pytest

from deepsxt_core import jobs
from deepsxt_core.files import write_json
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import write_status
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import button, plain, show, texts

pytestmark = pytest.mark.usefixtures("model", "idle_workers")


def chosen(app, tomogram):
    app.multiselect(key="batch_tomograms").set_value([tomogram.id]).run()


def test_without_anything_it_says_what_to_do(app):
    show(app, "batch.py")
    assert "No batch has run yet" in texts(app)
    assert button(app, "Start").disabled


def test_a_batch_takes_what_was_clicked_last(app, tomogram):
    add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
    show(app, "batch.py")
    chosen(app, tomogram)
    button(app, "Start with 1 tomogram").click().run()
    assert not app.exception
    (job,) = jobs.list_jobs(Workspace())
    assert job.request.tomograms == (tomogram.id,)
    recipe = job.request.recipe
    assert (recipe.model, recipe.segment.rotations) == ("test-model", 1)
    assert recipe.reconstruct == ReconstructParams()
    assert app.dataframe[0].value["State"].tolist() == ["Waiting"]


def test_a_recipe_file_is_taken_or_refused_in_words(app, tomogram):
    show(app, "batch.py")
    chosen(app, tomogram)
    app.button_group(key="recipe_source").set_value("From a file").run()
    assert button(app, "Start with 1 tomogram").disabled
    app.file_uploader(key="recipe_file").upload("r.toml", b"[segmant]", "application/toml").run()
    assert "segmant" in plain(app.error[0])
    text = b'[segment]\nmodel = "test-model"\nz0 = 2\n'
    app.file_uploader(key="recipe_file").set_value(("r.toml", text, "application/toml")).run()
    button(app, "Start with 1 tomogram").click().run()
    (job,) = jobs.list_jobs(Workspace())
    assert job.request.recipe.segment.z0 == 2


def test_files_of_the_server_become_tomograms(app, tomogram, tmp_path, monkeypatch):
    root = tmp_path / "data"
    root.mkdir()
    (root / "other.tif").write_bytes(tomogram.source.read_bytes())
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(root))
    show(app, "batch.py")
    app.multiselect(key=f"batch_{root}").set_value(["other.tif"]).run()
    button(app, "Start with 1 tomogram").click().run()
    (job,) = jobs.list_jobs(Workspace())
    (added,) = job.request.tomograms
    assert Workspace().tomogram(added).source == root / "other.tif"


def test_states_failures_and_the_table_are_shown_and_run_again(app, tomogram):
    request = jobs.BatchRequest(
        tomograms=(tomogram.id, "0" * 18), recipe=Recipe(model="test-model")
    )
    job = jobs.submit(Workspace(), request)
    rows = {
        tomogram.id: {"status": "done", "error": None, "membrane_fraction": 0.25, "objects": 3},
        "0" * 18: {"status": "failed", "error": "There is no tomogram."},
    }
    (job.folder / "work").mkdir()
    write_json(job.folder / "work" / "rows.json", {"rows": rows})
    (job.folder / "work" / "summary.csv").write_text("file,status\n")
    write_status(job.folder, Status(state="failed", error="1 of 2 tomograms failed."))
    show(app, "batch.py")
    table = app.dataframe[0].value
    assert table["State"].tolist() == ["Done", "Failed"]
    assert table["Membrane (%)"][0] == 25
    assert "There is no tomogram." in texts(app).replace("\\", "")
    assert plain(app.error[0]) == "1 of 2 tomograms failed."
    assert app.get("download_button")
    button(app, "Run again").click().run()
    assert not app.exception
    assert jobs.read_job(Workspace(), job.id).state == "queued"
    show(app, "jobs.py")
    assert "**Batch** of **2 tomograms**" in texts(app)
