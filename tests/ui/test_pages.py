"""The pages without a browser: what they show and what they leave in the workspace."""

import re

import h5py
import numpy as np
import pytest

from deepsxt_core import jobs
from deepsxt_core.export.meshes import MESH_FORMATS
from deepsxt_core.files import write_json
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import write_tiff
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import write_status
from deepsxt_core.jobs.trial import TrialDesk, Tried
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace import Workspace
from tests.results import add_measurement, add_score, add_surface, ball

from .conftest import SHAPE

PAGES = ["open.py", "segment.py", "slices.py", "surface.py"]


def show(app, page, tomogram=None, **query):
    """Run a page as if its address were opened; nothing may have gone wrong."""
    if tomogram is not None:
        app.query_params["t"] = tomogram.id
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(page).run()
    assert not app.exception
    return app


def offered_files(app) -> str:
    """Return the addresses of all downloads on the page."""
    return " ".join(str(each.proto) for each in app.get("bidi_component"))


def button(app, label):
    return next(each for each in app.button if each.label == label)


def plain(element):
    """Return the text of an element without the backslashes that keep Markdown out of names."""
    return element.value.replace("\\", "")


def texts(app):
    return " ".join(
        str(each.value)
        for kind in (app.title, app.caption, app.markdown, app.warning, app.error, app.info)
        for each in kind
    )


class TestHostileNames:
    """Names come from strangers; Markdown in them must be shown and not obeyed."""

    NAME = "<img src=x> :red[a] **b** $c$ [d](http://e) `f`"

    def shown(self, app):
        for kind in ("title", "caption", "markdown", "warning", "error", "info"):
            yield from (each.value for each in getattr(app, kind))
        yield from (each.label for each in app.button)
        yield from (option for each in app.radio for option in each.options)

    @pytest.mark.parametrize("page", [*PAGES, "jobs.py", "measure.py"])
    def test_the_name_of_a_tomogram(self, app, tomogram, page):
        tomogram.update(name=self.NAME)
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))
        show(app, page, tomogram)
        texts = list(self.shown(app))
        assert any("img src" in text for text in texts)
        for part in ("<img", ":red", "**b", "$c", "[d", "`f"):
            obeyed = re.compile(r"(?<!\\)" + re.escape(part))
            assert [text for text in texts if obeyed.search(text)] == []

    def test_the_name_of_a_dataset(self, app, tmp_path):
        with h5py.File(tmp_path / "two.h5", "w") as file:
            for name in ("a", self.NAME.replace("/", "")):
                file[name] = np.zeros((3, 4, 5), np.uint8)
        show(app, "open.py", Workspace().add_file(tmp_path / "two.h5"))
        assert not [text for text in self.shown(app) if "**b**" in text]

    def test_the_name_of_a_file_that_is_refused(self, app, tmp_path, monkeypatch):
        name = f"{self.NAME.replace('/', '')}.tif"
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / name).write_bytes(b"nothing")
        monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(tmp_path / "data"))
        show(app, "open.py")
        next(each for each in app.button if each.key == f"server_take_{name}").click().run()
        assert "img src" in app.error[0].value
        assert "**b**" not in app.error[0].value


