"""The library on the first page: all tomograms, to find, open, name, tag, delete and restore."""

import pytest

from deepsxt_core import jobs
from deepsxt_core.files import read_json, write_json
from deepsxt_core.inference import SegmentParams
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Workspace, trash
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.remarks import remarks_of, write_remarks
from deepsxt_core.workspace.results import RUN_NAME
from deepsxt_core.workspace.tomogram import new_tomogram, write_tomogram
from tests.results import add_measurement, add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import button, plain, show, texts


def keyed(app, key):
    return next(each for each in app.button if each.key == key)


def address(app, *names):
    found = (app.query_params[name] for name in names)
    return [value if isinstance(value, str) else value[0] for value in found]


def names(app):
    return [each.label for each in app.button if (each.key or "").startswith("open_")]


@pytest.fixture
def many():
    """Tomograms whose files are gone."""
    workspace = Workspace()
    for number in range(45):
        folder = workspace.folder / "tomograms" / f"{number:018x}"
        folder.mkdir(parents=True)
        source = workspace.folder / f"c{number}.tif"
        write_tomogram(new_tomogram(folder.name, folder, source, source.name, None))
        write_remarks(folder, ["even" if number % 2 == 0 else "odd"], "")


def test_an_empty_workspace_has_no_library(app):
    show(app, "open.py")
    assert "Library" not in texts(app) and "Trash" not in texts(app)


def test_one_click_opens_a_tomogram(app, tomogram):
    add_surface(tomogram, add_score(tomogram, ball((4, *SHAPE[1:]), 5), first_slice=1))
    show(app, "open.py")
    shown = texts(app)
    assert "32 × 24 × 6 voxels" in shown and "slices 2 to 5" in shown and "1 surface" in shown
    keyed(app, f"open_{tomogram.id}").click().run()
    assert app.query_params["t"] == tomogram.id


@pytest.mark.usefixtures("many")
def test_the_list_is_paged_searched_filtered_and_sorted(app):
    show(app, "open.py")
    assert len(names(app)) == 20 and "45 tomograms" in texts(app)
    keyed(app, "library_page_Next").click().run()
    keyed(app, "library_page_Next").click().run()
    assert len(names(app)) == 5
    app.selectbox(key="library_order").select("name").run()
    app.multiselect(key="library_tags").set_value(["odd"]).run()
    assert len(names(app)) == 20 and "22 of 45 tomograms" in texts(app)
    app.text_input(key="library_text").set_value("C1").run()
    assert [name.replace("\\", "") for name in names(app)] == [
        *("c1.tif", "c11.tif", "c13.tif", "c15.tif", "c17.tif", "c19.tif")
    ]
    app.multiselect(key="library_states").set_value(["surfaces"]).run()
    assert names(app) == [] and "Nothing matches" in texts(app)
    assert not app.exception


def test_name_tags_and_notes_are_changed(app, tomogram):
    show(app, "open.py")
    keyed(app, f"edit_{tomogram.id}").click().run()
    key = f"library_{tomogram.id}"
    app.text_input(key=f"{key}_name").set_value("**Cell** in mitosis")
    app.multiselect(key=f"{key}_tags").set_value(["control"])
    app.text_area(key=f"{key}_notes").set_value("Dose too high")
    keyed(app, f"{key}_save").click().run()
    assert not app.exception
    assert Workspace().tomogram(tomogram.id).name == "**Cell** in mitosis"
    assert remarks_of(tomogram.folder).tags == ("control",)
    assert r"\*\*Cell" in names(app)[0]
    assert "control" in texts(app) and "Dose too high" in texts(app)
    assert not [each for each in app.button if each.key == f"{key}_save"]


def test_what_is_deleted_can_be_restored(app, tomogram):
    show(app, "open.py")
    keyed(app, f"edit_{tomogram.id}").click().run()
    keyed(app, f"library_{tomogram.id}_delete").click().run()
    assert not names(app) and Workspace().tomograms() == []
    button(app, "Restore").click().run()
    assert len(names(app)) == 1 and Workspace().tomograms() == [tomogram]
    assert trash.discarded(Workspace()) == []


@pytest.mark.usefixtures("model", "idle_workers")
def test_a_tomogram_that_is_worked_on_is_not_deleted(app, tomogram):
    job = jobs.submit(Workspace(), jobs.SegmentRequest(model="test-model"), tomogram=tomogram.id)
    show(app, "open.py")
    keyed(app, f"edit_{tomogram.id}").click().run()
    keyed(app, f"library_{tomogram.id}_delete").click().run()
    assert "is being worked on" in plain(app.error[0])
    assert Workspace().tomogram(tomogram.id) == tomogram
    jobs.cancel(Workspace(), job.id)
    keyed(app, f"library_{tomogram.id}_delete").click().run()
    assert Workspace().tomograms() == []


