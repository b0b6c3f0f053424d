import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.phantom import SliceParams, artefacts, draw_slice
from deepsxt_core.phantom.shapes import closed_outline, window
from deepsxt_core.phantom.slice_canvas import Scene

SMALL = SliceParams(shape=(96, 112))


def test_the_same_seed_draws_the_same_slice():
    one, two = (draw_slice(np.random.default_rng(3), SMALL) for _ in range(2))
    other = draw_slice(np.random.default_rng(4), SMALL)

    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("seed", range(12))
def test_slices_are_finite_and_of_the_shape_asked_for(seed):
    image, label = draw_slice(np.random.default_rng(seed), SMALL)

    assert image.shape == label.shape == (96, 112)
    assert image.dtype == np.float32
    assert label.dtype == bool
    assert np.isfinite(image).all()
    assert image.std() > 0


def test_membranes_are_few_and_darker_than_the_rest():
    rng = np.random.default_rng(0)
    pairs = [draw_slice(rng, SMALL) for _ in range(30)]
    shares = [label.mean() for _, label in pairs]
    contrasts = [
        (image[label].mean() - image[~label].mean()) / image.std()
        for image, label in pairs
        if label.any()
    ]

    assert 0.01 < np.mean(shares) < 0.2
    assert np.mean(contrasts) < -0.5


def test_the_label_of_a_circle_is_a_ring_of_its_circumference():
    params = SliceParams(shape=(128, 128), fading=(0, 0), label_px=(6, 6), noise=(0.1, 0.1))
    rng = np.random.default_rng(0)
    scene = Scene(rng, params)
    view = window(scene.shape)
    distance = closed_outline(rng, view, (64, 64), (40, 40))

    scene.wall(view, distance, contrast=3.0)

    radius = np.hypot(view.y - 64, view.x - 64)
    assert scene.label.sum() == pytest.approx(2 * np.pi * 40 * 6, rel=0.05)
    assert np.abs(radius[scene.label] - 40).max() < 3.2
    # The membrane is darkest, that is absorbs most, under the middle of its label.
    assert np.abs(radius[scene.absorption > 0.8 * scene.absorption.max()] - 40).max() < 3.2


def test_what_is_out_of_focus_or_too_faint_is_painted_but_not_labelled():
    rng = np.random.default_rng(0)
    scene = Scene(rng, SliceParams(shape=(128, 128), noise=(0.5, 0.5)))
    view = window(scene.shape)
    distance = closed_outline(rng, view, (64, 64), (40, 40))

    scene.wall(view, distance, contrast=3.0, blur_px=5.0)
    scene.wall(view, distance, contrast=0.01)

    assert scene.absorption.max() > 0.1
    assert not scene.label.any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (16, 256)},
        {"noise": (0.5, 0.2)},
        {"fading": (0.5, 1.2)},
        {"membrane_sigma_px": (-1.0, 2.0)},
    ],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        SliceParams(**wrong)


@pytest.mark.parametrize(
    "paint",
    [
        artefacts.paint_granules,
        artefacts.paint_web,
        artefacts.paint_beads,
        artefacts.paint_wall_of_glass,
        artefacts.paint_border,
    ],
)
def test_artefacts_are_seen_but_never_labelled(paint):
    seen = []
    for seed in range(5):
        scene = Scene(np.random.default_rng(seed), SMALL)
        scene.label[40:60] = True
        before = scene.label.copy()

        paint(scene)

        seen.append(scene.absorption.any())
        assert not (scene.label & ~before).any()
    assert any(seen)
