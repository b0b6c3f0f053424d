"""The losses of the published semi-supervised scheme, by `keras.ops` alone.

With labels, 0.99 of Huber's loss of the score and 0.01 of that of the repainted image; without
labels, half of the structural dissimilarity and half of Huber's loss of the repainted image
(Dyhr, Sadeghi et al., PNAS 2023, doi 10.1073/pnas.2209938120).
"""

import numpy as np
from keras import KerasTensor as Tensor
from keras import ops

SCORE_DELTA = 0.1
SCORE_SHARE = 0.99
SSIM_SHARE = 0.5
_WINDOW_PX = 11
_WINDOW_SIGMA_PX = 1.5
# Slices are clipped at their 0.1 and 99.9 percentiles and standardised: they span about this.
_GREY_RANGE = 6.0


def huber(error: Tensor, delta: float) -> Tensor:
    """Return Huber's loss per element: quadratic up to `delta`, linear beyond."""
    size = ops.abs(error)
    return ops.where(size <= delta, 0.5 * error * error, delta * (size - 0.5 * delta))


def labelled_loss(
    image: Tensor, target: Tensor, weight: Tensor, repainted: Tensor, score: Tensor
) -> Tensor:
    """Return the loss of slices with labels.

    Parameters
    ----------
    image, repainted : tensor
        (batch, y, x, 1).
    target : tensor
        (batch, y, x, classes): -1 outside, 1 on membranes or in a class.
    weight : tensor
        Of each pixel in the loss of the score; 0 where nobody knows.
    score : tensor
        In [-1, 1].
    """
    total = ops.maximum(ops.sum(weight), 1.0)
    wrong = ops.sum(weight * huber(target - score, SCORE_DELTA)) / total
    unlike = ops.mean(huber(image - repainted, 1.0))
    return SCORE_SHARE * wrong + (1 - SCORE_SHARE) * unlike


def unlabelled_loss(image: Tensor, repainted: Tensor) -> Tensor:
    """Return the loss of slices without labels, (batch, y, x, 1) both."""
    unlike = ops.mean(huber(image - repainted, 1.0))
    return SSIM_SHARE * (1 - ssim(image, repainted)) + (1 - SSIM_SHARE) * unlike


def ssim(one: Tensor, two: Tensor) -> Tensor:
    """Return the mean structural similarity of two batches (batch, y, x, 1), at most 1.

    Wang et al., IEEE Trans. Image Process. 13, 600 (2004), doi 10.1109/TIP.2003.819861: a
    Gaussian window of 11 px, K1 = 0.01, K2 = 0.03, where the window fits into the image.
    """
    c1, c2 = (0.01 * _GREY_RANGE) ** 2, (0.03 * _GREY_RANGE) ** 2
    maps = ops.concatenate([one, two, one * one, two * two, one * two], axis=0)
    mean1, mean2, square1, square2, product = ops.split(_blur(maps), 5, axis=0)
    variance = square1 - mean1 * mean1 + square2 - mean2 * mean2
    covariance = product - mean1 * mean2
    luminance = (2 * mean1 * mean2 + c1) / (mean1 * mean1 + mean2 * mean2 + c1)
    return ops.mean(luminance * (2 * covariance + c2) / (variance + c2))


def _blur(maps: Tensor) -> Tensor:
    offset = np.arange(_WINDOW_PX) - _WINDOW_PX // 2
    window = np.exp(-0.5 * (offset / _WINDOW_SIGMA_PX) ** 2)
    window = (window / window.sum()).astype(np.float32)
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        maps = ops.conv(maps, window.reshape(shape), padding="valid", data_format="channels_last")
    return maps
