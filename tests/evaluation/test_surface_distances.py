import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.evaluation.surface_distances import SurfaceDistances, SurfacePair, surface
from deepsxt_core.progress import NoProgress

SPACING = (20.0, 10.0, 12.0)


def distances(prediction, truth, spacing=SPACING):
    with SurfacePair(spacing) as pair:
        for one, other in zip(prediction, truth, strict=True):
            pair.add(one, other)
        return pair.distances(NoProgress())


def by_hand(prediction, truth):
    """All distances between all voxels, as the definition says."""
    between = cdist(np.argwhere(prediction) * SPACING, np.argwhere(truth) * SPACING)
    there, back = between.min(axis=1), between.min(axis=0)
    return SurfaceDistances(
        mean=np.concatenate([there, back]).mean(),
        hausdorff=max(there.max(), back.max()),
        hausdorff_95=max(np.percentile(there, 95), np.percentile(back, 95)),
    )


sparse = hnp.arrays(bool, (6, 7, 5), elements=st.integers(0, 9).map(lambda n: n == 0))


@settings(max_examples=60, deadline=None)
@given(sparse, sparse)
def test_distances_are_those_between_all_voxels(prediction, truth):
    found = distances(prediction, truth)
    if not prediction.any() or not truth.any():
        assert found is None
        return
    expected = by_hand(prediction, truth)
    assert found.mean == pytest.approx(expected.mean, rel=1e-5)
    assert found.hausdorff == pytest.approx(expected.hausdorff, rel=1e-5)
    assert found.hausdorff_95 == pytest.approx(expected.hausdorff_95, rel=1e-5)


def test_nested_balls_are_their_difference_apart():
    z, y, x = np.mgrid[-20:21, -20:21, -20:21]
    radius = np.sqrt(z**2 + y**2 + x**2)
    nothing = np.zeros(radius.shape, bool)

    found = distances(
        surface(radius <= 16, nothing), surface(radius <= 11, nothing), (1.0, 1.0, 1.0)
    )

    assert found.mean == pytest.approx(5, abs=0.3)
    assert found.hausdorff == pytest.approx(5, abs=1)


def test_a_cube_has_six_faces_and_no_more():
    cube = np.zeros((7, 7, 7), bool)
    cube[1:6, 1:6, 1:6] = True

    assert surface(cube, np.zeros_like(cube)).sum() == 5**3 - 3**3


def test_the_edge_of_the_volume_and_of_the_unknown_are_no_surface():
    mask = np.ones((4, 5, 6), bool)
    unknown = np.zeros_like(mask)
    assert not surface(mask, unknown).any()

    mask[..., 3:] = False
    assert surface(mask, unknown).sum() == 4 * 5
    unknown[..., 3:] = True
    assert not surface(mask, unknown).any()


def test_a_full_disk_is_told(monkeypatch):
    mask = np.eye(4, dtype=bool)
    with SurfacePair(SPACING) as pair:

        class Full:
            def write(self, _data):
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(pair._sides[1], "file", Full())
        with pytest.raises(DeepSXTError, match=r"8 bytes .* TMPDIR"):
            pair.add(mask, mask)