class TestNothingOpen:
    @pytest.mark.parametrize("page", PAGES[1:])
    def test_every_step_points_to_the_first(self, app, page):
        show(app, page)
        assert "No tomogram is open" in texts(app)
        button(app, "Open a tomogram").click().run()
        assert app.title[0].value == "Open a tomogram"

    @pytest.mark.parametrize("page", PAGES)
    def test_an_unknown_id_in_the_address_is_explained_and_dropped(self, app, page):
        app.query_params["t"] = "0123456789abcdef"
        app.switch_page(page).run()
        assert "no tomogram '0123456789abcdef'" in texts(app)
        assert "t" not in app.query_params

    def test_server_folders_appear_only_when_allowed(self, app, tmp_path, monkeypatch):
        show(app, "open.py")
        assert "On this server" not in texts(app)
        (tmp_path / "data" / "day 1").mkdir(parents=True)
        (tmp_path / "data" / "not a tomogram.csv").write_text("0,0,0")
        (tmp_path / "data" / "day 1" / "broken.tif").write_bytes(b"nothing")
        monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(tmp_path / "data"))

        def offered():
            return [each.key for each in app.button if (each.key or "").startswith("server_")]

        app.run()
        assert offered() == ["server_into_day 1"]
        next(each for each in app.button if each.key == "server_into_day 1").click().run()
        assert offered() == ["server_up_0", "server_take_broken.tif"]
        assert "0.007 kB" in texts(app)
        app.text_input(key="server_text").set_value("nothing like it").run()
        assert offered() == ["server_up_0"] and "Nothing matches." in texts(app)
        app.text_input(key="server_text").set_value("broken").run()
        next(each for each in app.button if each.key == "server_take_broken.tif").click().run()
        assert "broken.tif" in plain(app.error[0])
        assert not app.exception


@pytest.mark.usefixtures("model")
class TestOpen:
    def test_the_facts_are_shown(self, app, tomogram):
        show(app, "open.py", tomogram)
        facts = {metric.label: metric.value for metric in app.metric}
        assert facts["Voxels (x × y × z)"] == "32 × 24 × 6"
        assert facts["Size"] == "not known"

    def test_a_cubic_voxel_size_is_kept(self, app, tomogram):
        show(app, "open.py", tomogram)
        app.button_group(key=f"voxel_{tomogram.id}").set_value("cubic").run()
        assert Workspace().tomogram(tomogram.id).voxel_size_nm is None  # never a guess
        app.number_input(key=f"voxel_{tomogram.id}_edge").set_value(12.5).run()
        assert Workspace().tomogram(tomogram.id).voxel_size_nm == VoxelSize.isotropic(12.5)
        assert {metric.label: metric.value for metric in app.metric}[
            "Size"
        ] == "0.4 × 0.3 × 0.075 µm"

    def test_a_voxel_size_per_axis_is_kept(self, app, tomogram):
        tomogram.update(voxel_size_nm=VoxelSize(30, 20, 10))
        show(app, "open.py", tomogram)
        app.number_input(key=f"voxel_{tomogram.id}_z").set_value(40.0).run()
        assert Workspace().tomogram(tomogram.id).voxel_size_nm == VoxelSize(40, 20, 10)

    def test_the_file_s_own_voxel_size_comes_back(self, app, tomogram):
        tomogram.update(voxel_size_nm=VoxelSize(30, 20, 10))
        show(app, "open.py", tomogram)
        app.button_group(key=f"voxel_{tomogram.id}").set_value("file").run()
        assert Workspace().tomogram(tomogram.id).voxel_size_nm is None

    def test_a_doubtful_voxel_size_is_confirmed(self, app, tmp_path):
        path = tmp_path / "doubtful.tif"
        noise = np.random.default_rng(0).normal(1000, 50, SHAPE).astype(np.float32)
        write_tiff(Volume.from_array(noise, VoxelSize.isotropic(1000)), path)
        tomogram = Workspace().add_file(path)
        show(app, "open.py", tomogram)
        assert "1000 nm" in texts(app)
        button(app, "It is right").click().run()
        assert not app.exception
        assert Workspace().tomogram(tomogram.id).voxel_size_nm == pytest.approx((1000,) * 3)
        assert "It is right" not in [each.label for each in app.button]

    @pytest.mark.parametrize("edge_nm", [200_000, 0.001])
    @pytest.mark.parametrize("choice", ["cubic", "axes"])
    def test_an_impossible_voxel_size_is_corrected(self, app, tmp_path, edge_nm, choice):
        path = tmp_path / "impossible.tif"
        noise = np.random.default_rng(0).normal(1000, 50, SHAPE).astype(np.float32)
        write_tiff(Volume.from_array(noise, VoxelSize.isotropic(edge_nm)), path)
        tomogram = Workspace().add_file(path)
        show(app, "open.py", tomogram)
        app.button_group(key=f"voxel_{tomogram.id}").set_value(choice).run()
        assert not app.exception
        for name in ("edge",) if choice == "cubic" else "xyz":
            app.number_input(key=f"voxel_{tomogram.id}_{name}").set_value(20.0).run()
        assert not app.exception
        assert Workspace().tomogram(tomogram.id).voxel_size_nm == VoxelSize.isotropic(20)

    def test_a_part_is_kept(self, app, tomogram):
        show(app, "open.py", tomogram)
        assert "Health" in texts(app)
        app.slider(key=f"crop_y_{tomogram.id}_(0, None)").set_range(4, 20).run()
        assert not app.exception
        app.button_group(key=f"bin_{tomogram.id}_1").set_value(2).run()
        assert not app.exception
        kept = Workspace().tomogram(tomogram.id).region
        assert (kept.crop, kept.bin) == ("0:,4:20,0:", 2)
        assert "16 × 8 × 3 voxels" in texts(app)

    def test_the_polarity_is_kept(self, app, tomogram):
        show(app, "open.py", tomogram)
        app.button_group(key=f"polarity_{tomogram.id}").set_value("Bright").run()
        assert Workspace().tomogram(tomogram.id).invert is True

    def test_one_of_several_datasets_is_chosen(self, app, tmp_path):
        path = tmp_path / "two.h5"
        with h5py.File(path, "w") as file:
            for name in ("first", "second"):
                file[name] = np.zeros(SHAPE, np.uint8)
        tomogram = Workspace().add_file(path)
        show(app, "open.py", tomogram)
        app.radio[0].set_value("second").run()
        button(app, "Use this volume").click().run()
        assert not app.exception
        assert Workspace().tomogram(tomogram.id).dataset == "second"
        assert app.metric

    @pytest.mark.parametrize("page", PAGES)
    def test_a_file_that_is_gone_is_explained(self, app, tomogram, page):
        add_score(tomogram, ball(SHAPE, 8))
        tomogram.source.unlink()
        show(app, page, tomogram)
        assert "cell_1.tif" in plain(app.error[0])


