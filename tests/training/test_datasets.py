import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.label_values import IGNORED
from deepsxt_core.training.pairing import find_pairs
from deepsxt_core.training.reading import DataParams
from tests.training.conftest import draw


def test_labels_are_never_taken_for_images(folder):
    folder.add_drawn("a", "b")
    folder.add_drawn("c", labelled=False)
    (folder.path / "notes.txt").write_text("hello")

    pairs = find_pairs(folder.path)

    assert [(image.name, labels and labels.name) for image, labels in pairs] == [
        ("a.tif", "a.labels.tif"),
        ("b.tif", "b.labels.tif"),
        ("c.tif", None),
    ]


def test_a_simulated_tomogram_is_found_with_its_truth(folder):
    for name in ("sample.tif", "sample.truth.tif"):
        (folder.path / name).touch()

    ((image, labels),) = find_pairs(folder.path)

    assert (image.name, labels.name) == ("sample.tif", "sample.truth.tif")


@pytest.mark.parametrize(
    ("on", "dtype"), [(1, np.uint8), (255, np.uint8), (7, np.int32), (1, np.float32)]
)
def test_all_common_codings_mean_the_same(folder, on, dtype):
    image, label = draw(0)
    folder.add("a", image, (label * on).astype(dtype))

    source = open_training_set(folder.path).sources[0]

    np.testing.assert_array_equal(source.read_labels(0), label)


def test_unjudged_pixels_are_ignored(folder):
    image, label = draw(0)
    unjudged = np.zeros_like(label)
    unjudged[:, :20] = True
    folder.add("plain", image, np.where(unjudged, 128, label * 255).astype(np.uint8))
    folder.add("numbered", image, np.where(unjudged, 128, label * 3).astype(np.uint8))
    folder.add("chosen", image, np.where(unjudged, 9, label * 1).astype(np.uint8))

    by_default = {s.name: s for s in open_training_set(folder.path).sources}
    chosen = {s.name: s for s in open_training_set(folder.path, DataParams(ignore_label=9)).sources}

    assert (by_default["plain"].read_labels(0)[unjudged] == IGNORED).all()
    assert (by_default["numbered"].read_labels(0)[unjudged] == 1).all()
    assert (chosen["chosen"].read_labels(0)[unjudged] == IGNORED).all()


def test_empty_slices_of_a_tomogram_are_not_labelled_but_an_empty_image_is(folder):
    image, label = draw(0, (5, 64, 64))
    label[[0, 3]] = False
    folder.add("tomogram", image, label)
    flat, none = draw(1, (64, 64))
    folder.add("empty", flat, np.zeros_like(none))

    sources = {s.name: s for s in open_training_set(folder.path).sources}

    assert sources["tomogram"].labelled == (1, 2, 4)
    assert sources["tomogram"].unlabelled == (0, 3)
    assert sources["empty"].labelled == (0,)


def test_bright_membranes_are_made_dark(folder):
    image, label = draw(0)
    folder.add("dark", image, label)
    folder.add("bright", -image, label)

    sources = {s.name: s for s in open_training_set(folder.path).sources}

    assert (sources["dark"].invert, sources["bright"].invert) == (False, True)
    np.testing.assert_allclose(
        sources["dark"].read_image(0), sources["bright"].read_image(0), atol=1e-4
    )


def test_labels_of_another_shape_are_refused_with_both_sizes(folder):
    folder.add_drawn("good")
    image, label = draw(0)
    folder.add("bad", image, label[:-6])

    with pytest.raises(TrainingDataError, match=r"bad\.labels\.tif.*1 × 90 × 128.*1 × 96 × 128"):
        open_training_set(folder.path)


def test_labels_without_any_membrane_are_refused(folder):
    for seed in range(3):
        image, label = draw(seed)
        folder.add(f"image{seed}", image, np.zeros_like(label))

    with pytest.raises(TrainingDataError, match=r"no membrane at all.*3 labelled images"):
        open_training_set(folder.path)


@pytest.mark.parametrize("which", ["slice_17.tif", "slice_17.labels.tif"])
def test_one_damaged_file_among_fifty_is_named(folder, which):
    image, label = draw(0, (32, 32))
    for i in range(50):
        folder.add(f"slice_{i:02}", image, label)
    path = folder.path / which
    path.write_bytes(path.read_bytes()[:300])

    with pytest.raises(TrainingDataError, match=which.replace(".", r"\.")):
        open_training_set(folder.path)


def test_damage_inside_compressed_pixels_is_found(folder):
    image, label = draw(0, (64, 64))
    folder.add("good", image, label)
    folder.add("bad", image, label)
    path = folder.path / "bad.tif"
    tifffile.imwrite(path, image, compression="zlib", photometric="minisblack")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[0]
    content[start + 10 : start + 200] = bytes(190)
    path.write_bytes(content)

    with pytest.raises(TrainingDataError, match=r"bad\.tif"):
        open_training_set(folder.path)


def test_what_cannot_be_learnt_from_is_refused(folder):
    image, label = draw(0)
    folder.add("flat", np.full_like(image, 5), label)
    folder.add("fractions", image, label * np.float32(0.5))
    folder.add("unmarked", (label * 255).astype(np.uint8))

    with pytest.raises(TrainingDataError) as caught:
        open_training_set(folder.path)

    for text in ("flat.tif' has one grey value", "0.5", "seems to be labels"):
        assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "no labels"),
        (["a.tif"], "no labels"),
        (["a.labels.tif"], "no image 'a.tif'"),
        (["a.tif", "a.mrc", "a.labels.tif"], "unclear which"),
    ],
)
def test_folders_without_clear_pairs_are_refused(folder, names, text):
    for name in names:
        tifffile.imwrite(folder.path / name, draw(0)[0], photometric="minisblack")

    with pytest.raises(TrainingDataError, match=text):
        open_training_set(folder.path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(TrainingDataError, match="no folder"):
        open_training_set(tmp_path / "nowhere")


def test_counts_and_fingerprint_tell_sets_apart(folder):
    folder.add_drawn("a", "b")
    folder.add_drawn("c", labelled=False)
    found = open_training_set(folder.path)

    counts = found.counts()
    assert (counts["files"], counts["labelled_slices"], counts["unlabelled_slices"]) == (3, 2, 1)
    assert counts["membrane_px"] == sum(int(draw(i)[1].sum()) for i in range(2))
    before = found.fingerprint()
    assert before == open_training_set(folder.path).fingerprint()
    image, label = draw(9, (80, 128))
    folder.add("b", image, label)
    assert before != open_training_set(folder.path).fingerprint()


def test_real_patches_are_understood(real):
    found = open_training_set(real / "labelled_sxt_patches")

    counts = found.counts()
    assert (counts["files"], counts["labelled_slices"], counts["inverted"]) == (4, 4, [])
