import numpy as np
import pytest
from keras import ops
from skimage.metrics import structural_similarity

from deepsxt_core.training.losses import huber, labelled_loss, ssim, unlabelled_loss


def slices(seed, shape=(2, 32, 40, 1)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_huber_is_quadratic_then_linear():
    loss = ops.convert_to_numpy(huber(ops.convert_to_tensor([0.05, -0.1, 2.0]), 0.1))
    np.testing.assert_allclose(loss, [0.00125, 0.005, 0.195], rtol=1e-5)


def test_ssim_agrees_with_scikit_image():
    one = slices(0)
    two = 0.7 * one + 0.5 * slices(1)
    known = [
        structural_similarity(
            a[..., 0], b[..., 0], data_range=6.0, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(one, two, strict=True)
    ]  # fmt: skip
    assert float(ssim(one, two)) == pytest.approx(np.mean(known), abs=1e-4)


def test_a_perfect_answer_costs_nothing():
    image = slices(0)
    target = np.sign(slices(1))
    assert float(unlabelled_loss(image, image)) == pytest.approx(0, abs=1e-5)
    assert float(labelled_loss(image, target, np.ones_like(target), image, target)) == 0


def test_ignored_pixels_do_not_count_and_weights_do():
    image, score = slices(0), np.zeros((2, 32, 40, 1), np.float32)
    target = np.ones_like(score)
    target[:, :16] = -1
    weight = np.ones_like(score)
    weight[:, 16:] = 3
    right = np.where(target < 0, -1, score).astype(np.float32)
    wrong_px = 0.99 * 0.1 * (1 - 0.05)

    # Membranes, weighing 3 of 4, are wrong; with them ignored all is right.
    loss = float(labelled_loss(image, target, weight, image, right))
    assert loss == pytest.approx(wrong_px * 3 / 4, rel=1e-4)
    weight[:, 16:] = 0
    assert float(labelled_loss(image, target, weight, image, right)) == 0


def test_nothing_but_ignored_pixels_is_no_division_by_zero():
    image = slices(0)
    assert float(labelled_loss(image, image, np.zeros_like(image), image, -image)) == 0