@pytest.mark.usefixtures("model", "idle_workers")
class TestSegment:
    def test_without_a_model_it_says_what_to_do(self, app, tomogram, monkeypatch):
        monkeypatch.setattr("deepsxt_core.network.list_models", list)
        show(app, "segment.py", tomogram)
        assert "No model is installed" in app.warning[0].value

    def test_what_was_chosen_reaches_the_job(self, app, tomogram):
        tomogram.update(invert=True)
        show(app, "segment.py", tomogram)
        app.selectbox(key="model").select("test-model")
        app.slider(key=f"z_{tomogram.id}_{SHAPE[0]}").set_range(2, 4)
        app.button_group(key="rotations").set_value(4).run()
        button(app, "Segment 3 slices").click().run()
        (job,) = jobs.list_jobs(Workspace(), tomogram.id)
        params = SegmentParams(z0=1, z1=4, rotations=4, invert=True)
        assert job.request == jobs.SegmentRequest(model="test-model", params=params)

    def test_a_slice_is_tried_with_what_was_chosen(self, app, tomogram, model, monkeypatch):
        asked = []

        def score(_desk, tried, *wish):
            asked.append((tried.id, *wish))
            # Of two classes, only the second is found.
            found = np.stack([-np.ones(SHAPE[1:]), np.ones(SHAPE[1:])], axis=-1)
            return Tried(found, 0.1)

        monkeypatch.setattr(TrialDesk, "score", score)
        (model / "config.json").write_text('{"classes": ["membrane", "nucleus"]}')
        show(app, "segment.py", tomogram)
        app.selectbox(key="model").select("test-model")
        app.button_group(key="rotations").set_value(4).run()
        app.button(key="try").click().run()
        assert not app.exception
        assert "Finds membrane, nucleus, each as a result" in texts(app)
        app.button_group(key="try_class_test-model").set_value("nucleus").run()
        assert not app.exception
        (image,) = app.get("image")
        assert image.captions == ["Slice 4: 100.0% of it counts as nucleus."]
        params = SegmentParams(rotations=4)
        assert set(asked) == {(tomogram.id, "test-model", SHAPE[0] // 2, params)}

    def test_a_running_job_is_found_again_and_can_be_cancelled(self, app, tomogram):
        request = jobs.SegmentRequest(model="test-model")
        job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
        show(app, "segment.py", tomogram)
        assert not [each for each in app.button if each.label.startswith("Segment ")]
        button(app, "Cancel").click().run()
        assert jobs.read_job(Workspace(), job.id).state == "cancelled"

    def test_a_failure_is_told_with_its_reason(self, app, tomogram):
        request = jobs.SegmentRequest(model="test-model")
        job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
        write_status(job.folder, Status(state="failed", error="The disk is full."))
        show(app, "segment.py", tomogram)
        assert plain(app.error[0]) == "The disk is full."

    def test_a_finished_result_leads_to_the_slices(self, app, tomogram):
        add_score(tomogram, ball(SHAPE, 8))
        show(app, "segment.py", tomogram)
        button(app, "Look at the slices").click().run()
        assert app.title[0].value == "Review"


class TestSlices:
    def test_the_raw_tomogram_is_shown_before_a_segmentation(self, app, tomogram):
        show(app, "slices.py", tomogram)
        assert "not segmented yet" in texts(app)
        button(app, "Segment").click().run()
        assert app.title[0].value == "Segment"

    def test_one_of_several_results_is_chosen_and_kept_in_the_address(self, app, tomogram):
        whole = add_score(tomogram, ball(SHAPE, 8))
        part = add_score(tomogram, ball((2, *SHAPE[1:]), 8), first_slice=3)
        write_json(part.folder / "run.json", part.run | {"class": "nucleus"})
        show(app, "slices.py", tomogram, score=whole.id)
        chooser = app.selectbox[0]
        assert chooser.value == whole.id
        assert any("nucleus" in option for option in chooser.options)
        chooser.select(part.id).run()
        assert not app.exception
        assert app.query_params["score"] == part.id

    def test_each_choice_of_a_result_counts_not_every_second_one(self, app, tomogram):
        whole = add_score(tomogram, ball(SHAPE, 8))
        part = add_score(tomogram, ball((2, *SHAPE[1:]), 8), first_slice=3)
        show(app, "slices.py", tomogram, score=whole.id)
        for wanted in (part, whole, part):
            app.selectbox[0].select(wanted.id).run()
            assert app.selectbox[0].value == wanted.id
            assert app.query_params["score"] == wanted.id


@pytest.mark.usefixtures("model", "idle_workers")
class TestSurface:
    def test_without_a_score_it_points_to_the_segmentation(self, app, tomogram):
        show(app, "surface.py", tomogram)
        assert "Nothing is segmented yet" in texts(app)

    def test_the_threshold_of_the_slices_is_taken_over(self, app, tomogram):
        score = add_score(tomogram, ball(SHAPE, 8))
        show(app, "surface.py", tomogram, threshold="0.30")
        app.slider(key="smoothing").set_value(1.5)
        button(app, "Make surface").click().run()
        (job,) = jobs.list_jobs(Workspace(), tomogram.id)
        params = ReconstructParams(threshold=0.3, smoothing_voxels=1.5)
        assert job.request == jobs.ReconstructRequest(score=score.id, params=params)

    @pytest.mark.parametrize("threshold", ["x", "nan", "7", ""])
    def test_a_nonsensical_threshold_in_the_address_counts_as_none(self, app, tomogram, threshold):
        add_score(tomogram, ball(SHAPE, 8))
        show(app, "surface.py", tomogram, threshold=threshold)
        assert app.slider(key="surface_threshold").value == 0

    def test_a_surface_is_counted_and_its_objects_are_listed(self, app, tomogram):
        tomogram = tomogram.update(voxel_size_nm=VoxelSize(10, 10, 10))
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "surface.py", tomogram)
        totals = {metric.label: metric.value for metric in app.metric}
        assert totals["Objects"] == "1"
        assert totals["Volume"].endswith("µm³")
        assert len(app.dataframe[0].value) == 1
        show(app, "export.py", tomogram)
        assert "Recipe" in [each.label for each in app.get("download_button")]

    @pytest.mark.usefixtures("idle_workers")
    @pytest.mark.parametrize(
        ("page", "results", "request_type"),
        [
            ("export.py", "bundles", jobs.BundleRequest),
            ("export.py", "reports", jobs.ReportRequest),
        ],
    )
    def test_a_file_is_prepared_by_a_job_and_then_offered(
        self, app, tomogram, page, results, request_type
    ):
        surface = add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))
        label = f"Prepare the {request_type.kind}"
        show(app, page, tomogram)
        button(app, label).click().run()
        (job,) = jobs.list_jobs(Workspace(), tomogram.id)
        assert job.request == request_type(surface=surface.id)
        assert not [each for each in app.button if each.label == label]
        folder = tomogram.result_folder(results, {"surface": surface.id})
        folder.mkdir(parents=True)
        run = {"bytes": 12_300_000, "recipe": {"surface": surface.id}}
        write_json(folder / "run.json", run)
        write_status(job.folder, Status(state="done", result=folder.name))
        show(app, page, tomogram)
        assert not [each for each in app.button if each.label == label]
        assert f"{results}/{folder.name}" in offered_files(app)
        assert not app.error

    def test_without_voxel_size_nothing_is_called_a_micrometre(self, app, tomogram):
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "surface.py", tomogram)
        assert not [metric for metric in app.metric if "µm" in metric.value]

    def test_parting_at_necks_says_its_length(self, app, tomogram):
        tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
        add_score(tomogram, ball(SHAPE, 8))
        show(app, "surface.py", tomogram)
        app.slider(key="part_at_necks").set_value(3.5).run()
        assert "3.5 voxels (0.07 µm)" in texts(app)
        button(app, "Make surface").click().run()
        (job,) = jobs.list_jobs(Workspace(), tomogram.id)
        assert job.request.params.split_voxels == 3.5

    def test_every_mesh_format_is_offered(self, app, tomogram):
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "export.py", tomogram)
        offered = offered_files(app)
        for suffix in MESH_FORMATS:
            assert f"surface{suffix}" in offered


