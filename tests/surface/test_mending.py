"""Labels of which none touches itself by an edge or a corner alone."""

import numpy as np
import pytest

from deepsxt_core.io import open_volume
from deepsxt_core.surface import ReconstructParams, Surfaces, reconstruct
from deepsxt_core.surface.field.mending import mend
from deepsxt_core.volume import Mask, Volume

AS_THEY_ARE = ReconstructParams(each_label=True, min_voxels=1, taubin_iterations=0)


def random_labels(seed: int) -> np.ndarray:
    """Up to four labels in noise, from scattered voxels to dense ones, in a box of any shape."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(rng.integers(2, 6)))
    return rng.choice(len(shares), rng.integers(1, 12, 3), p=shares).astype(np.int32)


def times_of_edges(surfaces: Surfaces) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each edge occurs in one direction, and how often in the other."""
    triangles = surfaces.triangles
    starts, ends = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    n = surfaces.mesh.n_points
    _, place = np.unique(np.minimum(starts, ends) * n + np.maximum(starts, ends), return_inverse=1)
    return np.bincount(place, starts < ends), np.bincount(place, starts > ends)


def fans_of_points(surfaces: Surfaces) -> np.ndarray:
    """Return how many closed fans of triangles each point is the middle of."""
    # Where the fan around a point goes on: from the edge a triangle has opposite to it.
    follows: list[dict[int, int]] = [{} for _ in range(surfaces.mesh.n_points)]
    for a, b, c in surfaces.triangles.tolist():
        for middle, start, end in ((a, b, c), (b, c, a), (c, a, b)):
            follows[middle][start] = end
    fans = np.zeros(len(follows), int)
    for point, left in enumerate(follows):
        while left:
            now = next(iter(left))
            while now in left:
                now = left.pop(now)
            fans[point] += 1
    return fans


def assert_manifold(surfaces: Surfaces) -> None:
    forward, backward = times_of_edges(surfaces)
    assert (forward == 1).all() and (backward == 1).all()
    assert (fans_of_points(surfaces) == 1).all()
    assert surfaces.report.unsound == ()


@pytest.mark.parametrize("seed", range(25))
def test_any_labels_have_manifold_surfaces(seed: int) -> None:
    labels = random_labels(seed)
    if not labels.any():
        labels.flat[0] = 1
    surfaces = reconstruct(Mask(Volume.from_array(labels)), AS_THEY_ARE)
    assert_manifold(surfaces)
    assert {row.id for row in surfaces.objects} == set(np.unique(labels)) - {0}


@pytest.mark.parametrize("seed", range(25))
def test_mending_says_what_it_changes_and_is_done_once(seed: int) -> None:
    labels = random_labels(seed)
    before = labels.copy()
    mended = mend(labels)
    assert (labels == before).all()
    known = set(np.unique(labels))
    assert set(np.unique(mended.labels)) <= known | {0}
    told = {label: gained - lost for label, gained, lost in mended.changes}
    for label in known - {0}:
        grown = int((mended.labels == label).sum()) - int((labels == label).sum())
        assert told.get(label, 0) == grown
    again = mend(mended.labels)
    assert again.changes == ()
    assert (again.labels == mended.labels).all()


def test_what_does_not_touch_itself_stays() -> None:
    labels = np.zeros((10, 10, 10), np.int32)
    labels[2:5, 2:5, 2:5] = 1
    labels[5:8, 5:8, 5:8] = 2  # touches another one by a corner
    labels[2:5, 5:8, 5:8] = 3  # and others by an edge
    assert mend(labels).changes == ()


@pytest.mark.parametrize(
    "place", [np.s_[2:6, 6:10, 6:10], np.s_[6:10, 6:10, 6:10]], ids=["edge", "corner"]
)
@pytest.mark.parametrize("hollow", [False, True])
def test_two_cubes_that_touch_are_mended_by_a_few_voxels(place, hollow: bool) -> None:
    body = np.zeros((12, 12, 12), bool)
    body[2:6, 2:6, 2:6] = body[place] = True
    labels = (~body if hollow else body).astype(np.int32)
    assert 1 <= (mend(labels).labels != labels).sum() <= 4
    assert_manifold(reconstruct(Mask(Volume.from_array(labels)), AS_THEY_ARE))


def test_the_last_voxel_of_a_label_is_not_given_away() -> None:
    labels = np.zeros((4, 4, 4), np.int32)
    labels[1, 1, 1] = labels[1, 2, 2] = 1
    labels[1, 1, 2], labels[1, 2, 1] = 2, 3
    mended = mend(labels).labels
    assert set(np.unique(mended)) == {0, 1, 2, 3}


def test_a_checkerboard_keeps_both_labels() -> None:
    labels = np.indices((7, 8, 9)).sum(axis=0).astype(np.int32) % 2 + 1
    surfaces = reconstruct(Mask(Volume.from_array(labels)), AS_THEY_ARE)
    assert_manifold(surfaces)
    assert len(surfaces.objects) == 2


def test_real_labels_have_manifold_surfaces(real) -> None:
    volume = open_volume(real / "fibsem_mitochondrion_labels.tif")
    surfaces = reconstruct(Mask(volume), ReconstructParams(each_label=True))
    assert_manifold(surfaces)
    changed = sum(gained + lost for _, gained, lost in surfaces.report.mended)
    assert 0 < changed < 0.005 * sum(row.voxels for row in surfaces.objects)
