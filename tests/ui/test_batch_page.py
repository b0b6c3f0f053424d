"""The page of batches: what it asks for, and what it shows of it."""

import json

import numpy as np
import pytest
import tifffile

from deepsxt_core import jobs
from deepsxt_core.files import write_json
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import write_status
from deepsxt_core.jobs.trial import TrialDesk, Tried
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import button, plain, show, texts

pytestmark = pytest.mark.usefixtures("model", "idle_workers")


def plain_texts(app):
    return texts(app).replace("\\", "")


def plain_caption(picture):
    return picture.proto.imgs[0].caption.replace("\\", "")


def chosen(app, tomogram):
    app.multiselect(key="batch_tomograms").set_value([tomogram.id]).run()


def test_without_anything_it_says_what_to_do(app):
    show(app, "batch.py")
    assert "No batch has run yet" in texts(app)
    assert button(app, "Start").disabled


def started(app):
    button(app, "Start with 1 tomogram").click().run()
    assert not app.exception
    job, *_ = jobs.list_jobs(Workspace())
    return job.request.recipe


def cut_surface(tomogram):
    """Give a tomogram a surface of slices 3 to 5, at a threshold of its own."""
    score = add_score(tomogram, ball((3, *SHAPE[1:]), 8), first_slice=2)
    record = score.folder / "run.json"
    run = json.loads(record.read_text())
    run["params"] |= {"z0": 2, "z1": 5, "crop": "0:6,0:24,4:20"}
    write_json(record, run)
    return add_surface(
        tomogram, tomogram.result("scores", score.id), ReconstructParams(threshold=0.4)
    )


def test_nothing_is_taken_from_another_tomogram_unasked(app, tomogram):
    cut_surface(tomogram)
    show(app, "batch.py")
    chosen(app, tomogram)
    assert started(app) == Recipe()
    (job,) = jobs.list_jobs(Workspace())
    assert job.request.tomograms == (tomogram.id,)
    assert app.dataframe[0].value["State"].tolist() == ["Waiting"]


def test_the_range_of_a_result_is_taken_only_when_the_user_says_so(app, tomogram):
    surface = cut_surface(tomogram)
    show(app, "batch.py")
    chosen(app, tomogram)
    app.button_group(key="recipe_source").set_value("From a result").run()
    assert button(app, "Start with 1 tomogram").disabled
    app.selectbox(key="recipe_tomogram").select(tomogram.id).run()
    assert button(app, "Start with 1 tomogram").disabled
    app.selectbox(key=f"recipe_result_{tomogram.id}").select(surface.id).run()
    assert "all of it" in texts(app) and "above 0.4," in plain_texts(app)
    recipe = started(app)
    assert (recipe.model, recipe.reconstruct.threshold) == ("test-model", 0.4)
    assert (recipe.segment.z0, recipe.segment.z1, recipe.segment.crop) == (0, None, None)
    app.toggle(key=f"recipe_range_{surface.id}").set_value(True).run()
    assert "slices 3 to 5 alone" in texts(app) and "cut to this part" in texts(app)
    segment = started(app).segment
    assert (segment.z0, segment.z1, segment.crop) == (2, 5, "0:6,0:24,4:20")


def test_label_files_are_pointed_out_and_not_chosen_with_all(app, tomogram, tmp_path):
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 4:12, 4:12] = 1
    path = tmp_path / "truth.tif"
    tifffile.imwrite(path, labels, imagej=True, metadata={"axes": "ZYX"})
    labelled = Workspace().add_file(path)
    show(app, "batch.py")
    assert app.multiselect(key="batch_tomograms").value == []
    chosen(app, labelled)
    assert "look like labels" in texts(app)
    app.button(key="batch_all").click().run()
    assert app.multiselect(key="batch_tomograms").value == [tomogram.id]
    assert "look like labels" not in texts(app)


def test_a_recipe_is_tried_on_slices_and_its_time_is_told(app, tomogram, monkeypatch):
    def score(_desk, tried, model, z, _params, stop):
        assert (tried.id, model, z, stop.is_set()) == (tomogram.id, Recipe().model, 3, False)
        return Tried(np.full(SHAPE[1:], 0.5, np.float32), 2.0)

    monkeypatch.setattr(TrialDesk, "score", score)
    show(app, "batch.py")
    chosen(app, tomogram)
    assert "known after a try" in texts(app) and "6 slices of 1 tomogram" in texts(app)
    app.button(key="try_batch").click().run()
    app.session_state["batch_preview"][1].wait()
    app.run()
    assert not app.exception
    (picture,) = app.get("image")
    assert "100.0% counts as membrane" in plain_caption(picture)
    # 2 s for each slice, and the surface.
    assert "About 12 s if nothing of it is there yet" in plain_texts(app)
    # It was another recipe's.
    app.button_group(key="recipe_source").set_value("From a file").run()
    text = b"[segment]\nz0 = 2\n"
    app.file_uploader(key="recipe_file").upload("r.toml", text, "application/toml").run()
    assert not app.get("image") and "known after a try" in texts(app)


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
    assert table["Remark"].tolist() == ["", "There is no tomogram."]
    assert "1 of 2 finished" in texts(app) and "3 objects" in texts(app)
    assert "There is no tomogram." in texts(app).replace("\\", "")
    assert plain(app.error[0]) == "1 of 2 tomograms failed."
    assert app.get("download_button")
    button(app, "Try the 1 failed again").click().run()
    assert not app.exception
    assert jobs.read_job(Workspace(), job.id).state == "queued"
    show(app, "jobs.py")
    assert "**Batch** of **2 tomograms**" in texts(app)