@pytest.fixture
def label_file(tmp_path):
    """Two boxes of values 3 and 5 in a file, voxels of 10 nm."""
    values = np.zeros((12, 24, 32), np.uint8)
    values[2:10, 2:12, 2:14] = 3
    values[2:10, 2:12, 16:30] = 5
    path = tmp_path / "labels.tif"
    write_tiff(Volume.from_array(values, VoxelSize.isotropic(10)), path)
    return Workspace().add_file(path)


@pytest.mark.usefixtures("model", "idle_workers")
class TestLabels:
    def test_a_label_file_goes_straight_to_its_surfaces(self, app, label_file):
        show(app, "open.py", label_file)
        assert "look like labels" in texts(app)
        button(app, "Make surfaces").click().run()
        assert not app.exception
        assert app.title[0].value == "Surface"
        (job,) = jobs.list_jobs(Workspace(), label_file.id)
        params = ReconstructParams(each_label=True)
        assert job.request == jobs.ReconstructRequest(score=None, params=params)
        show(app, "surface.py", label_file)
        button(app, "Cancel").click().run()
        assert jobs.read_job(Workspace(), job.id).state == "cancelled"

    def test_a_mask_is_taken_by_its_bodies(self, app, tmp_path):
        mask = np.zeros(SHAPE, bool)
        mask[2:4, 4:20, 4:28] = True
        write_tiff(Volume.from_array(mask.astype(np.uint8) * 255), tmp_path / "mask.tif")
        tomogram = Workspace().add_file(tmp_path / "mask.tif")
        show(app, "open.py", tomogram)
        button(app, "Make surfaces").click().run()
        (job,) = jobs.list_jobs(Workspace(), tomogram.id)
        assert job.request.params.each_label is False

    def test_grey_values_are_not_taken_for_labels(self, app, tomogram):
        show(app, "open.py", tomogram)
        assert "Make surfaces" not in [each.label for each in app.button]
        show(app, "surface.py", tomogram)
        assert "Nothing is segmented yet" in texts(app)

    def test_what_does_not_go_with_labels_is_switched_off(self, app, label_file):
        show(app, "surface.py", label_file)
        assert "surface_threshold" not in [each.key for each in app.slider]
        app.slider(key="part_at_necks").set_value(2.0).run()
        for widget in (app.slider(key="smoothing"), app.slider(key="close_gap"), app.toggle[0]):
            assert widget.disabled
            assert "labels are taken as they are" in widget.help
        app.button_group(key="each_label").set_value(False).run()
        assert not app.toggle[0].disabled
        app.toggle[0].set_value(True).run()
        app.button_group(key="each_label").set_value(True).run()
        button(app, "Make surface").click().run()
        assert not app.error and not app.exception
        (job,) = jobs.list_jobs(Workspace(), label_file.id)
        params = ReconstructParams(each_label=True, fill_lumens=False, split_voxels=2.0)
        assert job.request == jobs.ReconstructRequest(score=None, params=params)

    def test_surfaces_of_labels_are_shown_measured_and_merged(self, app, label_file):
        surface = add_surface(label_file, None, ReconstructParams(each_label=True))
        show(app, "surface.py", label_file)
        assert app.dataframe[0].value["id"].tolist() == [3, 5]
        assert "An object per label" in texts(app)
        show(app, "export.py", label_file)
        assert "score.tif" not in offered_files(app)
        assert "instances.tif" in offered_files(app)
        show(app, "measure.py", label_file)
        assert app.dataframe[0].value["object"].tolist() == [3, 5]
        app.session_state["measurements"] = {"selection": {"rows": [0, 1]}}
        app.run()
        button(app, "Merge").click().run()
        assert not app.exception
        (job,) = jobs.list_jobs(Workspace(), label_file.id)
        assert (job.request.score, job.request.params.merge) == (None, ((3, 5),))
        assert job.request.params.each_label
        assert job.result_id != surface.id

    def test_labels_that_were_segmented_too_are_chosen_among(self, app, label_file):
        score = add_score(label_file, ball((12, 24, 32), 8))
        add_surface(label_file, score)
        show(app, "surface.py", label_file)
        chooser = next(each for each in app.selectbox if each.label == "Made from")
        assert chooser.value == score.id
        chooser.set_value("labels").run()
        assert not app.exception
        assert app.query_params["score"] == "labels"
        assert "surface_threshold" not in [each.key for each in app.slider]
        assert "The surface appears here" in texts(app)


