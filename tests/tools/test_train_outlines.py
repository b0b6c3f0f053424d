"""How the outlines of bodies are learnt."""

import numpy as np
import pytest

from deepsxt_core.bodies.views import DIRECTIONS, RADII, RADIUS_PX
from tools.train_outlines import fitted, reach


def test_the_reach_is_the_distance_to_the_surface_where_it_lies_in_the_volume():
    z, y, x = np.indices((40, 60, 60))
    ball = np.sqrt((z - 12) ** 2 + (y - 30) ** 2 + (x - 30) ** 2) <= 15
    radius, known = reach(ball, np.array([12.0, 30.0, 30.0]))
    assert radius[known] == pytest.approx(15, abs=1)
    upwards = DIRECTIONS[..., 0] < -0.95
    assert not known[upwards].any()
    assert known[~upwards & (DIRECTIONS[..., 0] > -0.7)].all()


def test_a_stage_learns_what_its_features_tell():
    """One feature is 1 at the true radius."""
    rng = np.random.default_rng(0)
    true = rng.integers(4, RADII - 4, 400)
    features = rng.normal(0, 0.1, (400, RADII, 3)).astype(np.float16)
    features[np.arange(400), true, 1] += 1
    stage = fitted(features, RADIUS_PX[true], 200)
    said = stage(features[:50].astype(np.float32))
    assert (said.argmax(axis=-1) == true[:50]).mean() > 0.95