def test_the_history_tells_and_opens_all_that_was_made(app, tomogram):
    score = add_score(tomogram, ball((4, *SHAPE[1:]), 5), first_slice=1)
    surface = add_surface(tomogram, score)
    add_measurement(tomogram, surface)
    kept = add_annotation(tomogram, "mine", score=score.id)
    wanted = {
        score.id: ("score", score.id, "slices.py"),
        surface.id: ("surface", surface.id, "surface.py"),
        kept.id: ("annotation", kept.id, "slices.py"),
    }
    show(app, "open.py", tomogram)
    shown = texts(app)
    assert "model test" in shown and "threshold 0.00" in shown and "slices 2 to 5" in shown
    for made, (name, value, _) in wanted.items():
        show(app, "open.py", tomogram)
        keyed(app, f"history_{made}").click().run()
        assert not app.exception
        assert app.query_params[name] in (value, [value])


@pytest.fixture
def made(tomogram):
    """A score of four slices, and a surface of it with settings of its own."""
    score = add_score(tomogram, ball((4, *SHAPE[1:]), 5), first_slice=1)
    run = read_json(score.folder / RUN_NAME)
    params = {"rotations": 4, "z0": 1, "z1": 5, "invert": True}
    write_json(score.folder / RUN_NAME, run | {"params": run["params"] | params})
    settings = ReconstructParams(threshold=0.25, smoothing_voxels=1.2, min_voxels=7)
    return score, add_surface(tomogram, score, settings)


@pytest.mark.usefixtures("model", "idle_workers")
def test_what_was_made_is_repeated_with_its_settings(app, tomogram, made):
    score, surface = made
    show(app, "open.py", tomogram)
    app.menu_button(key=f"more_{score.id}").click("repeat").run()
    assert not app.exception
    segmenting = (app.slider(key=f"z_{tomogram.id}_{SHAPE[0]}"), app.button_group(key="rotations"))
    assert [widget.value for widget in segmenting] == [(2, 5), 4]
    assert button(app, "Segment 4 slices")
    assert Workspace().tomogram(tomogram.id).invert is True

    show(app, "open.py", tomogram)
    app.menu_button(key=f"more_{surface.id}").click("repeat").run()
    assert not app.exception
    assert address(app, "score", "surface", "threshold") == [score.id, surface.id, "0.25"]
    assert app.slider(key="surface_threshold").value == 0.25
    assert (app.slider(key="smoothing").value, app.number_input(key="min_voxels").value) == (1.2, 7)


@pytest.mark.usefixtures("model", "idle_workers")
def test_after_a_reload_a_page_shows_the_settings_of_what_is_at_work(app, tomogram):
    params = SegmentParams(z0=1, z1=5, rotations=8, tiling="compat")
    request = jobs.SegmentRequest(model="test-model", params=params)
    jobs.submit(Workspace(), request, tomogram=tomogram.id)
    show(app, "segment.py", tomogram)
    assert app.selectbox(key="model").value == "test-model"
    assert app.button_group(key="rotations").value == 8
    assert app.selectbox(key="tiling").value == "compat"
    assert app.slider(key=f"z_{tomogram.id}_{SHAPE[0]}").value == (2, 5)
    # What somebody sets then stays.
    app.button_group(key="rotations").set_value(1).run()
    assert app.button_group(key="rotations").value == 1


def test_what_was_made_is_compared_and_handed_to_a_batch(app, tomogram, made):
    score, surface = made
    kept = add_annotation(tomogram, "mine", score=score.id)
    show(app, "open.py", tomogram)
    app.menu_button(key=f"more_{score.id}").click(kept.id).run()
    assert not app.exception
    assert address(app, "score", "compare") == [score.id, kept.id]
    show(app, "open.py", tomogram)
    app.menu_button(key=f"more_{kept.id}").click(score.id).run()
    assert address(app, "compare_from") == [kept.id]
    show(app, "open.py", tomogram)
    app.menu_button(key=f"more_{surface.id}").click("batch").run()
    assert not app.exception
    assert app.title[0].value == "Batch"
    assert "threshold = 0.25" in " ".join(each.value for each in app.code)
