"""What the network sees of a place, and of clicks."""

import numpy as np
import pytest
from scipy import ndimage

from deepsxt_core.bodies.patches import (
    PATCH,
    Surroundings,
    axes_of,
    click_maps,
    folded,
    unfolded,
)


@pytest.mark.parametrize("scale", [1.0, 1.5, 3.4])
@pytest.mark.parametrize("edges", [(1, 1, 1), (2.5, 1, 1)])
def test_a_patch_is_what_lies_around_a_place(scale, edges):
    """Of values that change evenly, means of voxels and what lies between them are exact."""
    z, y, x = np.indices((60, 80, 90), dtype=np.float32)
    score = 0.002 * z + 0.003 * y - 0.001 * x
    seen = Surroundings(score, edges=np.array(edges))
    centre = np.array([30.2, 41.7, 44.0])
    patch = seen.patch(centre, scale)
    places = np.meshgrid(*axes_of(centre, scale / np.array(edges)), indexing="ij")
    inside = np.logical_and.reduce(
        [(p > 1) & (p < n - 2) for p, n in zip(places, score.shape, strict=True)]
    )
    wanted = ndimage.map_coordinates(score, places, order=1)
    np.testing.assert_allclose(patch[inside][:, 0], wanted[inside], atol=1e-5)
    assert patch.shape == (*PATCH, 3)


def test_beyond_the_box_nothing_is_seen():
    patch = Surroundings(np.ones((9, 60, 60), np.float32)).patch(np.array([4.2, 30, 30]), 1)
    valid = patch[..., 2] == 1
    assert valid.sum() == 9 * 40 * 40
    assert (patch[..., 0] == valid).all()


def test_dark_is_high_whatever_the_units():
    rng = np.random.default_rng(0)
    grey = rng.normal(0, 1, (20, 30, 30))
    grey[8:12, 13:17, 13:17] -= 5
    score = np.zeros(grey.shape, np.float32)
    one = Surroundings(score, grey).patch(np.array([10.0, 15, 15]), 1)
    other = Surroundings(score, 300 * grey + 7000).patch(np.array([10.0, 15, 15]), 1)
    np.testing.assert_allclose(one, other, atol=1e-3)
    middle = tuple(slice(n // 2 - 1, n // 2 + 1) for n in PATCH)
    assert one[middle][..., 1].mean() > 2


def test_folding_is_undone():
    values = np.random.default_rng(0).normal(size=PATCH).astype(np.float32)
    np.testing.assert_array_equal(unfolded(folded(values[..., None])), values)


def test_clicks_are_told_where_they_are():
    none = np.zeros((0, 3))
    said = click_maps(np.array([[16.5, 10.5, 30.5]]), none, 2.0)
    assert np.unravel_index(said[..., 0].argmax(), said.shape[:3]) == (8, 5, 15)
    assert not said[..., 2:4].any()
    assert said[0, 0, 0, 4] == pytest.approx(np.log(2))
