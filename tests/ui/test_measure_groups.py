"""Measure groups objects by class, and compares tomograms of two conditions."""

import re

import numpy as np
import pytest
import tifffile

from deepsxt_core.annotation import EditClass, EditObjects
from deepsxt_core.io import write_tiff
from deepsxt_core.numerals import number_text
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace import Workspace, display
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.remarks import write_remarks
from tests.results import (
    add_annotation_surface,
    add_measurement,
    add_score,
    add_surface,
    ball,
)

from .conftest import SHAPE
from .test_pages import show, texts

SIZE = VoxelSize.isotropic(20)


def tables(app):
    return [each.value for each in app.dataframe]


class TestClasses:
    @pytest.fixture
    def surface(self, tomogram, tmp_path):
        """Three boxes of two classes, two voxels from each other."""
        labels = np.zeros(SHAPE, np.uint8)
        for number, x in enumerate((2, 12, 22), start=1):
            labels[1:5, 4:20, x : x + 8] = number
        write_tiff(Volume.from_array(labels), tmp_path / "drawn.tif")
        kept = add_annotation(tomogram, "drawn", labels=tmp_path / "drawn.tif")
        with kept.open() as opened:
            for name, objects in (("vesicle", (1, 3)), ("mitochondrion", (2,))):
                opened.apply(EditClass(name=name))
                opened.apply(EditObjects(objects=objects, class_name=name))
        return add_annotation_surface(tomogram, kept)

    def test_sums_stand_there_at_once(self, app, tomogram, surface):  # noqa: ARG002
        show(app, "measure.py", tomogram)
        objects, groups = tables(app)[:2]
        assert groups["class"].tolist() == ["vesicle", "mitochondrion"]
        assert groups["objects"].tolist() == [2, 1]
        assert groups["volume_voxel3"].sum() == pytest.approx(objects["volume_voxel3"].sum())
        assert "finds their contacts" in texts(app)

    def test_contacts_come_with_the_thorough_measurement(self, app, tomogram, surface):
        add_measurement(tomogram, surface)
        show(app, "measure.py", tomogram)
        contacts = next(table for table in tables(app) if "to_class" in table)
        assert contacts["touching"].tolist() == [1, 2]

    def test_objects_of_a_score_have_none(self, app, tomogram):
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "measure.py", tomogram)
        assert any("have no classes" in each.value for each in app.info)


class TestOrganelle:
    @pytest.fixture(autouse=True)
    def planes(self, monkeypatch):
        """Planes of all directions are there, or not yet."""
        monkeypatch.setattr(display, "prepare", lambda _: display.Preparation("ready"))

    def card(self, app, tomogram, wanted="1"):
        show(app, "measure.py", tomogram, object=wanted)
        pages = [str(each.proto) for each in app.get("html")]
        return " ".join(page for page in pages if "<figure>" in page)

    def test_one_that_is_marked_is_shown_in_three_planes(self, app, tomogram):
        score = add_score(tomogram, ball(SHAPE, 5))
        add_measurement(tomogram, add_surface(tomogram, score, ReconstructParams(threshold=0.25)))
        shown = self.card(app, tomogram)
        planes = re.findall(r"figure/(.)/(\d+)\.png", shown)
        assert [axis for axis, _ in planes] == ["z", "y", "x"]
        for (_, index), length in zip(planes, SHAPE, strict=True):
            assert int(index) == pytest.approx((length - 1) / 2, abs=0.51)
        assert f"first=scores%2F{score.id}&amp;style=outline&amp;threshold=0.25" in shown
        objects, numbers = tables(app)[0], next(one for one in tables(app) if "Value" in one)
        volume = dict(numbers.to_numpy())["Volume (voxel³)"]
        row = objects.iloc[0]
        assert volume == number_text(row["volume_voxel3"], row["volume_error_voxel3"])

    def test_only_slices_until_the_others_are_prepared(self, app, tomogram, monkeypatch):
        monkeypatch.setattr(display, "prepare", lambda _: display.Preparation("making"))
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))
        shown = self.card(app, tomogram)
        assert "figure/z/" in shown and "figure/y/" not in shown
        assert "being prepared" in texts(app)

    def test_several_have_no_card(self, app, tomogram):
        score = ball(SHAPE, 3)
        add_surface(tomogram, add_score(tomogram, np.maximum(score, np.roll(score, 12, axis=2))))
        assert self.card(app, tomogram, "1,2") == ""


class TestConditions:
    @pytest.fixture
    def cells(self, tmp_path):
        """Two tomograms of small and two of large balls, tagged; lengths are known."""
        made = []
        for place, radius in enumerate((5, 6, 9, 10)):
            path = tmp_path / f"cell {place}.tif"
            tifffile.imwrite(path, np.zeros((24, 24, 24), np.uint8))
            tomogram = Workspace().add_file(path).update(voxel_size_nm=SIZE)
            write_remarks(tomogram.folder, ["control" if radius < 7 else "treated"], "")
            add_surface(tomogram, add_score(tomogram, ball((24, 24, 24), radius)))
            made.append(tomogram)
        return made

    def choose(self, app, **ids):
        for key, chosen in ids.items():
            each = next(one for one in app.multiselect if one.key.startswith(f"{key}_condition"))
            each.set_value(chosen)
        app.run()
        assert not app.exception

    def test_two_groups_are_compared(self, app, cells):
        show(app, "measure.py", cells[0])
        ids = [cell.id for cell in cells]
        self.choose(app, first=ids[:2], second=ids[2:])
        summary = next(table for table in tables(app) if "Condition" in table)
        assert summary["Tomograms"].tolist() == [2, 2]
        difference = float(np.diff(summary["Mean of medians"])[0])
        assert difference == pytest.approx(2 * 4 * 0.02, rel=0.05)
        assert f"differs by **{difference:+.4g}**" in texts(app)
        assert "p cannot be below 0.33" in texts(app)

    def test_a_tag_chooses_its_tomograms(self, app, cells):
        show(app, "measure.py", cells[0])
        app.selectbox(key="first_tag").select("control")
        app.selectbox(key="second_tag").select("treated").run()
        summary = next(table for table in tables(app) if "Condition" in table)
        assert summary["Tomograms"].tolist() == [2, 2]

    def test_one_tomogram_in_both_is_told(self, app, cells):
        show(app, "measure.py", cells[0])
        ids = [cell.id for cell in cells]
        self.choose(app, first=ids[:2], second=ids[1:])
        assert "cannot be in both" in app.error[0].value

    def test_of_one_tomogram_nothing_is_claimed(self, app, cells):
        show(app, "measure.py", cells[0])
        self.choose(app, first=[cells[0].id], second=[cells[2].id])
        assert "single tomogram" in texts(app)

    def test_lengths_in_voxels_are_not_mixed_with_micrometres(self, app, cells, tomogram):
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
        show(app, "measure.py", cells[0])
        self.choose(app, first=[cells[0].id], second=[tomogram.id])
        assert "no voxel size" in app.error[0].value
