"""What `tools/train_bodies.py` learns from: patches of phantoms, the truth in them, and clicks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.bodies.patches import (
    PATCH,
    SCALES,
    Patch,
    Surroundings,
    fitting_scale,
    part_scale,
    pyramid,
    sampled,
)
from deepsxt_core.phantom import Label
from tools.scored_phantoms import Scored

_LEAST_DEPTH_PX = 3.5
_WEIGHT = {Label.LIPID_DROPLET: 2.5, Label.RETICULUM: 2.0, Label.MITOCHONDRION: 2.0}
_EDGE_PX, _POINTS = 4, 2000
_NOWHERE = 0.08
_LEAST_ERROR = 1.0
_NO_GREY, _NO_SCORE = 0.07, 0.04


@dataclass(frozen=True, slots=True)
class Target:
    """An organelle of a phantom.

    Attributes
    ----------
    first, last : ndarray
        Of its box, (z, y, x).
    mask : list of ndarray
        A pyramid, 0 to 1, with `_EDGE_PX` empty voxels around the box.
    points, depth : ndarray
        Some of its voxels (n, 3), and how deep they lie.
    weight : float
        How often it is drawn.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    mask: list[Patch]
    points: NDArray[np.float64]
    depth: NDArray[np.float32]
    weight: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A phantom that is looked at, and the organelles in it that are thick enough."""

    seen: Surroundings
    nowhere: NDArray[np.bool_]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A patch, the truth in it (`PATCH`, 0 to 1), its scale, and clicks in it."""

    seen: Patch
    truth: Patch
    scale: float
    inside: NDArray[np.float64]
    outside: NDArray[np.float64]


def scene_of(phantom: Scored) -> Scene:
    """Return what is learnt from a phantom."""
    rng = np.random.default_rng(0)
    targets = []
    for organelle in phantom.organelles:
        mask = phantom.whole(organelle)
        if not mask.any():
            continue
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        mask, own = mask[box], phantom.ids[box] == organelle.number
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
        if depth.max() >= _LEAST_DEPTH_PX and own.any():
            first = np.array([cut.start for cut in box])
            points = rng.permutation(np.argwhere(own))[:_POINTS]
            targets.append(
                Target(
                    first,
                    first + mask.shape - 1,
                    pyramid(np.pad(mask.astype(np.float32), _EDGE_PX)),
                    points + first.astype(float),
                    depth[tuple(points.T)],
                    _WEIGHT.get(organelle.label, 1.0),
                )
            )
    return Scene(Surroundings(phantom.score, phantom.grey), phantom.ids == 0, tuple(targets))


