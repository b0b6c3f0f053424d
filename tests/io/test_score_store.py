import hashlib

import numpy as np
import pytest
import zarr

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.io import create_score, is_score, mask_volume, open_score
from deepsxt_core.volume import Score, VoxelSize

SHAPE = (5, 30, 20)


@pytest.fixture
def codes():
    return np.random.default_rng(1).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.mark.parametrize("size", [VoxelSize(20, 13, 12.5), VoxelSize(0.1, 13.0000001, 7), None])
def test_round_trip(tmp_path, codes, size):
    path = tmp_path / "score.ome.zarr"
    writer = create_score(path, SHAPE, size, first_slice=37)
    for z0 in (2, 0, 4):
        writer.write(z0, codes[z0 : z0 + 2])
    score = open_score(path)
    assert score.first_slice == 37
    assert score.volume.voxel_size_nm == size
    np.testing.assert_array_equal(score.volume.read(0, 5), codes)
    np.testing.assert_array_equal(score.volume.read(3, 4), codes[3:4])


def test_it_is_ome_zarr(tmp_path, codes):
    path = tmp_path / "score.ome.zarr"
    create_score(path, SHAPE, VoxelSize(20, 13, 12), first_slice=3).write(0, codes)
    group = zarr.open_group(path, mode="r")
    assert group.metadata.zarr_format == 3
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    (image,) = ome["multiscales"]
    assert [(a["name"], a["type"], a["unit"]) for a in image["axes"]] == [
        (name, "space", "nanometer") for name in "zyx"
    ]
    (level,) = image["datasets"]
    assert level["coordinateTransformations"] == [
        {"type": "scale", "scale": [20, 13, 12]},
        {"type": "translation", "translation": [60, 0, 0]},
    ]
    array = group[level["path"]]
    assert array.metadata.dimension_names == ("z", "y", "x")
    np.testing.assert_array_equal(array[:], codes)


def test_an_unknown_size_has_no_unit(tmp_path):
    create_score(tmp_path / "s", SHAPE, None)
    (image,) = zarr.open_group(tmp_path / "s", mode="r").attrs["ome"]["multiscales"]
    assert all("unit" not in axis for axis in image["axes"])


def test_a_slab_touches_no_other_chunk(tmp_path):
    writer = create_score(tmp_path / "s", (5, 1500, 1100), None)
    slab = np.ones((1, 1500, 1100), np.uint8)
    writer.write(1, slab)

    def digests():
        files = (p for p in (tmp_path / "s").rglob("*") if p.is_file())
        return {p: (hashlib.sha256(p.read_bytes()).digest(), p.stat().st_mtime_ns) for p in files}

    before = digests()
    writer.write(2, slab * 9)
    after = digests()
    assert {p: after[p] for p in before} == before
    assert len(after) - len(before) == 4


@pytest.mark.parametrize(
    ("z0", "slab"),
    [
        (0, np.zeros((1, 30, 20), np.float32)),
        (0, np.zeros((1, 30, 21), np.uint8)),
        (4, np.zeros((2, 30, 20), np.uint8)),
        (-1, np.zeros((1, 30, 20), np.uint8)),
        (0, np.zeros((0, 30, 20), np.uint8)),
    ],
)
def test_slabs_that_do_not_fit_are_refused(tmp_path, z0, slab):
    writer = create_score(tmp_path / "s", SHAPE, None)
    with pytest.raises(InvalidParameterError):
        writer.write(z0, slab)


def test_a_score_replaces_a_score_and_nothing_else(tmp_path, codes):
    create_score(tmp_path / "s", SHAPE, None).write(0, codes)
    create_score(tmp_path / "s", SHAPE, None)
    assert not open_score(tmp_path / "s").volume.read(0, 5).any()
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "picture").write_bytes(b"sea")
    with pytest.raises(InvalidParameterError, match="not overwritten"):
        create_score(tmp_path / "holiday", SHAPE, None)
    assert (tmp_path / "holiday" / "picture").exists()


def test_what_is_no_score_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="no score"):
        open_score(tmp_path / "none")
    zarr.open_group(tmp_path / "other", mode="w", zarr_format=3)
    with pytest.raises(UnreadableFileError):
        open_score(tmp_path / "other")


def test_a_score_is_told_from_other_zarr_folders(tmp_path):
    create_score(tmp_path / "score", (1, 4, 4), None)
    group = zarr.open_group(tmp_path / "other", mode="w", zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"datasets": [{"path": "0"}]}]}
    assert is_score(tmp_path / "score")
    assert not is_score(tmp_path / "other")
    assert not is_score(tmp_path)


def test_the_mask_of_a_score(tmp_path, codes):
    create_score(tmp_path / "s", SHAPE, VoxelSize(3, 2, 1)).write(0, codes)
    score = open_score(tmp_path / "s")
    mask = mask_volume(score, 0.25)
    assert mask.dtype == bool
    assert mask.voxel_size_nm == VoxelSize(3, 2, 1)
    np.testing.assert_array_equal(mask.read(1, 4), Score.decode(codes[1:4]) > 0.25)
    with pytest.raises(InvalidParameterError):
        mask_volume(score, 1.0)
