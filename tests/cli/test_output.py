"""Where commands write and print: any name, any terminal, and files that change meanwhile."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from deepsxt_core.cli.main import main
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import written_beside
from deepsxt_core.fingerprints import unchanged

LONG = "n" * 300
LONGEST = "ä" * 120  # 240 bytes, which file systems take
ANY_SCRIPT = "Тест 测试 🧬 ä"


@pytest.fixture
def mask(tmp_path):
    voxels = np.zeros((9, 12, 20), np.uint8)
    voxels[2:7, 2:9, 2:8] = 1
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, voxels, imagej=True, metadata={"axes": "ZYX"})
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        "info {long}",
        "segment {mask} --out {long}",
        "reconstruct {mask} --out {long}",
        "reconstruct {mask} --out {o} --instances {long}.tif",
        "measure {mask} --out {long}",
        "export {mask} --score {mask} --out {long}.zip",
        "phantom --out {long}.tif",
        "annotation new empty --tomogram {mask} --out {long}",
        "evaluate {mask} {long}",
        "models export deepsxt-compact {long}.zip",
        "batch {mask} --recipe {long} --out {o}",
    ],
)
def test_a_name_that_is_too_long_is_told_in_one_line(capsys, tmp_path, mask, arguments):
    filled = arguments.format(long=tmp_path / LONG, mask=mask, o=tmp_path / "o")
    assert main(filled.split()) == 1
    told = capsys.readouterr().err
    assert told.startswith("deepsxt: ")
    assert told.count("\n") == 1
    assert len(told) < 1000


@pytest.mark.parametrize("name", [LONGEST, ANY_SCRIPT])
def test_any_name_that_the_disk_takes_is_written(tmp_path, mask, name):
    out = tmp_path / name
    written = out / f"{name}.tif"
    code = main(["reconstruct", str(mask), "--out", str(out), "--instances", str(written)])
    assert code == 0
    assert tifffile.imread(written).max() == 1


def test_a_hidden_name_fits_where_the_name_does(tmp_path):
    path = tmp_path / ("a" * 251 + ".txt")
    with written_beside(path) as hidden:
        hidden.write_text("all")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def cli(*arguments, **options):
    command = [sys.executable, "-m", "deepsxt_core.cli", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def test_a_broken_pipe_is_told_in_one_line(mask):
    reading, writing = os.pipe()
    os.close(reading)
    with cli("info", mask, stdout=writing) as process:
        os.close(writing)
        told = process.stderr.read().decode()
    assert process.returncode == 1
    assert told.splitlines()[-1].startswith("deepsxt: nobody reads")
    assert "Traceback" not in told


def test_a_terminal_without_the_letters_gets_others(tmp_path, mask):
    named = mask.rename(tmp_path / f"{ANY_SCRIPT}.tif")
    plain = os.environ | {"PYTHONIOENCODING": "ascii"}
    with cli("info", named, stdout=subprocess.PIPE, env=plain) as process:
        printed = process.stdout.read().decode("ascii")
    assert process.returncode == 0
    assert "9 \\xd7 12" in printed


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, mask, monkeypatch, capsys):
    from deepsxt_core.workflow import surface_files

    def reconstruct(*arguments, **options):
        mask.write_bytes(mask.read_bytes() + b"more")
        return made(*arguments, **options)

    made = surface_files.reconstruct
    monkeypatch.setattr(surface_files, "reconstruct", reconstruct)
    assert main(["reconstruct", str(mask), "--out", str(tmp_path / "o")]) == 1
    assert "changed while it was read" in capsys.readouterr().err
    assert not list((tmp_path / "o").iterdir())


def test_what_stays_as_it_is_may_be_kept(tmp_path, mask):
    with unchanged(mask), unchanged(None), unchanged(tmp_path):
        mask.read_bytes()
    with pytest.raises(DeepSXTError, match="changed"), unchanged(tmp_path):
        (tmp_path / "new").write_text("file")
    with pytest.raises(DeepSXTError, match="changed"), unchanged(mask):
        mask.unlink()


def test_a_score_of_a_file_that_changed_says_so(tmp_path, monkeypatch, capsys):
    from deepsxt_core.workflow import segmentation

    grey = np.random.default_rng(0).normal(size=(2, 20, 24)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="minisblack")

    def score_volume(*arguments, **options):
        os.utime(tmp_path / "a.tif", (1, 1))
        return made(*arguments, **options)

    made = segmentation.score_volume
    monkeypatch.setattr(segmentation, "score_volume", score_volume)
    options = ["--out", str(tmp_path / "o"), "--rotations", "1"]
    assert main(["segment", str(tmp_path / "a.tif"), *options]) == 0
    assert "changed while it was segmented" in capsys.readouterr().out
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert any("changed" in warning for warning in record["warnings"])
