"""How far a body reaches along each ray from a point in it: small perceptrons, one after the other.

Each stage looks at every radius of every ray, sees what the stage before it said there and
around, and so spreads what is plainly seen to where the missing wedge hides the membrane
(auto-context: Tu and Bai 2010, https://doi.org/10.1109/TPAMI.2009.186). Trained on simulated
tomograms by `tools/train_outlines.py`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.bodies.views import (
    ANGLE_TO_Z,
    AZIMUTH,
    AZIMUTHS,
    POLAR,
    RADII,
    RADIUS_PX,
    SOLID_ANGLE,
)

Map = NDArray[np.float32]
"""float32 (polar, azimuth, radius)."""

LOG_RADIUS = np.log(RADIUS_PX).astype(np.float32)

_WEIGHTS = Path(__file__).with_name("outline.npz")
_NAMES = ("mean", "hidden", "bias", "out")
_SHAPE = (POLAR, AZIMUTHS, RADII)
_SIZE = np.broadcast_to((LOG_RADIUS - np.log(10)) / 2, _SHAPE).astype(np.float32)
_TO_Z = np.broadcast_to(np.abs(np.cos(ANGLE_TO_Z))[:, None, None], _SHAPE).astype(np.float32)
_TO_X = np.broadcast_to(
    np.abs(np.sin(ANGLE_TO_Z)[:, None] * np.cos(AZIMUTH))[:, :, None], _SHAPE
).astype(np.float32)
# How far a membrane lies behind what it hides, in radii.
_BEHIND = 3
_LEAST_SPREAD = 0.15
_LEAST_LOG = np.float32(-9)
_UNSURE = np.float32(0.6)
_FORBIDDEN = np.float32(-30)


@dataclass(frozen=True, slots=True)
class Outline:
    """How far a body reaches around a point.

    Attributes
    ----------
    radius_px : ndarray
        float32 (polar, azimuth): where its surface is expected.
    spread : ndarray
        float32 (polar, azimuth): standard deviation of the logarithm of that.
    """

    radius_px: NDArray[np.float32]
    spread: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which radii the surface lies.

    Attributes
    ----------
    least_px, most_px : ndarray
        float32 (polar, azimuth).
    """

    least_px: NDArray[np.float32]
    most_px: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stage:
    """One perceptron: ``relu((features - mean) @ hidden + bias) @ out``."""

    mean: NDArray[np.float32]
    hidden: NDArray[np.float32]
    bias: NDArray[np.float32]
    out: NDArray[np.float32]

    def __call__(self, features: NDArray[np.float32]) -> Map:
        """Return the logarithm of the probability of each radius of a ray."""
        hidden = np.maximum((features - self.mean) @ self.hidden + self.bias, 0)
        return log_softmax((hidden @ self.out)[..., 0])


@cache
def trained_stages() -> tuple[Stage, ...]:
    """Return the stages that come with the program."""
    with np.load(_WEIGHTS) as file:
        count = len(file.files) // len(_NAMES)
        return tuple(Stage(*(file[f"{name}{i}"] for name in _NAMES)) for i in range(count))


def save_stages(stages: tuple[Stage, ...], path: Path = _WEIGHTS) -> None:
    """Keep stages as those that come with the program."""
    np.savez_compressed(
        path,
        **{f"{name}{i}": getattr(stage, name) for i, stage in enumerate(stages) for name in _NAMES},
    )


def outline(seen: NDArray[np.float32], bounds: Bounds | None = None) -> Outline:
    """Return how far the body around a point reaches.

    Parameters
    ----------
    seen : ndarray
        As `Views.at` returns it.
    bounds : Bounds, optional
        What is known of it.
    """
    likelihood = np.exp(log_likelihood(seen, trained_stages(), bounds))
    mean = likelihood @ LOG_RADIUS
    spread = np.sqrt(np.maximum(likelihood @ LOG_RADIUS**2 - mean**2, 0))
    # Where the radius is unsure, its most likely logarithm gives too small a volume.
    return Outline(np.exp(mean + _UNSURE * spread**2), spread)


def log_likelihood(
    seen: NDArray[np.float32], stages: tuple[Stage, ...], bounds: Bounds | None = None
) -> Map:
    """Return the logarithm of the probability of each radius of each ray, after all stages.

    Each stage is held to the bounds, so that the next one carries them on to rays without.
    """
    features = first_features(seen)
    said = _bounded(stages[0](features), bounds)
    for stage in stages[1:]:
        both = np.concatenate([features, context_features(seen, said)], axis=-1)
        said = _bounded(stage(both), bounds)
    return said


