"""The report of an analysis: what it tells, that it asks for nothing, that names cannot harm it."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.errors import DrawingError, InvalidParameterError
from deepsxt_core.export import middle_planes
from deepsxt_core.export.report import DOI
from deepsxt_core.io import write_tiff
from deepsxt_core.numerals import number_text
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize
from deepsxt_core.workflow import pipeline, reporting

SIZE = VoxelSize(20, 20, 20)
PARAMS = ReconstructParams(min_voxels=8, threshold=0.125)
HOSTILE = '<img src=x onerror=alert(1)> "cell" & {{ 7 * 7 }}'


@pytest.fixture
def tomogram():
    return Volume.from_array(np.zeros((24, 32, 32), np.float32), SIZE)


@pytest.fixture
def score():
    """Two balls of radius 6 and 4 voxels."""
    z, y, x = np.indices((24, 32, 32))
    near = [
        radius - np.sqrt((z - 12) ** 2 + (y - 16) ** 2 + (x - place) ** 2)
        for radius, place in ((6, 9), (4, 24))
    ]
    values = np.clip(np.max(near, axis=0) / 4, -1, 1)
    return Score(Volume.from_array(Score.encode(values), SIZE))


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """Drawing takes seconds and has its own tests."""

    def write_picture(_surfaces, path):
        path.write_bytes(b"\x89PNG picture")
        return path

    monkeypatch.setattr(reporting, "write_picture", write_picture)


class Page(HTMLParser):
    """The text of a page, and every address in it."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += f"{data} "


def written(tmp_path, tomogram, source, **given):
    path = tmp_path / "report.html"
    reporting.report(path, tomogram, source, PARAMS, name=given.pop("name", "cell.mrc"), **given)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    return Page(path.read_text(encoding="utf-8"))


