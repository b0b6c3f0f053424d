"""``deepsxt film``: through planes, with what lies over them, and between key frames."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepsxt_core.cli.main import main


@pytest.fixture
def files(tmp_path):
    grey = np.random.default_rng(0).integers(90, 160, (6, 24, 32), np.uint8)
    mask = np.zeros_like(grey)
    mask[1:5, 4:12, 4:20] = 1
    for name, values in (("cell", grey), ("mask", mask), ("other", np.roll(mask, 6, 2))):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, imagej=True, metadata={"axes": "ZYX"})
    return tmp_path


def run(capsys, *arguments):
    code = main(["film", *map(str, arguments), "--width-px", "200", "--json"])
    return code, capsys.readouterr()


def test_a_film_goes_through_planes_and_compares(capsys, files):
    out = files / "film.gif"
    look = ("--score", files / "mask.tif", "--other", files / "other.tif", "--opacity", "1")
    code, told = run(
        capsys, files / "cell.tif", "--out", out, "--axis", "y", "--first", "6", "--last", "8",
        "--seconds", "1", "--frames-per-s", "3", *look,
    )  # fmt: skip
    assert code == 0, told.err
    report = json.loads(told.out)
    assert "frames of 200 ×" in told.err
    with Image.open(out) as film:
        # Planes 6, 7, 7, 8; what stays the same is one frame of a GIF.
        assert (film.n_frames, report["frames"]) == (3, 4)
        assert film.size == tuple(report["size"])
        seen = np.asarray(film.convert("RGB")).astype(int)
    orange, blue = (
        np.abs(seen - rgb).max(axis=-1) < 12 for rgb in ((242, 120, 40), (86, 150, 255))
    )
    assert orange.sum() > 200
    assert blue.sum() > 200


def test_a_film_moves_between_key_frames_and_tells_beforehand(capsys, files):
    keys = files / "keys.json"
    frames = [
        {"plane": {"index": 1, "view": [0, 0, 24, 32]}, "seconds": 1},
        {"plane": {"index": 4, "view": [4, 4, 12, 14]}, "seconds": 0.5},
    ]
    keys.write_text(json.dumps({"frames": frames}))
    given = (files / "cell.tif", "--out", files / "film.mp4", "--key-frames", keys)
    code, told = run(capsys, *given, "--frames-per-s", "4", "--dry-run")
    assert code == 0, told.err
    report = json.loads(told.out)
    assert report["frames"] == 6
    assert report["size"][0] == 200
    assert report["expected_s"] > 0
    assert not (files / "film.mp4").exists()
    keys.write_text(json.dumps([{"plane": {"slice": 1}}]))
    assert "slice" in run(capsys, *given)[1].err
    code, told = run(capsys, files / "cell.tif", "--out", files / "film.avi")
    assert (code, "MP4 or a GIF" in told.err) == (1, True)