def _bounded(said: Map, bounds: Bounds | None) -> Map:
    if bounds is None:
        return said
    is_within = (bounds.least_px[..., None] <= RADIUS_PX) & (bounds.most_px[..., None] >= RADIUS_PX)
    return log_softmax(np.where(is_within, said, said + _FORBIDDEN))


def first_features(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is known at each radius of each ray (polar, azimuth, radius, features)."""
    score, dark, valid = (np.ascontiguousarray(seen[..., i], np.float32) for i in range(3))
    crossed = np.maximum.accumulate(score, axis=-1)
    crossed = np.concatenate(
        [np.full_like(crossed[..., :_BEHIND], -1), crossed[..., :-_BEHIND]], axis=-1
    )
    counted = np.maximum(np.cumsum(valid, axis=-1), 1)
    filling = (np.cumsum(dark * valid, axis=-1) / counted).astype(np.float32)
    single = [
        *(crossed, _around(crossed), _on_shell(crossed, valid)),
        *(filling, _on_shell(filling, valid), valid),
        *(_SIZE, _SIZE**2, _TO_Z, _TO_X),
        *(_TO_Z * score, _TO_Z * _around(score), _TO_Z * _SIZE),
    ]
    return np.concatenate(
        [
            _beside(score, 3),
            _beside(dark, 3),
            _beside(_around(score), 2),
            _beside(_around(dark), 3),
            _beside(_on_shell(score, valid), 3),
            _beside(_on_shell(dark, valid), 3),
            np.stack(single, axis=-1),
        ],
        axis=-1,
    )


def context_features(seen: NDArray[np.float32], said: Map) -> NDArray[np.float32]:
    """Return what a stage said (log of the probability) at each radius, beside it and around."""
    valid = np.ascontiguousarray(seen[..., 2], np.float32)
    likely = np.exp(said)
    mean = likely @ LOG_RADIUS
    spread = np.sqrt(np.maximum(likely @ LOG_RADIUS**2 - mean**2, 0))
    trust = 1 / (spread + _LEAST_SPREAD) ** 2
    weight = trust * SOLID_ANGLE
    near, far = _trusted(mean, trust, 1), _trusted(mean, trust, 4)
    everywhere = np.float32((mean * weight).sum() / weight.sum())
    to_near, to_far = LOG_RADIUS - near[..., None], LOG_RADIUS - far[..., None]
    to_all = np.broadcast_to(LOG_RADIUS - everywhere, _SHAPE)
    to_mirrored = LOG_RADIUS - mean[::-1, :, None]
    single = [
        *(to_near, to_near**2, to_far, to_far**2, to_all, to_all**2),
        *(to_mirrored, np.minimum(to_mirrored**2, 1)),
        np.broadcast_to(spread[..., None], _SHAPE),
        _TO_Z * to_far**2,
    ]
    features = [
        _beside((np.maximum(said, _LEAST_LOG) / 4).astype(np.float32), 2),
        _beside(_around(likely), 2) * 4,
        _beside(_around(likely, 4), 1) * 4,
        _beside(_on_shell(likely, valid), 2) * 4,
        np.stack(single, axis=-1),
    ]
    return np.concatenate(features, axis=-1).astype(np.float32)


def log_softmax(values: Map) -> Map:
    """Return the logarithm of the softmax along the last axis."""
    shifted = values - values.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _beside(values: Map, steps: int) -> NDArray[np.float32]:
    """Return the values at the radii up to so many steps smaller and larger, as a last axis."""
    padded = np.pad(values, [(0, 0), (0, 0), (steps, steps)], mode="edge")
    return np.stack([padded[..., k : k + RADII] for k in range(2 * steps + 1)], axis=-1)


def _around(values: Map, times: int = 1) -> Map:
    """Return weighted means over neighbouring rays."""
    for _ in range(times):
        up = np.concatenate([values[:1], values[:-1]])
        down = np.concatenate([values[1:], values[-1:]])
        along = (values * 2 + up + down) / 4
        values = (2 * along + np.roll(along, 1, axis=1) + np.roll(along, -1, axis=1)) / 4
    return values


def _on_shell(values: Map, valid: Map) -> Map:
    """Return the mean over all rays at each radius, over what lies in the volume."""
    weight = SOLID_ANGLE[..., None] * valid
    mean = (values * weight).sum(axis=(0, 1)) / np.maximum(weight.sum(axis=(0, 1)), 1e-3)
    return np.broadcast_to(mean, _SHAPE)


def _trusted(
    mean: NDArray[np.float32], trust: NDArray[np.float32], times: int
) -> NDArray[np.float32]:
    """Return the mean over neighbouring rays (polar, azimuth), each counting as it is sure."""
    weighted = _around((mean * trust)[..., None], times) / _around(trust[..., None], times)
    return weighted[..., 0]
