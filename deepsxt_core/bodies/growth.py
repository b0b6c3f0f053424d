"""The body around a click: outlines seen from several points in it, put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from deepsxt_core.bodies.outline import Bounds, Outline, outline
from deepsxt_core.bodies.views import AZIMUTHS, DIRECTIONS, POLAR, RADIUS_PX, SOLID_ANGLE, Views

Voxel = tuple[int, int, int]

REACH_PX = 72
"""How far around a click (z, y, x) is looked."""

_ROUNDS = 3
_SETTLED_PX = 1.0
_MOST_VIEWS = 7
# The next view is taken from where the body is, but no view was, by this share of its depth.
_APART = 1.3
_SOFTNESS = 0.12
_INSIDE_COS, _OUTSIDE_COS = np.cos(np.radians([15.0, 28.0]))
_CLEARANCE_PX = 1.5
# Beyond this many radii a view is sure that nothing is.
_FARTHEST = 1.6
_NEAR_PX = 3.0
# Of 37 places in two simulated tomograms, 12 of the 14 bodies that overlap with an organelle by one
# half or more lie above this difference of agreement and spread, and none of the others.
_EVEN, _STEEPNESS = 0.37, 12.0


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
    """

    mask: NDArray[np.bool_]
    first: Voxel
    spread: float
    agreement: float

    @property
    def confidence(self) -> float:
        """How likely it is a body of which at least half is right, from 0 to 1."""
        return float(expit(_STEEPNESS * (self.agreement - self.spread - _EVEN)))


@dataclass(frozen=True, slots=True)
class _View:
    centre: NDArray[np.float64]
    seen: Outline


def grow_body(views: Views, inside: Sequence[Voxel], outside: Sequence[Voxel] = ()) -> Body | None:
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
        return _View(centre, outline(views.at(centre / edges), bounds))

    last = (np.array(views.shape) - 1) * edges
    votes = _Votes(views)
    for point in wanted:
        votes.add(_settled(look, point, last))
    mask, first = votes.body()
    while len(votes.chosen) < _MOST_VIEWS + len(wanted):
        place = _unseen_place(mask, votes.chosen, first, edges)
        if place is None:
            break
        votes.add(look(place))
        mask, first = votes.body()
    chosen = votes.chosen
    mask = _one_piece(mask, first, inside, outside)
    if not mask.any():
        return None
    spread = np.mean([(v.seen.spread * SOLID_ANGLE).sum() / SOLID_ANGLE.sum() for v in chosen])
    return Body(mask, first, float(spread), votes.agreement(mask, first))


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


def _centroid(view: _View) -> NDArray[np.float64]:
    radius = view.seen.radius_px.astype(float)
    volume = (radius**3 / 3 * SOLID_ANGLE).sum()
    moment = (DIRECTIONS * (radius**4 / 4 * SOLID_ANGLE)[..., None]).sum(axis=(0, 1))
    return view.centre + moment / volume


def _holds(view: _View, point: NDArray[np.float64]) -> bool:
    z, y, x = (point - view.centre).astype(np.float32)[:, None, None, None]
    return bool(_share_inside(view, (z, y, x)).item() >= 0.5)


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