class TestModels:
    def test_installed_and_offered_models_are_shown(self, app, model):
        show(app, "models.py")
        shown = texts(app).replace("\\", "")
        assert model.name in shown
        assert "Card of the test model" in shown
        assert "published-2021-05" in shown
        assert button(app, "Download 307 MB")

    def test_a_model_is_removed_after_confirmation(self, app, model):
        show(app, "models.py")
        app.button(key=f"remove_{model.name}").click().run()
        assert model.is_dir()
        app.button(key="really").click().run()
        assert not app.exception
        assert not model.exists()

    @pytest.mark.usefixtures("idle_workers")
    def test_a_download_is_a_job_and_its_failure_is_explained(self, app):
        show(app, "models.py")
        button(app, "Download 307 MB").click().run()
        (job,) = jobs.list_jobs(Workspace())
        assert job.request == jobs.InstallRequest(name="published-2021-05")
        show(app, "jobs.py")
        assert "**Download** of **published\\-2021\\-05**" in texts(app)
        write_status(job.folder, Status(state="failed", error="Cannot install it: no network."))
        show(app, "models.py")
        assert "no network" in texts(app)
        button(app, "Try again").click().run()
        assert [job.state for job in jobs.list_jobs(Workspace())] == ["queued", "failed"]


class TestMeshFiles:
    def test_objects_and_unit_can_be_chosen(self, app, tomogram):
        tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(1000))
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "export.py", tomogram)
        unit = next(each for each in app.selectbox if each.key == "exported_unit")
        assert unit.value == "um"
        unit.set_value("nm").run()
        next(each for each in app.multiselect if each.key == "exported_objects").set_value(
            [1]
        ).run()
        assert not app.exception


