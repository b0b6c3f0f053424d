import numpy as np
import pytest

from deepsxt_core.phantom.shapes import closed_outline, open_curve, window


def test_the_distance_to_a_circle_is_exact_near_it():
    view = window((64, 64))
    distance = closed_outline(np.random.default_rng(0), view, (30, 34), (15, 15))

    expected = np.hypot(view.y - 30, view.x - 34) - 15
    near = np.abs(expected) < 6
    np.testing.assert_allclose(distance[near], expected[near], atol=0.05)


def test_a_stretched_outline_keeps_its_half_axes():
    view = window((80, 80))
    distance = closed_outline(np.random.default_rng(0), view, (40, 40), (25, 10), angle=np.pi / 2)

    assert distance[65, 40] == pytest.approx(0, abs=0.1)
    assert distance[40, 50] == pytest.approx(0, abs=0.1)


def test_a_straight_curve_has_the_distance_of_a_line():
    view = window((40, 50))
    distance, along = open_curve(
        np.random.default_rng(0), view, (20, 10), angle=0, sway_px=0, period_px=50
    )

    np.testing.assert_allclose(distance, view.y - 20, atol=1e-4)
    np.testing.assert_allclose(along, view.x - 10, atol=1e-4)


def test_a_window_outside_the_canvas_is_small_but_valid():
    view = window((40, 40), (-100.0, 200.0), 5)

    assert view.y.shape == view.x.shape == (2, 2)
