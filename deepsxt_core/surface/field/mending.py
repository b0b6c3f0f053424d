"""Label volumes mended at single voxels, so that no surface touches itself.

The surface of a label is a manifold exactly where its voxels are well-composed (Latecki 1997,
Computer Vision and Image Understanding 65, 118-131): no two of them touch by an edge or a corner
alone, and no two that are missing do. What is not gets there by changing few voxels, as Siqueira
et al. (2008, Journal of Mathematical Imaging and Vision 30, 249-274) do it for two labels.
"""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.field.label_field import LabelField

_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True, slots=True)
class Mended:
    """Labels whose surfaces are manifolds.

    Attributes
    ----------
    labels : ndarray
        int32 (z, y, x), 0 is the background.
    changes : tuple of (int, int, int)
        For each label that has changed: the label, voxels gained, voxels lost.
    """

    labels: NDArray[np.int32]
    changes: tuple[tuple[int, int, int], ...]


def mend(labels: NDArray[np.int32]) -> Mended:
    """Return labels of which none touches itself by an edge or a corner alone.

    A voxel takes the label of a voxel at one of its faces wherever that leaves fewer such places,
    counted over all labels; of several changes the one that flattens the surface most. Where none
    helps, a voxel of the label that touches itself becomes background. No label vanishes, and
    what is well-composed already stays as it is.

    Parameters
    ----------
    labels : ndarray
        int32 (z, y, x), 0 and above; 0 is the background and may touch itself.
    """
    field = LabelField.of(labels)
    changes = mend_field(field)
    return Mended(np.ascontiguousarray(field.padded[1:-1, 1:-1, 1:-1]), changes)


def mend_field(field: LabelField) -> tuple[tuple[int, int, int], ...]:
    """Mend labels where they are; return the changes as in `Mended`."""
    padded = field.padded
    work = _Work(padded.reshape(-1), padded.shape, _steps(_AROUND, padded.shape), [])
    voxels = work.touching(_in_touching_blocks(field))
    for change in (work.improve, work.remove):
        while len(voxels):
            changed = change(voxels)
            if not len(changed):
                break
            near = (changed[:, np.newaxis] + work.around).ravel()
            voxels = work.touching(np.union1d(voxels, near))
    changes = work.changes()
    field.release()
    return changes


_Place = tuple[int, ...]


def _opposed(places: list[_Place], total: _Place) -> list[_Place]:
    """Return the places of a block in pairs of opposite ones, which add up to `total`."""
    pairs = ((place, tuple(np.subtract(total, place).tolist())) for place in places)
    return [each for place, other in pairs if place <= other for each in (place, other)]


def _blocks_around(edges: int) -> NDArray[np.intp]:
    """Return all blocks of 2×2 (two edges) or 2×2×2 (three) that hold the middle of 3×3×3.

    As indices into the 27 places (blocks, places): first the middle, then what is opposite, and
    the other pairs of opposite places.
    """
    blocks = []
    for axes in combinations(range(3), edges):
        for signs in product((-1, 1), repeat=edges):
            far = [0, 0, 0]
            for axis, sign in zip(axes, signs, strict=True):
                far[axis] = sign
            places = list(product(*(sorted({0, each}) for each in far)))
            pairs = _opposed(places, tuple(far))
            at = next(i for i in range(0, len(pairs), 2) if (0, 0, 0) in pairs[i : i + 2])
            own = [(0, 0, 0), tuple(far)]
            blocks.append([_AROUND.index(p) for p in own + pairs[:at] + pairs[at + 2 :]])
    return np.array(blocks)


_AROUND: list[_Place] = list(product((-1, 0, 1), repeat=3))
_MIDDLE = _AROUND.index((0, 0, 0))
_AT_FACES = np.array([i for i, place in enumerate(_AROUND) if np.abs(place).sum() == 1])
_SQUARES, _CUBES = _blocks_around(2), _blocks_around(3)
_CORNERS = _opposed(list(product((0, 1), repeat=3)), (1, 1, 1))
# The sides of a block of 2×2×2, as indices into its corners, opposite ones side by side.
_SIDES = np.array(
    [
        [
            _CORNERS.index(corner)
            for corner in _opposed(
                [each for each in _CORNERS if each[axis] == end],
                tuple(2 * end if a == axis else 1 for a in range(3)),
            )
        ]
        for axis in range(3)
        for end in (0, 1)
    ]
)


