"""The body around a click: outlines seen from several points in it, put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.bodies.outline import Bounds, Outline, outline
from deepsxt_core.bodies.views import AZIMUTHS, DIRECTIONS, POLAR, RADIUS_PX, SOLID_ANGLE, Views

Voxel = tuple[int, int, int]

REACH_PX = 72
"""How far around a click (z, y, x) is looked."""

_ROUNDS = 3
_SETTLED_PX = 1.0
_MOST_VIEWS = 9
# The next view is taken from where the body is, but no view was, by this share of its depth.
_APART = 1.3
_SOFTNESS = 0.12
_INSIDE_COS, _OUTSIDE_COS = np.cos(np.radians([15.0, 28.0]))
_CLEARANCE_PX = 1.5
_STEEP = 0.7
# Fitted to simulated tomograms: 1, support, agreement, spread.
_CONFIDENCE = np.array([-1.0, 1.5, 3.0, -3.0])


@dataclass(frozen=True, slots=True)
class Body:
    """A body in a box.

    Attributes
    ----------
    mask : ndarray
        bool (z, y, x), its membrane included.
    first : (z, y, x)
        Where the first voxel of the mask lies.
    spread : float
        How unsure its outline is: mean standard deviation of the logarithm of its radius.
    agreement : float
        How much the outlines seen from different points in it have in common, from 0 to 1.
    support : float
        Mean score along its outline, where membranes can be seen.
    """

    mask: NDArray[np.bool_]
    first: Voxel
    spread: float
    agreement: float
    support: float

    @property
    def confidence(self) -> float:
        """How likely it is a body of which at least half is right, from 0 to 1."""
        signs = np.array([1.0, self.support, self.agreement, self.spread])
        return float(1 / (1 + np.exp(-signs @ _CONFIDENCE)))


@dataclass(frozen=True, slots=True)
class _View:
    centre: NDArray[np.float64]
    seen: Outline
    support: float


def grow_body(
    views: Views, inside: Sequence[Voxel], outside: Sequence[Voxel] = ()
) -> Body | None:
    """Return the body that holds the voxels `inside` and none of those `outside`.

    Parameters
    ----------
    views : Views
        Of the box around the first voxel.
    inside, outside : sequence of (z, y, x)
        In the box; the first of `inside` is where it is grown from.

    Returns
    -------
    Body or None
        None if there is no body around the first voxel.
    """
    edges = views.edges
    # From here on places are in the shortest edge of a voxel, as distances are.
    wanted = [np.array(point) * edges for point in inside]
    unwanted = [np.array(point) * edges for point in outside]

    def look(centre: NDArray[np.float64]) -> _View:
        bounds = _bounds(centre, wanted, unwanted)
        seen = views.at(centre / edges)
        found = outline(seen, bounds)
        return _View(centre, found, _support(seen, found))

    last = (np.array(views.shape) - 1) * edges
    chosen = [_settled(look, point, last) for point in wanted]
    mask, first = _put_together(chosen, views)
    while len(chosen) < _MOST_VIEWS + len(wanted):
        place = _unseen_place(mask, chosen, first, edges)
        if place is None:
            break
        chosen.append(look(place))
        mask, first = _put_together(chosen, views)
    mask = _one_piece(mask, first, inside, outside)
    if not mask.any():
        return None
    spread = np.mean([(v.seen.spread * SOLID_ANGLE).sum() / SOLID_ANGLE.sum() for v in chosen])
    support = float(np.mean([view.support for view in chosen]))
    return Body(mask, first, float(spread), _agreement(chosen, mask, first, views), support)


def _settled(
    look: Callable[[NDArray[np.float64]], _View], point: NDArray[np.float64], last: NDArray
) -> _View:
    """Return the view from the middle of the body around a point."""
    view = look(point)
    for _ in range(_ROUNDS):
        centre = np.clip(_centroid(view), 0, last)
        if not _holds(view, centre):
            break
        moved = look(centre)
        if not _holds(moved, point):
            break
        shift = np.linalg.norm(centre - view.centre)
        view = moved
        if shift < _SETTLED_PX:
            break
    return view


def _support(seen: NDArray[np.float32], found: Outline) -> float:
    """Return the mean score along the outline, where it is steep enough to be seen."""
    nearest = np.abs(RADIUS_PX - found.radius_px[..., None]).argmin(axis=-1)[..., None, None]
    score, valid = np.moveaxis(np.take_along_axis(seen, nearest, axis=2)[:, :, 0, ::2], -1, 0)
    weight = SOLID_ANGLE * valid * (np.abs(DIRECTIONS[..., 0]) < _STEEP)
    return float((score * weight).sum() / max(weight.sum(), 1e-3))


def _centroid(view: _View) -> NDArray[np.float64]:
    radius = view.seen.radius_px.astype(float)
    volume = (radius**3 / 3 * SOLID_ANGLE).sum()
    moment = (DIRECTIONS * (radius**4 / 4 * SOLID_ANGLE)[..., None]).sum(axis=(0, 1))
    return view.centre + moment / volume


def _holds(view: _View, point: NDArray[np.float64]) -> bool:
    offset = (point - view.centre)[:, None]
    return bool(_share_inside(view, offset)[0] >= 0.5)


def _bounds(
    centre: NDArray[np.float64],
    inside: Sequence[NDArray[np.float64]],
    outside: Sequence[NDArray[np.float64]],
) -> Bounds | None:
    least = np.zeros((POLAR, AZIMUTHS), np.float32)
    most = np.full((POLAR, AZIMUTHS), np.inf, np.float32)
    for points, is_inside in ((inside, True), (outside, False)):
        for point in points:
            offset = point - centre
            distance = float(np.linalg.norm(offset))
            if not 1 < distance < RADIUS_PX[-1]:
                continue
            towards = DIRECTIONS @ (offset / distance)
            # At least the ray that comes nearest.
            limit = _INSIDE_COS if is_inside else _OUTSIDE_COS
            meant = towards >= min(float(limit), float(towards.max()))
            if is_inside:
                least[meant] = np.maximum(least[meant], distance)
            else:
                most[meant] = np.minimum(most[meant], max(distance - _CLEARANCE_PX, RADIUS_PX[1]))
    if not least.any() and np.isinf(most).all():
        return None
    return Bounds(np.minimum(least, most * 0.9), most)


def _put_together(
    chosen: Sequence[_View], views: Views
) -> tuple[NDArray[np.bool_], Voxel]:
    """Return where most of the views see a body, the nearer ones counting more."""
    low = np.min([v.centre - v.seen.radius_px.max() - 2 for v in chosen], axis=0)
    high = np.max([v.centre + v.seen.radius_px.max() + 2 for v in chosen], axis=0)
    first = np.clip(np.floor(low / views.edges), 0, None).astype(int)
    end = np.minimum(np.ceil(high / views.edges).astype(int) + 1, views.shape)
    grid = np.indices(tuple(end - first), dtype=np.float32).reshape(3, -1)
    grid = (grid + first[:, None]) * views.edges[:, None]
    total = np.zeros(grid.shape[1], np.float32)
    weights = np.zeros(grid.shape[1], np.float32)
    for view in chosen:
        offset = (grid - view.centre[:, None]).astype(np.float32)
        weight = 1 / ((offset**2).sum(axis=0) + 9.0)
        total += weight * _share_inside(view, offset)
        weights += weight
    mask = (total > weights / 2).reshape(tuple(end - first))
    z, y, x = first.tolist()
    return mask, (z, y, x)


def _share_inside(view: _View, offset: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how surely places (3, n) around a view's centre lie inside, from 0 to 1."""
    distance = np.maximum(np.sqrt((offset**2).sum(axis=0)), 1e-3)
    to_z = np.arccos(np.clip(offset[0] / distance, -1, 1))
    azimuth = np.arctan2(offset[1], offset[2]) % (2 * np.pi)
    margin = 2
    surface = _wrapped(np.log(view.seen.radius_px), margin)
    rows = to_z * POLAR / np.pi - 0.5 + margin
    columns = azimuth * AZIMUTHS / (2 * np.pi) + margin
    radius = ndimage.map_coordinates(surface, [rows, columns], order=1, mode="nearest")
    inside = (radius - np.log(distance)) / _SOFTNESS
    return (1 / (1 + np.exp(-np.clip(inside, -30, 30)))).astype(np.float32)


