"""How a body is put together from looks at it, with a network that says what the score says."""

import numpy as np
import pytest

from deepsxt_core.bodies.growth import grow_body, held
from deepsxt_core.bodies.patches import Surroundings


def says_the_score(patch, _told):
    """Return the score as a logit."""
    return 8 * patch[..., 0]


def grown(inside, clicks, outside=(), edges=(1, 1, 1)):
    """Return the body of clicks as a mask of the whole box, where a score is 1 inside."""
    seen = Surroundings(np.where(inside, 1, -1).astype(np.float32), edges=np.array(edges))
    body = grow_body(seen, clicks, outside, says_the_score)
    whole = np.zeros(inside.shape, bool)
    part = tuple(slice(a, a + n) for a, n in zip(body.first, body.mask.shape, strict=True))
    whole[part] = body.mask
    return whole


def dice(one, other) -> float:
    return 2 * np.count_nonzero(one & other) / (one.sum() + other.sum())


def ellipsoid(shape, centre, axes):
    grid = np.indices(shape)
    return sum(((g - c) / a) ** 2 for g, c, a in zip(grid, centre, axes, strict=True)) <= 1


@pytest.mark.parametrize(
    ("axes", "edges", "click"),
    [
        ((6, 6, 6), (1, 1, 1), (34, 52, 47)),
        ((20, 30, 40), (1, 1, 1), (30, 40, 80)),
        ((8, 30, 30), (2.5, 1, 1), (32, 70, 50)),
    ],
)
def test_a_body_of_any_size_is_what_the_network_says(axes, edges, click):
    truth = ellipsoid((64, 100, 110), (32, 50, 50), axes)
    assert dice(grown(truth, [click], edges=edges), truth) > 0.93


def test_a_long_body_is_looked_at_in_parts():
    """Seen as a whole only, its voxels would be as wide as its radius."""
    z, y, x = np.indices((40, 50, 150))
    tube = (np.hypot(z - 20, y - 25 - 6 * np.sin(x / 12)) <= 4) & (x >= 15) & (x < 130)
    assert dice(grown(tube, [(20, 25, 75)]), tube) > 0.9


def test_clicks_are_held_to_whatever_the_network_says():
    ball = ellipsoid((40, 60, 80), (20, 30, 25), (10, 10, 10))
    within, beyond = (20, 34, 25), (20, 30, 60)
    found = grown(ball, [(20, 30, 25), beyond], [within])
    assert found[beyond]
    assert not found[within]
    assert dice(found, ball) > 0.9


def test_beside_a_body_there_is_none():
    score = np.full((40, 60, 60), -1, np.float32)
    assert grow_body(Surroundings(score), [(20, 30, 30)], (), says_the_score) is None


def test_only_the_pieces_that_hold_a_click_are_kept_without_holes():
    mask = np.zeros((10, 10, 20), bool)
    mask[2:7, 2:7, 2:7] = mask[2:7, 2:7, 12:17] = True
    mask[4, 4, 4] = False
    found = held(mask, np.array([[3.2, 3.0, 3.0], [50, 50, 50]]))
    assert found[4, 4, 4]
    assert found.sum() == 125
    assert held(mask, np.array([[0, 0, 10.0]])) is None
