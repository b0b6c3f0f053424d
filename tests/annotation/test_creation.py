"""What annotations begin with, and what is on the disk."""

import json

import numpy as np
import pytest
import zarr
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from deepsxt_core.annotation import (
    MEMBRANE,
    NOT_JUDGED,
    Brush,
    MergeResult,
    Paint,
    SourceParams,
    create_annotation,
    open_annotation,
)
from deepsxt_core.errors import AnnotationError, InvalidParameterError
from deepsxt_core.geometry import Geometry, VoxelSize
from deepsxt_core.io import create_score, open_volume
from deepsxt_core.volume import Score, Volume
from tests.annotation.conftest import EDGES_NM, SHAPE, bodies, read_all


@pytest.fixture
def tomogram(grey) -> Volume:
    return Volume.from_array(grey).with_geometry(
        Geometry(voxel_size_nm=EDGES_NM, origin_nm=(100, 200, 300), first_voxel=(5, 20, 30))
    )


@pytest.fixture
def blobs() -> np.ndarray:
    """Codes of slices 5 to 65: many connected parts, some of which run through all slices."""
    noise = np.random.default_rng(7).normal(size=(60, *SHAPE[1:]))
    smooth = ndimage.gaussian_filter(noise, 2)
    return Score.encode(np.clip(smooth / smooth.std() / 3, -1, 1))


@pytest.mark.parametrize("slices", [1, 7, 60])
def test_each_connected_part_above_the_threshold_is_an_object(
    tmp_path, tomogram, blobs, monkeypatch, slices
):
    monkeypatch.setattr(
        "deepsxt_core.annotation.numbering._SLAB_VOXELS", slices * SHAPE[1] * SHAPE[2]
    )
    writer = create_score(tmp_path / "score", (60, *SHAPE[1:]), tomogram.geometry, first_slice=5)
    writer.write(0, blobs)
    params = SourceParams(threshold=0.21, min_voxels=20, class_name="wall")
    create_annotation(tmp_path / "a", tomogram, tmp_path / "score", params)
    annotation = open_annotation(tmp_path / "a")
    labels = read_all(annotation)

    above = np.zeros(SHAPE, bool)
    above[5:65] = Score.decode(blobs) > 0.21
    parts, count = ndimage.label(above)
    sizes = ndimage.sum_labels(above, parts, np.arange(count + 1))
    np.testing.assert_array_equal(labels > 0, above & (sizes[parts] >= 20))
    # One id per part and one part per id, the largest first.
    pairs = np.unique(np.stack([parts[labels > 0], labels[labels > 0]]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1] > 20
    by_id = np.bincount(labels.ravel())[1:]
    assert (np.diff(by_id) <= 0).all()
    assert list(annotation.objects) == list(range(1, len(by_id) + 1))
    row = annotation.objects[1]
    assert (row.class_name, row.origin, row.state) == ("wall", "score", "machine-made")
    # The score of the annotation is at hand.
    annotation.apply(
        Paint(
            object=1,
            stroke=Brush(points=[(30, 30, 30)], radius=3),
            limits={"score": (-1, -0.2)},
        )
    )


@pytest.mark.parametrize("slices", [1, 7, 60])
def test_with_a_second_threshold_parts_reach_as_far_as_it(
    tmp_path, tomogram, blobs, monkeypatch, slices
):
    monkeypatch.setattr(
        "deepsxt_core.annotation.numbering._SLAB_VOXELS", slices * SHAPE[1] * SHAPE[2]
    )
    writer = create_score(tmp_path / "score", (60, *SHAPE[1:]), tomogram.geometry, first_slice=5)
    writer.write(0, blobs)
    params = SourceParams(threshold=0.5, low=0.3)
    create_annotation(tmp_path / "a", tomogram, tmp_path / "score", params)
    annotation = open_annotation(tmp_path / "a")
    wanted = np.zeros(SHAPE, bool)
    wanted[5:65] = apply_hysteresis_threshold(Score.decode(blobs), 0.3, 0.5)
    faint = Score.decode(blobs) > 0.3
    assert (faint & ~wanted[5:65]).any()  # some faint parts have nothing certain in them
    np.testing.assert_array_equal(read_all(annotation) > 0, wanted)
    assert annotation.description.params == params
    # A result that is merged in later has it too.
    create_annotation(tmp_path / "b", tomogram)
    merged = open_annotation(tmp_path / "b")
    merged.apply(MergeResult(source=str(tmp_path / "score"), threshold=0.5, low=0.3))
    np.testing.assert_array_equal(read_all(merged), read_all(annotation))
    with pytest.raises(InvalidParameterError, match="low"):
        SourceParams(threshold=0.2, low=0.3)


def test_too_many_objects_are_refused_with_the_size_that_would_do(tmp_path, tomogram, monkeypatch):
    monkeypatch.setattr("deepsxt_core.annotation.numbering.MOST_IDS", 2)
    with pytest.raises(InvalidParameterError, match=r"3 objects .* min_voxels to 65 or more"):
        create_annotation(
            tmp_path / "a",
            tomogram,
            Volume.from_array(np.where(bodies() == 1, 0, bodies()) | three_cubes()),
            SourceParams(separate=True),
        )
    assert not list(tmp_path.iterdir())


def three_cubes() -> np.ndarray:
    cubes = np.zeros(SHAPE, np.uint16)
    cubes[0:4, 0:4, 0:4] = 9
    return cubes


def test_labels_keep_their_values(tmp_path, tomogram):
    labels = bodies() * np.uint16(300)
    create_annotation(tmp_path / "a", tomogram, Volume.from_array(labels))
    annotation = open_annotation(tmp_path / "a")
    np.testing.assert_array_equal(read_all(annotation), labels)
    assert [row.name for row in annotation.objects.values()] == [
        "Label 300",
        "Label 600",
        "Label 900",
    ]
    assert {row.class_name for row in annotation.objects.values()} == {MEMBRANE}


@pytest.mark.parametrize("dtype", [np.int64, np.uint32, np.float32])
def test_labels_beyond_16_bits_are_numbered_anew(tmp_path, tomogram, dtype):
    labels = (bodies().astype(np.int64) * 100_000).astype(dtype)
    create_annotation(tmp_path / "a", tomogram, Volume.from_array(labels))
    annotation = open_annotation(tmp_path / "a")
    np.testing.assert_array_equal(read_all(annotation), bodies())
    assert annotation.objects[2].name == "Label 200000"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (bodies() * 0.5, "whole numbers"),
        (-bodies().astype(np.int32), "from 0"),
        (bodies()[1:], "does not"),
    ],
)
def test_what_are_no_labels_of_the_tomogram_is_refused(tmp_path, tomogram, labels, message):
    with pytest.raises(InvalidParameterError, match=message):
        create_annotation(tmp_path / "a", tomogram, Volume.from_array(labels))
    assert not list(tmp_path.iterdir())