def _wrapped(values: NDArray[np.float32], margin: int) -> NDArray[np.float32]:
    """Return values on the sphere with what lies beyond the poles and around the azimuths."""
    beyond = np.roll(values, AZIMUTHS // 2, axis=1)
    tall = np.concatenate([beyond[:margin][::-1], values, beyond[-margin:][::-1]])
    return np.concatenate([tall[:, -margin:], tall, tall[:, :margin]], axis=1)


def _unseen_place(
    mask: NDArray[np.bool_],
    chosen: Sequence[_View],
    first: Voxel,
    edges: NDArray[np.floating],
) -> NDArray[np.float64] | None:
    """Return the deepest place of the body that lies far from all views, None without any."""
    coarse = mask[::2, ::2, ::2]
    depth = ndimage.distance_transform_edt(np.pad(coarse, 1), 2 * edges)[1:-1, 1:-1, 1:-1]
    places = np.argwhere(depth > max(0.5 * depth.max(), 2.0))
    if not len(places):
        return None
    depths = depth[tuple(places.T)]
    points = (places * 2.0 + first) * edges
    nearest = np.min([np.linalg.norm(points - v.centre, axis=1) for v in chosen], axis=0)
    value = np.where(nearest > _APART * depths, depths * np.minimum(nearest, 3 * depths), 0)
    best = int(value.argmax())
    return points[best] if value[best] > 0 else None


def _one_piece(
    mask: NDArray[np.bool_], first: Voxel, inside: Sequence[Voxel], outside: Sequence[Voxel]
) -> NDArray[np.bool_]:
    """Return the pieces that hold the points inside, without holes."""
    ends = np.array(mask.shape)
    for point in outside:
        place = np.array(point) - first
        if ((place >= 0) & (place < ends)).all():
            mask[tuple(place)] = False
    pieces = cc3d.connected_components(mask, connectivity=6)
    places = [np.array(point) - first for point in inside]
    held = {
        int(pieces[tuple(place)])
        for place in places
        if ((place >= 0) & (place < ends)).all()
    } - {0}
    kept = np.isin(pieces, list(held))
    return ndimage.binary_fill_holes(kept) if held else kept


def _agreement(
    chosen: Sequence[_View], mask: NDArray[np.bool_], first: Voxel, views: Views
) -> float:
    """Return the mean overlap (intersection over union) of each view's body with all together."""
    shares = []
    for view in chosen[:4]:
        alone, start = _put_together([view], views)
        low = np.minimum(first, start)
        high = np.maximum(np.add(first, mask.shape), np.add(start, alone.shape))
        both = np.zeros((2, *(high - low)), bool)
        for target, part, origin in ((both[0], mask, first), (both[1], alone, start)):
            at = np.subtract(origin, low)
            target[tuple(slice(a, a + n) for a, n in zip(at, part.shape, strict=True))] = part
        shares.append((both[0] & both[1]).sum() / max((both[0] | both[1]).sum(), 1))
    return float(np.mean(shares))
