from dataclasses import replace

import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.phantom import SliceParams
from deepsxt_core.training.augmentation import augment
from deepsxt_core.training.batches import BatchParams, PhantomBatches, draw_validation

PARAMS = BatchParams(
    batch_size=3,
    crop_px=48,
    new_slices=2,
    window=6,
    positive_weight=2.5,
    seed=1,
    slices=SliceParams(shape=(64, 64)),
)


def test_a_batch_holds_crops_labels_and_weights():
    images, labels, weights = PhantomBatches(PARAMS, 4)[2]

    assert images.shape == labels.shape == weights.shape == (3, 48, 48, 1)
    assert images.dtype == labels.dtype == weights.dtype == np.float32
    assert np.isfinite(images).all()
    assert set(np.unique(labels)) <= {0.0, 1.0}
    np.testing.assert_array_equal(weights, np.where(labels > 0, np.float32(2.5), 1))


def test_a_batch_depends_on_the_seed_and_its_number_alone():
    in_order = PhantomBatches(PARAMS, 8)
    before = [in_order[i] for i in range(8)]
    late_start = PhantomBatches(PARAMS, 3, first=5)

    for ours, theirs in zip(late_start[2], before[7], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(before[6][0], before[7][0])


def test_a_share_of_the_crops_comes_from_the_simulated_tomograms():
    stripes = np.zeros((5, 64, 64), np.float32)
    stripes[:, :, ::4] = -1
    tomograms = [(stripes, stripes < 0)]

    def fraction_labelled(share):
        batches = PhantomBatches(replace(PARAMS, tomogram_share=share), 20, tomograms)
        return [float(labels.mean()) for i in range(20) for labels in batches[i][1]]

    assert fraction_labelled(1.0) == [0.25] * 60
    weights = PhantomBatches(
        replace(PARAMS, tomogram_share=1.0, tomogram_weight=1.25), 1, tomograms
    )[0][2]
    assert set(np.unique(weights)) == {1.0, 1.25}
    mixed = fraction_labelled(0.5)
    assert 15 < mixed.count(0.25) < 45
    assert 0.25 not in fraction_labelled(0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop_px": 50},
        {"crop_px": 512},
        {"batch_size": 0},
        {"positive_weight": 0.0},
        {"tomogram_weight": 0.0},
        {"tomogram_share": 1.5},
    ],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        BatchParams(**wrong)


@pytest.mark.parametrize("seed", range(8))
def test_augmentation_moves_image_and_label_together(seed):
    label = np.zeros((40, 48), bool)
    label[5:20, 10:14] = True
    label[30, :] = True
    image = np.where(label, np.float32(-10), np.float32(0))
    image += np.random.default_rng(0).normal(0, 0.1, image.shape).astype(np.float32)

    seen = np.stack([image, image, -image], axis=-1)
    crops, cut = augment(np.random.default_rng(seed), seen, label, 32)

    crop = crops[..., 1]
    assert crops.shape == (32, 32, 3)
    assert crop.shape == cut.shape == (32, 32)
    assert crop.dtype == np.float32
    assert cut.any()
    assert crop[cut].mean() < crop[~cut].mean() - 0.5 * crop.std()
    above, below = crops[..., 0], crops[..., 2]
    assert above[cut].mean() < above[~cut].mean()
    assert below[cut].mean() > below[~cut].mean()


def test_a_zoom_magnifies_image_and_label_alike():
    label = np.zeros((96, 96), bool)
    label[:, 40:56] = True
    image = np.where(label, np.float32(-1), np.float32(1))[..., np.newaxis]
    widths = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        crop, cut = augment(rng, image, label, 64, strength=0, zoom=0.4)
        assert crop.shape[:2] == cut.shape == (64, 64)
        if cut.any() and not cut.all():
            assert np.mean((crop[..., 0] < crop.mean()) == cut) > 0.95
        widths |= {int(cut.sum(axis).max()) for axis in (0, 1)} - {64}
    assert min(widths) < 16 < max(widths)


def test_validation_slices_are_whole_and_standardised():
    images, labels = draw_validation(3, 9, SliceParams(shape=(64, 80)))

    assert images.shape == (3, 64, 80, 1)
    assert labels.shape == (3, 64, 80)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(images.std(axis=(1, 2, 3)), 1, atol=1e-4)
