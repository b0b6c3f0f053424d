"""The body around a click: looked at from the click, then from its own middle, at its own size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from deepsxt_core.bodies.calibration import calibration
from deepsxt_core.bodies.network import trained
from deepsxt_core.bodies.patches import (
    HALF,
    PATCH,
    SCALES,
    Patch,
    Surroundings,
    click_maps,
    fitting_scale,
    part_scale,
)

Voxel = tuple[int, int, int]
Place = NDArray[np.float64]

REACH_PX = 72
"""How far around a click (z, y, x) is looked."""

_ROUNDS, _SETTLED = 4, 1.5
_WIDER, _FARTHER = 1.25, 1.5
# A body is looked at in parts if they are shown so much closer.
_CLOSER, _MOST_CLOSER = 1.3, 3.0
_MOST_PARTS, _APART = 8, 1.2
_WHOLE = 0.05
_MIDDLE = (np.array(PATCH) - 1) / 2
_WINDOW = np.prod(
    np.meshgrid(
        *(1 - np.abs(np.arange(n) - m) / (m + 1) for n, m in zip(PATCH, _MIDDLE, strict=True)),
        indexing="ij",
    ),
    axis=0,
).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Body:
    """A body in a box.

    Attributes
    ----------
    mask : ndarray
        bool (z, y, x), its membrane included.
    first : (z, y, x)
        Where the first voxel of the mask lies.
    agreement : float
        How much what is seen at different scales has in common, from 0 to 1.
    sureness : float
        How far from undecided its voxels are, from 0 to 1.
    """

    mask: NDArray[np.bool_]
    first: Voxel
    agreement: float
    sureness: float

    @property
    def voxels(self) -> int:
        """Return how many voxels it has."""
        return int(np.count_nonzero(self.mask))

    @property
    def features(self) -> NDArray[np.float64]:
        """What its confidence depends on: whether its voxels are sure, and how many there are."""
        size = np.log(max(self.voxels, 1))
        return np.array([self.agreement, self.sureness, size / 10])

    @property
    def confidence(self) -> float:
        """How likely it is a body of which at least half is right, from 0 to 1."""
        return calibration().confidence(self.features)

    @property
    def true_voxels(self) -> tuple[float, float]:
        """Between what its true number of voxels lies in 95 of 100 cases."""
        low, high = calibration().volume_ratio(self.confidence)
        return self.voxels * low, self.voxels * high


@dataclass(frozen=True, slots=True)
class _Look:
    """What the network says of a patch: likely inside (0 to 1), and the box of the body in it.

    It is cut if the body reaches the edge of the patch.
    """

    centre: Place
    scale: float
    likely: Patch
    low: Place
    high: Place
    is_cut: bool

    @property
    def sureness(self) -> float:
        """How far from undecided the voxels of the body are, from 0 to 1."""
        return sureness(self.likely, self.likely > 0.5)


class _Eye:
    def __init__(
        self,
        seen: Surroundings,
        inside: Sequence[Voxel],
        outside: Sequence[Voxel],
        network: Callable[[Patch, Patch], Patch],
    ) -> None:
        self.seen, self.network = seen, network
        self.inside = np.array(inside, float).reshape(-1, 3)
        self.outside = np.array(outside, float).reshape(-1, 3)

    def look(self, centre: Place, scale: float, within: Place | None = None) -> _Look | None:
        """Return what is seen around a place, None without a body at the clicks.

        `within` counts as one more click inside.
        """
        step = scale / self.seen.edges
        middle = _MIDDLE
        inside, outside = (
            (clicks - centre) / step + middle for clicks in (self.inside, self.outside)
        )
        if within is not None:
            inside = np.vstack([inside, (within - centre) / step + middle])
        patch = self.seen.patch(centre, scale)
        likely = expit(self.network(patch, click_maps(inside, outside, scale)))
        likely *= patch[..., 2]
        body = held(likely > 0.5, inside)
        if body is None:
            return None
        places = [np.flatnonzero(body.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        low, high = (np.array([place[end] for place in places]) for end in (0, -1))
        # Far off pieces are others.
        near = np.where(ndimage.binary_dilation(body, iterations=2), likely, 0)
        return _Look(
            centre,
            scale,
            near.astype(np.float32),
            centre + (low - 0.5 - middle) * step,
            centre + (high + 0.5 - middle) * step,
            bool((low == 0).any() or (high == np.array(PATCH) - 1).any()),
        )

    def first(self, point: Place) -> _Look | None:
        """Return the look from a click at the scale at which it is surest."""
        looks = [self.look(point, scale) for scale in SCALES]
        return max(
            (look for look in looks if look is not None),
            key=lambda look: look.sureness,
            default=None,
        )

    def own(self, look: _Look, factor: float = 1.0) -> _Look:
        """Return the look from the middle of a body at its own size."""
        centre = (look.low + look.high) / 2
        low, high = (end * self.seen.edges for end in (look.low, look.high))
        scale = fitting_scale(centre * self.seen.edges, low, high) * factor
        if look.is_cut:
            scale = max(scale, min(_FARTHER * look.scale, SCALES[-1]))
        return self.look(centre, scale) or look

    def settled(self, look: _Look) -> _Look:
        """Return the look from the middle of a body, once it stays as large as it was."""
        for _ in range(_ROUNDS):
            before, look = look, self.own(look)
            moved = np.abs(np.subtract([look.low, look.high], [before.low, before.high]))
            if (moved * self.seen.edges).max() < _SETTLED * look.scale:
                break
        return look

    def parts(self, look: _Look) -> list[_Look]:
        """Return closer looks at the parts of a body that is long for its thickness."""
        depth = ndimage.distance_transform_edt(np.pad(look.likely > 0.5, 1))[1:-1, 1:-1, 1:-1]
        close = part_scale(float(depth.max()) * look.scale)
        if look.scale < _CLOSER * close:
            return []
        close = max(close, look.scale / _MOST_CLOSER)
        places = np.argwhere(depth > 0.5 * depth.max())
        points = look.centre + (places - _MIDDLE) * look.scale / self.seen.edges
        points = points[
            (points >= 0).all(axis=1) & (points <= np.array(self.seen.shape) - 1).all(1)
        ]
        reach = _APART * min(HALF) * close
        found: list[_Look] = []
        chosen = self.inside[0] * self.seen.edges
        nearest = np.full(len(points), np.inf)
        while len(points) and len(found) < _MOST_PARTS:
            nearest = np.minimum(nearest, np.linalg.norm(points * self.seen.edges - chosen, axis=1))
            number = int(nearest.argmin() if not found else nearest.argmax())
            if found and nearest[number] < reach:
                break
            part = self.look(points[number], close, points[number])
            chosen = points[number] * self.seen.edges
            if not found:
                nearest[:] = np.inf
            if part is None:
                break
            found.append(part)
        return found


def grow_body(
    seen: Surroundings,
    inside: Sequence[Voxel],
    outside: Sequence[Voxel] = (),
    network: Callable[[Patch, Patch], Patch] | None = None,
) -> Body | None:
    """Return the body that holds the voxels `inside` and none of those `outside`.

    Parameters
    ----------
    seen : Surroundings
        The box around the first voxel.
    inside, outside : sequence of (z, y, x)
        In the box; the first of `inside` is where it is looked at first.
    network : callable, optional
        As `network.Network`; left out, the one that comes with the program.

    Returns
    -------
    Body or None
        None if there is no body around the first voxel.
    """
    eye = _Eye(seen, inside, outside, network or trained())
    look = eye.first(np.array(inside[0], float))
    if look is None:
        return None
    look = eye.settled(look)
    return _together([look, eye.own(look, _WIDER)], eye.parts(look), seen, inside, outside)


def sureness(likely: Patch, inside: NDArray[np.bool_]) -> float:
    """Return how far from undecided voxels are, from 0 to 1."""
    return float(np.abs(2 * likely[inside] - 1).mean())


def _together(
    whole: Sequence[_Look],
    parts: Sequence[_Look],
    seen: Surroundings,
    inside: Sequence[Voxel],
    outside: Sequence[Voxel],
) -> Body | None:
    """Return what several looks say in the mean; where there were clicks, what those say.

    The parts count more in their middle, where there are some.
    """
    looks = [*whole, *parts]
    clicks = np.array([*inside, *outside])
    held_at = np.array(inside, float)
    low = np.vstack([held_at, *(look.low for look in looks)]).min(axis=0)
    high = np.vstack([held_at, *(look.high for look in looks)]).max(axis=0)
    low, high = np.floor(low).astype(int) - 2, np.ceil(high).astype(int) + 3
    low, high = np.maximum(low, 0), np.minimum(high, seen.shape)
    z, y, x = (high - low).tolist()
    each = [_in_voxels(look, low, (z, y, x), seen.edges) for look in looks]
    weights = [np.full((z, y, x), _WHOLE if parts else 1.0, np.float32) for _ in whole]
    weights += [_in_voxels(look, low, (z, y, x), seen.edges, _WINDOW) for look in parts]
    likely = np.sum([w * one for w, one in zip(weights, each, strict=True)], axis=0)
    likely /= np.sum(weights, axis=0)
    nears = [
        tuple(slice(max(c - 1, 0), max(c + 2, 0)) for c in (click - low).tolist())
        for click in clicks
    ]
    for near in nears[: len(inside)]:
        likely[near] = 1
    for near in nears[len(inside) :]:
        likely[near] = 0
    body = held(likely > 0.5, held_at - low)
    if body is None:
        return None
    for near in nears[len(inside) :]:
        body[near] = False
    if not body.any():
        return None
    alone = [one > 0.5 for one in each[: len(whole)]]
    both, either = np.logical_and.reduce(alone), np.logical_or.reduce(alone)
    agreement = float(both.sum() / max(int(either.sum()), 1))
    sure = sureness(likely, body)
    first = (int(low[0]), int(low[1]), int(low[2]))
    return Body(body, first, agreement, sure)


def _in_voxels(
    look: _Look, first: NDArray, shape: Voxel, edges: NDArray, values: Patch | None = None
) -> Patch:
    """Return values of a patch, left out what is likely inside, in voxels of the box."""
    step = look.scale / edges
    origin = (first - look.centre) / step + _MIDDLE
    wanted = look.likely if values is None else values
    return ndimage.affine_transform(wanted, 1 / step, origin, shape, order=1, mode="grid-constant")


def held(mask: NDArray[np.bool_], points: NDArray[np.floating]) -> NDArray[np.bool_] | None:
    """Return the pieces of a mask that hold points, without holes; None if none does."""
    pieces = cc3d.connected_components(mask, connectivity=6)
    ends = np.array(mask.shape) - 1
    numbers = set()
    for point in np.rint(points).astype(int):
        if (point < 0).any() or (point > ends).any():
            continue
        # A click on the membrane may lie just outside.
        near = tuple(slice(max(p - 1, 0), p + 2) for p in point)
        found = pieces[near][pieces[near] > 0]
        if found.size:
            numbers.add(int(np.bincount(found).argmax()))
    if not numbers:
        return None
    return ndimage.binary_fill_holes(np.isin(pieces, list(numbers)))
