import json
from types import SimpleNamespace

import numpy as np
import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.io import SCORE_NAME, open_volume, write_tiff
from deepsxt_core.io.score_store import reopen_score
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow import rerun, segmentation
from tests.jobs import stand_in_network

SIZE = VoxelSize(20, 10, 10)


@pytest.fixture
def run_json(tmp_path, monkeypatch):
    """The record of a finished segmentation."""
    path = tmp_path / "scan.tif"
    write_tiff(Volume.from_array(np.random.default_rng(0).random((5, 9, 9)), SIZE), path)
    monkeypatch.setattr(rerun, "open_model", lambda _: stand_in_network.MODEL)
    monkeypatch.setattr(segmentation, "_predictor", lambda *_: stand_in_network.StandInPredictor())
    segmentation.segment(open_volume(path), stand_in_network.MODEL, tmp_path / "out")
    return tmp_path / "out" / "run.json"


def call(capsys, *arguments):
    code = main(["rerun", *map(str, arguments)])
    return code, capsys.readouterr()


def test_the_same_is_said_to_be_the_same(capsys, run_json, tmp_path):
    code, printed = call(capsys, run_json, "--json", "--out", tmp_path / "again")
    report = json.loads(printed.out)
    assert (code, report["same"], report["changed"]) == (0, True, {})
    assert report["different_fraction"] == report["largest_difference"] == 0
    assert (tmp_path / "again" / "score.ome.zarr").is_dir()
    assert call(capsys, run_json)[1].out.startswith("The result is the same.")


def test_what_differs_is_told_in_numbers(capsys, run_json):
    run = json.loads(run_json.read_text())
    path = run_json.parent / SCORE_NAME
    writer = reopen_score(path, (5, 9, 9), SIZE)
    codes = writer.read(0, 1)
    codes[0, 0, 0] ^= 255
    writer.write(0, codes)
    run["voxels_sha256"] = "0" * 64
    run["versions"]["numpy"] = "1.0"
    run_json.write_text(json.dumps(run))
    code, printed = call(capsys, run_json, "--json")
    report = json.loads(printed.out)
    assert (code, report["same"]) == (1, False)
    assert report["different_fraction"] == report["flipped_fraction"] == 1 / 405
    assert list(report["changed"]) == ["numpy"]
    assert "1.0 then" in call(capsys, run_json)[1].out


def test_what_is_no_longer_what_it_was_is_refused(capsys, run_json, tmp_path, monkeypatch):
    other = SimpleNamespace(info=SimpleNamespace(name="stand-in", sha256=lambda: "1" * 64))
    monkeypatch.setattr(rerun, "open_model", lambda _: other)
    assert "another one" in call(capsys, run_json)[1].err
    scan = tmp_path / "scan.tif"
    scan.write_bytes(scan.read_bytes() + b"\0")
    assert "another file" in call(capsys, run_json)[1].err
    scan.unlink()
    assert "is gone" in call(capsys, run_json)[1].err
    assert "not replace" in call(capsys, run_json, "--out", run_json.parent)[1].err
    assert "not the record" in call(capsys, tmp_path / "none.json")[1].err