def _steps(places: list[_Place], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return how far apart in a flat array of `shape` voxels are that are `places` apart."""
    return np.array(places) @ np.array([shape[1] * shape[2], shape[2], 1])


def _touches(blocks: NDArray[np.int32]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Count the labels that touch themselves in blocks of 2×2 or 2×2×2.

    Parameters
    ----------
    blocks : ndarray
        Labels (..., 4 or 8), opposite places side by side.

    Returns
    -------
    ndarray, ndarray
        (...), of the label in the first place, and of others.
    """
    own = np.zeros(blocks.shape[:-1], np.int_)
    others = np.zeros(blocks.shape[:-1], np.int_)
    for first in range(0, blocks.shape[-1], 2):
        one, opposite = blocks[..., first], blocks[..., first + 1]
        rest = np.concatenate([blocks[..., :first], blocks[..., first + 2 :]], axis=-1)
        alone = (one == opposite) & (one > 0) & (rest != one[..., np.newaxis]).all(axis=-1)
        if first:
            others += alone
        else:
            own += alone
        if blocks.shape[-1] == 8:  # in a square the other two would be counted twice
            full = rest[..., 0]
            lacking = (rest == full[..., np.newaxis]).all(axis=-1) & (full > 0)
            lacking &= (one != full) & (opposite != full)
            if first:
                own += lacking
            else:
                others += lacking
    return own, others


def _in_touching_blocks(field: LabelField) -> NDArray[np.intp]:
    """Return flat indices of the voxels in all blocks of 2×2×2 where a label touches itself."""
    shape = field.padded.shape
    steps = _steps(_CORNERS, shape)
    flat, found = field.padded.reshape(-1), [np.zeros(0, np.intp)]
    for first, end in field.slabs(overlap=1):
        low = high = np.array(field.padded[first:end])
        for axis in range(3):
            near, far = (
                tuple(half if a == axis else np.s_[:] for a in range(3))
                for half in (np.s_[:-1], np.s_[1:])
            )
            low, high = np.minimum(low[near], low[far]), np.maximum(high[near], high[far])
        z, y, x = np.nonzero(low != high)
        cells = np.ravel_multi_index((z + first, y, x), shape)
        for start in range(0, len(cells), _ROWS_AT_ONCE):
            voxels = cells[start : start + _ROWS_AT_ONCE, np.newaxis] + steps
            corners = flat[voxels]
            touching = np.add(*_touches(corners[:, _SIDES])).sum(axis=1)
            touching += np.add(*_touches(corners))
            found.append(voxels[touching > 0].ravel())
    return np.unique(np.concatenate(found))


@dataclass(frozen=True, slots=True)
class _Work:
    """The labels while they are mended, as a flat array with a rim.

    Attributes
    ----------
    flat : ndarray
        int32.
    shape : tuple of int
        Of the labels with the rim.
    around : ndarray
        How far from a voxel those around it are (27,).
    before : list of (ndarray, ndarray)
        Voxels that were changed, and what they were, in the order of the changes.
    """

    flat: NDArray[np.int32]
    shape: tuple[int, ...]
    around: NDArray[np.intp]
    before: list[tuple[NDArray[np.intp], NDArray[np.int32]]]

    def changes(self) -> tuple[tuple[int, int, int], ...]:
        """Return for each label that has changed: the label, voxels gained, voxels lost."""
        if not self.before:
            return ()
        voxels, first = np.unique(
            np.concatenate([voxels for voxels, _ in self.before]), return_index=True
        )
        lost = np.concatenate([labels for _, labels in self.before])[first]
        gained = np.asarray(self.flat[voxels])
        gained, lost = gained[gained != lost], lost[gained != lost]
        labels = np.setdiff1d(np.union1d(gained, lost), 0)
        return tuple(
            (int(each), int((gained == each).sum()), int((lost == each).sum())) for each in labels
        )

    def _set(self, voxels: NDArray[np.intp], labels: NDArray[np.int32] | int) -> None:
        self.before.append((voxels, np.array(self.flat[voxels])))
        self.flat[voxels] = labels

    def _inside(self, voxels: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which voxels may change: those that do not lie in the rim."""
        places = np.unravel_index(voxels, self.shape)
        inner = [(at > 0) & (at < n - 1) for at, n in zip(places, self.shape, strict=True)]
        return np.asarray(inner[0] & inner[1] & inner[2])

    def touching(self, voxels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return those of `voxels` in the blocks around which a label touches itself."""
        voxels = voxels[self._inside(voxels)]
        own, others = self._count(self._around(voxels))
        return voxels[own + others > 0]

    def improve(self, voxels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Give voxels the label of one beside them where that helps; return the changed ones."""
        around = self._around(voxels)
        now, free = np.add(*self._count(around)), self._may_change(around)
        beside = around[:, _AT_FACES]
        best = np.full(len(voxels), np.iinfo(np.int64).max)
        choice = around[:, _MIDDLE].copy()
        for label in beside.T:
            tried = np.flatnonzero(free & (label != around[:, _MIDDLE]))
            new = around[tried]
            new[:, _MIDDLE] = label[tried]
            fewer = np.add(*self._count(new)) - now[tried]
            agree = (beside[tried] == label[tried, np.newaxis]).sum(axis=1)
            # First what mends most, then what has the most neighbours of its kind.
            rank = 8 * fewer - agree
            better = (fewer < 0) & (rank < best[tried])
            best[tried[better]], choice[tried[better]] = rank[better], label[tried[better]]
        moved = np.flatnonzero(choice != around[:, _MIDDLE])
        moved = moved[self._apart(voxels[moved], best[moved])]
        self._set(voxels[moved], choice[moved])
        return voxels[moved]

    def remove(self, voxels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Make background of voxels by which a label touches itself; return those."""
        around = self._around(voxels)
        own, _ = self._count(around)
        places = np.flatnonzero(self._may_change(around) & (own > 0))
        alike = (around[:, _AT_FACES] == around[:, _MIDDLE, np.newaxis]).sum(axis=1)
        gone = voxels[places][self._apart(voxels[places], (alike - 8 * own)[places])]
        self._set(gone, 0)
        return gone

    def _around(self, voxels: NDArray[np.intp]) -> NDArray[np.int32]:
        return np.asarray(self.flat[voxels[:, np.newaxis] + self.around])

    @staticmethod
    def _count(around: NDArray[np.int32]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        """Return how often the label in the middle touches itself, and how often others do."""
        counts = np.zeros((2, len(around)), np.int_)
        for first in range(0, len(around), _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            for blocks in (_SQUARES, _CUBES):
                for total, found in zip(counts, _touches(around[part][:, blocks]), strict=True):
                    total[part] += found.sum(axis=1)
        return counts[0], counts[1]

    @staticmethod
    def _may_change(around: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return where the label of the middle occurs beside it too: it must not vanish."""
        own = around[:, _MIDDLE]
        return (own == 0) | ((around == own[:, np.newaxis]).sum(axis=1) > 1)

    def _apart(self, voxels: NDArray[np.intp], rank: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return a choice of `voxels`, ascending, of low rank and no two beside each other.

        What such voxels change is independent: no block holds two of them.
        """
        order = np.empty(len(voxels), np.int64)
        order[np.lexsort((voxels, rank))] = np.arange(len(voxels))
        first = np.ones(len(voxels), bool)
        for step in np.delete(self.around, _MIDDLE):
            place = np.searchsorted(voxels, voxels + step)
            place = np.minimum(place, len(voxels) - 1)
            first &= (voxels[place] != voxels + step) | (order < order[place])
        return first