class TestMeasure:
    def test_without_a_tomogram_it_points_to_the_first_step(self, app):
        show(app, "measure.py")
        assert "No tomogram is open" in texts(app)

    def test_without_a_surface_it_points_to_where_one_is_made(self, app, tomogram):
        add_score(tomogram, ball(SHAPE, 8))
        show(app, "measure.py", tomogram)
        assert "There is no surface yet" in texts(app)
        assert button(app, "Make surface")

    def test_objects_are_listed_with_units(self, app, tomogram):
        tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(1000))
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "measure.py", tomogram)
        rows = app.dataframe[0].value
        assert rows["object"].tolist() == [1]
        assert rows["equivalent_diameter_um"][0] > 5
        assert "voxel size is not known" not in texts(app)
        for key in ("histogram_of_objects", "scatter_x", "scatter_y"):
            chooser = next(each for each in app.selectbox if each.key == key)
            assert "Volume (µm³)" in chooser.options

    def test_a_thorough_measurement_shows_error_bars_and_processes(self, app, tomogram):
        tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(1000))
        z, y, _ = np.ogrid[tuple(slice(n) for n in SHAPE)]
        rod = np.broadcast_to(2 - np.hypot(z - 2.5, y - 8), SHAPE).astype(np.float32).copy()
        rod[:, :, :2] = rod[:, :, 30:] = -1
        add_measurement(tomogram, add_surface(tomogram, add_score(tomogram, rod / 4)))
        show(app, "measure.py", tomogram)
        objects, processes = (frame.value for frame in app.dataframe)
        assert objects["volume_error_um3"][0] > 0
        assert processes["length_um"].tolist() == pytest.approx([28], rel=0.05)
        assert "±" in next(each for each in app.metric if "Volume" in each.label).value
        assert button(app, "Measure again")
        assert "times as large along the beam" in texts(app)
        assert "Enter the tilt range" in texts(app)
        tilt = next(each for each in app.number_input if each.label.startswith("Tilt range"))
        tilt.set_value(60).run()
        assert "Tilting to ± 60° stretches" in texts(app)

    @pytest.mark.usefixtures("idle_workers")
    def test_thorough_measurement_and_merging_are_jobs(self, app, tomogram):
        surface = add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "measure.py", tomogram)
        assert button(app, "Merge").disabled
        button(app, "Measure thoroughly").click().run()
        assert not app.exception
        (job,) = jobs.list_jobs(Workspace())
        assert job.request == jobs.MeasureRequest(surface=surface.id)

    def test_an_unknown_voxel_size_is_said(self, app, tomogram):
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "measure.py", tomogram)
        assert "volume_voxel3" in app.dataframe[0].value
        assert "in voxels" in app.info[0].value