def csv_of(page):
    (address,) = (one for one in page.addresses if one.startswith("data:text/csv;base64,"))
    return pd.read_csv(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def test_the_numbers_are_those_that_are_measured(tmp_path, tomogram, score):
    page = written(tmp_path, tomogram, score)
    measured = pipeline.measure(score, PARAMS, None, NoProgress(), tomogram=tomogram)
    rows = csv_of(page)
    for column, name in (("volume_um3", "volume"), ("volume_error_um3", "volume_error")):
        np.testing.assert_allclose(rows[column], [getattr(row, name) for row in measured.objects])
    totals = measured.totals()
    assert number_text(totals["volume_um3"], totals["volume_error_um3"]) in page.text
    assert "2, made of the network's score above 0.125" in page.text


def test_nothing_is_asked_for_and_nothing_runs(tmp_path, tomogram, score):
    page = written(tmp_path, tomogram, score)
    assert all(address.startswith("data:") for address in page.addresses)
    assert len(page.addresses) == 6
    assert not {"script", "iframe", "link", "object"} & set(page.tags)


def test_names_are_words_and_no_markup(tmp_path, tomogram, score):
    steps = {"segment": {"params": {"crop": HOSTILE}, "warnings": [HOSTILE]}}
    page = written(tmp_path, tomogram, score, name=HOSTILE, steps=steps)
    assert page.text.count(HOSTILE) >= 4
    assert page.tags.count("img") == 5


def test_it_says_how_it_was_made_and_whom_to_cite(tmp_path, tomogram, score):
    run = {"model": {"name": "m", "sha256": "ab" * 32}, "params": {"rotations": 4}, "engine": "e"}
    page = written(tmp_path, tomogram, score, steps={"segment": run})
    for words in ("ab" * 32, "rotations", "threshold", "0.125", DOI):
        assert words in page.text
    assert page.text.index("Segment") < page.text.index("Reconstruct") < page.text.index("Measure")


def test_it_says_that_nobody_has_looked(tmp_path, tomogram, score):
    assert "No object is marked as reviewed" in written(tmp_path, tomogram, score).text


def test_classes_states_and_flags_are_told(monkeypatch, tmp_path, tomogram, score):
    measure = pipeline.measure

    def with_words(*args, **given):
        found = measure(*args, **given)
        first, second = found.objects
        first = replace(first, class_name="vesicle", state="reviewed", capped=True)
        second = replace(second, class_name="droplet", state="doubtful")
        return replace(found, objects=(first, second))

    monkeypatch.setattr(pipeline, "measure", with_words)
    page = written(tmp_path, tomogram, score)
    text = re.sub(r"\s+", " ", page.text)
    for words in ("vesicle", "droplet", "reviewed 1 object", "doubtful 1 object", "closed by the"):
        assert words in text
    assert "No object is marked as reviewed" not in text


def test_without_a_voxel_size_lengths_are_in_voxels(tmp_path):
    values = np.zeros((12, 16, 16), np.uint8)
    values[3:9, 4:12, 4:12] = 1
    tomogram = Volume.from_array(values.astype(np.float32))
    page = written(tmp_path, tomogram, Mask(Volume.from_array(values)))
    assert "all lengths are in voxels" in page.text
    assert "labels from a file" in page.text
    assert "µm" not in page.text


def test_a_computer_that_cannot_draw_gets_the_rest(monkeypatch, tmp_path, tomogram, score):
    def fail(*_):
        raise DrawingError("No picture.")

    monkeypatch.setattr(reporting, "write_picture", fail)
    page = written(tmp_path, tomogram, score)
    assert page.tags.count("img") == 4
    assert len(csv_of(page)) == 2


class TestPlanes:
    def planes(self, monkeypatch, tomogram, source, objects=()):
        """Return what is handed to the one who draws."""
        found = []
        monkeypatch.setattr(
            middle_planes, "draw_figure", lambda plane, params: found.append((plane, params))
        )
        middle_planes.middle_planes(tomogram, source, (0.125, None), objects, NoProgress())
        return found

    @pytest.fixture
    def told(self):
        """A tomogram whose values tell where they are: z, y, x."""
        z, y, x = np.indices((20, 32, 34))
        return Volume.from_array((10000 * z + 100 * y + x).astype(np.float32), VoxelSize(9, 3, 5))

    def test_they_go_through_the_middle_of_the_scored_slices(self, monkeypatch, told):
        codes = np.random.default_rng(0).integers(0, 255, (6, 32, 34), np.uint8)
        source = Score(Volume.from_array(codes, SIZE), first_slice=4)
        found = self.planes(monkeypatch, told, source)
        whole = told.read(0, 20)
        expected = (whole[7], whole[4:10, 16], whole[4:10, :, 17])
        for (plane, params), grey in zip(found, expected, strict=True):
            np.testing.assert_array_equal(plane.grey, grey)
            assert (params.style, params.threshold) == ("outline", 0.125)
        for (plane, _), own in zip(found, (codes[3], codes[:, 16], codes[:, :, 17]), strict=True):
            np.testing.assert_array_equal(plane.codes, own)
        assert [plane.edges_nm for plane, _ in found] == [(3, 5), (9, 5), (9, 3)]

    def test_what_is_not_judged_is_not_outlined(self, monkeypatch, told):
        values = np.full((20, 32, 34), -1, np.int8)
        values[5:15, 8:24, 8:24] = 1
        found = self.planes(monkeypatch, told, Mask(Volume.from_array(values)))
        assert [sorted(np.unique(plane.labels)) for plane, _ in found] == [[0, 1]] * 3

    def test_a_score_of_another_tomogram_is_refused(self, monkeypatch, told):
        source = Score(Volume.from_array(np.zeros((30, 32, 34), np.uint8)))
        with pytest.raises(InvalidParameterError, match="that was segmented"):
            self.planes(monkeypatch, told, source)


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path):
        values = np.zeros((12, 16, 16), np.uint8)
        values[3:9, 4:12, 4:12] = 1
        grey, mask = tmp_path / "grey.tif", tmp_path / "mask.tif"
        write_tiff(Volume.from_array(1000 - 300 * values.astype(np.float32), SIZE), grey)
        write_tiff(Volume.from_array(values, SIZE), mask)
        return grey, mask

    def run(self, capsys, grey, mask, out):
        code = main(["report", str(grey), "--score", str(mask), "--out", str(out), "--json"])
        return code, capsys.readouterr()

    def test_it_writes_the_page(self, files, tmp_path, capsys):
        code, said = self.run(capsys, *files, tmp_path / "new" / "r.html")
        assert code == 0
        told = json.loads(said.out)
        page = Page((tmp_path / "new" / "r.html").read_text("utf-8"))
        assert told["bytes"] == (tmp_path / "new" / "r.html").stat().st_size
        assert "grey.tif" in page.text
        assert csv_of(page)["volume_um3"].sum() == pytest.approx(6 * 8 * 8 * 0.02**3, rel=0.05)

    def test_what_is_no_page_is_refused(self, files, tmp_path, capsys):
        code, said = self.run(capsys, *files, tmp_path / "r.pdf")
        assert (code, ".html" in said.err) == (1, True)

    def test_a_mask_of_something_else_is_refused(self, files, tmp_path, capsys):
        other = tmp_path / "other.tif"
        write_tiff(Volume.from_array(np.ones((12, 16, 20), np.float32), SIZE), other)
        code, said = self.run(capsys, other, files[1], tmp_path / "r.html")
        assert (code, "that was segmented" in said.err) == (1, True)
        assert not (tmp_path / "r.html").exists()

    def test_a_single_slice_is_measured_instead(self, files, tmp_path, capsys):
        flat = tmp_path / "flat.tif"
        write_tiff(Volume.from_array(np.ones((1, 16, 16), np.float32), SIZE), flat)
        code, said = self.run(capsys, flat, files[1], tmp_path / "r.html")
        assert (code, "deepsxt measure" in said.err) == (1, True)