class _Votes:
    """What several views say about each voxel of their box; the nearer ones count more."""

    def __init__(self, views: Views) -> None:
        self.chosen: list[_View] = []
        self._edges = views.edges
        self._inside = np.zeros(views.shape, np.float32)
        self._all = np.zeros(views.shape, np.float32)
        self._alone: list[tuple[NDArray[np.bool_], tuple[slice, slice, slice]]] = []

    def add(self, view: _View) -> None:
        """Count a view in."""
        self.chosen.append(view)
        weight = self._weight(view, (slice(None),) * 3)
        self._all += weight
        reach = float(view.seen.radius_px.max()) * _FARTHEST + 1
        low = np.floor((view.centre - reach) / self._edges).astype(int).clip(0)
        high = np.ceil((view.centre + reach) / self._edges).astype(int) + 1
        z, y, x = (slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
        share = _share_inside(view, self._offset(view, (z, y, x)))
        self._inside[z, y, x] += weight[z, y, x] * share
        self._alone.append((share > 0.5, (z, y, x)))

    def body(self) -> tuple[NDArray[np.bool_], Voxel]:
        """Return where most of the votes see a body, and its first voxel."""
        parts = [part for _, part in self._alone]
        union = tuple(
            slice(min(part[axis].start for part in parts), max(part[axis].stop for part in parts))
            for axis in range(3)
        )
        mask = self._inside[union] > self._all[union] / 2
        return mask, (union[0].start, union[1].start, union[2].start)

    def agreement(self, mask: NDArray[np.bool_], first: Voxel) -> float:
        """Return the mean overlap (intersection over union) of what a view sees with a body."""
        shares = []
        for alone, part in self._alone:
            place = tuple(
                slice(max(cut.start - origin, 0), max(cut.start - origin, 0) + n)
                for cut, origin, n in zip(part, first, alone.shape, strict=True)
            )
            both = np.count_nonzero(mask[place] & alone)
            shares.append(both / max(alone.sum() + mask.sum() - both, 1))
        return float(np.mean(shares))

    def _weight(self, view: _View, part: tuple[slice, ...]) -> NDArray[np.float32]:
        z, y, x = self._offset(view, part)
        return 1 / (z * z + y * y + x * x + np.float32(_NEAR_PX**2))

    def _offset(self, view: _View, part: tuple[slice, ...]) -> list[NDArray[np.float32]]:
        places = [
            (np.arange(self._all.shape[axis])[cut] * edge - centre).astype(np.float32)
            for axis, (cut, edge, centre) in enumerate(
                zip(part, self._edges, view.centre, strict=True)
            )
        ]
        return list(np.meshgrid(*places, indexing="ij", sparse=True))


def _share_inside(view: _View, offset: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return how surely places lie inside, from 0 to 1, given along z, y, x from the centre."""
    z, y, x = offset
    # The radius changes slowly with the direction: every second place will do.
    coarse = _log_radius(view, z[::2], y[:, ::2], x[:, :, ::2])
    shape: Voxel = (z.shape[0], y.shape[1], x.shape[2])
    for axis, n in enumerate(shape):
        coarse = np.repeat(coarse, 2, axis=axis).take(range(n), axis=axis)
    squared = np.maximum(z * z + y * y + x * x, np.float32(1e-6))
    return expit((coarse - np.log(squared) / 2) / np.float32(_SOFTNESS))


def _log_radius(
    view: _View, z: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the logarithm of the radius of a view's outline in the direction of places."""
    across = np.hypot(y, x)
    to_z = np.arctan2(across, z)
    azimuth = np.arctan2(y, x) % np.float32(2 * np.pi)
    margin = 2
    surface = _wrapped(np.log(view.seen.radius_px), margin)
    rows = to_z * np.float32(POLAR / np.pi) + np.float32(margin - 0.5)
    columns = azimuth * np.float32(AZIMUTHS / (2 * np.pi)) + np.float32(margin)
    places = np.broadcast_arrays(rows, columns)
    return ndimage.map_coordinates(surface, places, order=1, mode="nearest")


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
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes:
        return None
    coarse = mask[boxes[0]][::2, ::2, ::2]
    depth = ndimage.distance_transform_edt(np.pad(coarse, 1), 2 * edges)[1:-1, 1:-1, 1:-1]
    first = tuple(np.add(first, [cut.start for cut in boxes[0]]).tolist())
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
        int(pieces[tuple(place)]) for place in places if ((place >= 0) & (place < ends)).all()
    } - {0}
    kept = np.isin(pieces, list(held))
    return ndimage.binary_fill_holes(kept) if held else kept