def test_an_empty_annotation_has_no_objects(tmp_path, tomogram):
    create_annotation(tmp_path / "a", tomogram)
    annotation = open_annotation(tmp_path / "a")
    assert not read_all(annotation).any()
    assert len(annotation.objects) == 0
    assert NOT_JUDGED in annotation.objects.classes


def test_nothing_is_overwritten(tmp_path, tomogram):
    create_annotation(tmp_path / "a", tomogram)
    with pytest.raises(InvalidParameterError, match="exists"):
        create_annotation(tmp_path / "a", tomogram)


def test_other_programs_open_the_labels(tmp_path, tomogram):
    create_annotation(tmp_path / "a", tomogram, Volume.from_array(bodies()))
    with open_annotation(tmp_path / "a") as annotation:
        annotation.apply(Paint(object=9, stroke=Brush(points=[(60, 60, 60)], radius=20)))
        expected = read_all(annotation)
    path = tmp_path / "a" / "labels.ome.zarr"
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["0"][:], expected)
    image = group.attrs["ome"]["multiscales"][0]
    scaling, shift = image["datasets"][0]["coordinateTransformations"]
    assert scaling["scale"] == [20, 10, 10]
    assert shift["translation"] == [100, 200, 300]
    assert image["axes"][0] == {"name": "z", "type": "space", "unit": "nanometer"}
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.read(0, SHAPE[0]), expected)
    assert volume.voxel_size_nm == EDGES_NM
    assert volume.origin_nm == (100, 200, 300)


def test_it_lies_where_its_tomogram_lies(tmp_path, tomogram):
    create_annotation(
        tmp_path / "a", tomogram, Volume.from_array(bodies()).with_geometry(tomogram.geometry)
    )
    assert open_annotation(tmp_path / "a").labels.geometry == tomogram.geometry


def test_a_cube_without_labels_has_no_file(annotate):
    annotation = annotate()
    cubes = annotation.path / "labels.ome.zarr" / "0" / "c"
    annotation.apply(Paint(object=1, stroke=Brush(points=[(5, 5, 5)], radius=2)))
    assert len([path for path in cubes.rglob("*") if path.is_file()]) == 1
    annotation.undo()
    assert not [path for path in cubes.rglob("*") if path.is_file()]


def test_an_annotation_of_a_later_format_is_refused(annotate):
    path = annotate().path
    content = json.loads((path / "annotation.json").read_text())
    (path / "annotation.json").write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(AnnotationError, match="format 2"):
        open_annotation(path)


@pytest.mark.parametrize("name", ["journal", "objects.json"])
def test_a_missing_file_is_named(annotate, name):
    path = annotate().path
    (path / name).unlink()
    with pytest.raises(AnnotationError, match="journal or its table"):
        open_annotation(path)


def test_limits_need_what_they_are_of(tmp_path, tomogram):
    create_annotation(tmp_path / "a", tomogram)
    annotation = open_annotation(tmp_path / "a")
    stroke = Brush(points=[(5, 5, 5)], radius=2)
    with pytest.raises(InvalidParameterError, match="tomogram"):
        annotation.apply(Paint(object=1, stroke=stroke, limits={"grey": (0, 1)}))
    with pytest.raises(InvalidParameterError, match="no score"):
        annotation.apply(Paint(object=1, stroke=stroke, limits={"score": (0, 1)}))
    assert annotation.can_undo == 0


def test_a_tomogram_of_another_shape_is_refused(annotate):
    path = annotate().path
    other = Volume.from_array(np.zeros((5, 5, 5)), VoxelSize.isotropic(10))
    with pytest.raises(InvalidParameterError, match="made for"):
        open_annotation(path, tomogram=other).apply(
            Paint(object=1, stroke=Brush(points=[(5, 5, 5)], radius=2))
        )