class Sampler:
    """Draws samples from scenes."""

    def __init__(self, scenes: Sequence[Scene], rng: np.random.Generator) -> None:
        self._rng = rng
        self._scenes = scenes
        self._all = [(scene, target) for scene in scenes for target in scene.targets]
        weights = np.array([target.weight for _, target in self._all])
        self._share = np.cumsum(weights / weights.sum())

    def draw(self) -> Sample:
        """Return a patch with a click or two."""
        rng = self._rng
        if rng.random() < _NOWHERE:
            return self._nowhere()
        number = int(np.searchsorted(self._share, rng.random()))
        scene, target = self._all[min(number, len(self._all) - 1)]
        click = self._click(target)
        centre, scale = self._view(target, click)
        truth = sampled(target.mask, centre - target.first + _EDGE_PX, np.full(3, scale))
        clicks = {"inside": [click], "outside": []}
        if rng.random() < 0.15:
            clicks["inside"].append(self._click(target))
        sample = Sample(
            scene.seen.patch(centre, scale),
            truth,
            scale,
            *(_in_patch(np.array(clicks[k], float).reshape(-1, 3), centre, scale) for k in clicks),
        )
        return self._changed(sample)

    def _nowhere(self) -> Sample:
        rng = self._rng
        scene = self._scenes[rng.integers(len(self._scenes))]
        while True:
            place = rng.integers(scene.nowhere.shape)
            if scene.nowhere[tuple(place)]:
                break
        scale = float(rng.choice(SCALES))
        centre = place.astype(float)
        none = np.zeros((0, 3))
        inside = _in_patch(centre[None], centre, scale)
        seen = scene.seen.patch(centre, scale)
        return self._changed(Sample(seen, np.zeros(PATCH, np.float32), scale, inside, none))

    def _click(self, target: Target) -> NDArray[np.float64]:
        rng = self._rng
        power = rng.choice([0.0, 1.0, 4.0])
        weight = np.cumsum(np.maximum(target.depth, 0.5) ** power)
        return target.points[int(np.searchsorted(weight, rng.random() * weight[-1]))]

    def _view(
        self, target: Target, click: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Return centre and scale, as `grow_body` chooses them first, last, or for a part."""
        rng = self._rng
        low, high = target.first, target.last
        drawn = rng.random()
        if drawn < 0.4:
            fits = fitting_scale(click, low, high)
            nearest = int(np.argmin(np.abs(np.log(np.array(SCALES) / fits))))
            number = np.clip(nearest + rng.choice([-1, 0, 0, 1]), 0, len(SCALES) - 1)
            return click, SCALES[number]
        centre = (low + high) / 2 + rng.normal(0, 0.08, 3) * (high - low + 1)
        scale = fitting_scale(centre, low, high) * rng.uniform(0.8, 1.4)
        close = part_scale(float(target.depth.max()))
        if drawn > 0.75 and scale > 1.2 * close:
            return click + rng.normal(0, 2, 3), close * float(np.exp(rng.uniform(0, 0.4)))
        return centre, float(np.clip(scale, SCALES[0], SCALES[-1]))

    def _changed(self, sample: Sample) -> Sample:
        """Return a sample mirrored, with other grey values, or without some of them."""
        rng = self._rng
        seen, truth = sample.seen.copy(), sample.truth
        valid = seen[..., 2] > 0
        seen[..., 1] = (seen[..., 1] * rng.uniform(0.7, 1.4) + rng.normal(0, 0.2)) * valid
        if rng.random() < 0.3:
            seen[..., 0] = np.clip(seen[..., 0] * rng.uniform(0.7, 1.2), -1, 1) * valid
        drawn = rng.random()
        if drawn < _NO_GREY:
            seen[..., 1] = 0
        elif drawn < _NO_GREY + _NO_SCORE:
            seen[..., 0] = -seen[..., 2]
        inside, outside = sample.inside.copy(), sample.outside.copy()
        for axis in np.flatnonzero(rng.random(3) < 0.5):
            seen, truth = np.flip(seen, axis), np.flip(truth, axis)
            for clicks in (inside, outside):
                clicks[:, axis] = PATCH[axis] - 1 - clicks[:, axis]
        return replace(sample, seen=seen, truth=truth, inside=inside, outside=outside)


def _in_patch(
    points: NDArray[np.float64], centre: NDArray[np.float64], scale: float
) -> NDArray[np.float64]:
    return (points - centre) / scale + (np.array(PATCH) - 1) / 2


def with_error_clicked(sample: Sample, logits: Patch, truth: Patch) -> Sample | None:
    """Return a sample with one more click, in the middle of the thickest error, if there is one.

    `logits` and `truth` are folded: errors are looked at in every second voxel.
    """
    found, wanted = logits[..., 0] > 0, truth[..., 0] > 0.5
    # Beyond the volume nobody can click.
    valid = sample.seen[::2, ::2, ::2, 2] > 0
    deepest, place, is_inside = _LEAST_ERROR, None, True
    for error, inside in ((wanted & ~found & valid, True), (found & ~wanted & valid, False)):
        depth = ndimage.distance_transform_edt(np.pad(error, 1))
        if depth.max() > deepest:
            deepest, is_inside = float(depth.max()), inside
            place = 2.0 * (np.array(np.unravel_index(int(depth.argmax()), depth.shape)) - 1)
    if place is None:
        return None
    if is_inside:
        return replace(sample, inside=np.vstack([sample.inside, place]))
    return replace(sample, outside=np.vstack([sample.outside, place]))
