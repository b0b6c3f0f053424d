"""How the network that finds bodies is taught and calibrated."""

import numpy as np
import pytest

from deepsxt_core.bodies import network
from deepsxt_core.bodies.patches import HALF, PATCH, click_maps, folded, unfolded
from deepsxt_core.phantom import Label, Organelle
from tools.body_samples import Sample, Sampler, scene_of, with_error_clicked
from tools.calibrate_bodies import conformal, logistic
from tools.scored_phantoms import Scored
from tools.train_bodies import build, layers_of


@pytest.fixture(scope="module")
def phantom() -> Scored:
    """One ball of which the score says where it is."""
    z, y, x = np.indices((40, 70, 60))
    ball = (z - 18) ** 2 + (y - 40) ** 2 + (x - 25) ** 2 <= 12**2
    score = np.where(ball, 1, -1).astype(np.float32)
    return Scored(
        score, -score, ball.astype(np.uint16), (Organelle(number=1, label=Label.VESICLE),)
    )


def test_the_program_computes_what_was_taught(tmp_path):
    """The network of NumPy and that of Keras give the same, batch normalisation included."""
    model = build()
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    network.save(layers_of(model), tmp_path / "network.npz")
    patch = rng.normal(size=(*PATCH, 3)).astype(np.float32)
    told = click_maps(np.array([[3.0, 8, 30]]), np.array([[20.0, 20, 20]]), 1.5)
    wanted = model(np.concatenate([folded(patch), told], axis=-1)[None])[0]
    found = network.load(tmp_path / "network.npz")(patch, told)
    wanted = unfolded(np.asarray(wanted))
    # Kernels are kept in half precision.
    assert np.abs(found - wanted).max() < 0.01 * np.abs(wanted).max()
    assert told.shape[:3] == HALF


def test_samples_show_the_truth_where_the_score_is(phantom):
    """Through every scale and mirror: the score is the truth, and clicks lie in it."""
    sampler = Sampler([scene_of(phantom)], np.random.default_rng(1))
    inside = 0
    for _ in range(30):
        sample = sampler.draw()
        seen = sample.seen[..., 2] > 0
        if not sample.truth.any() or not (sample.seen[..., 0] > 0).any():
            continue
        both = (sample.truth > 0.5) & seen
        assert np.mean((sample.seen[..., 0] > 0)[seen] == both[seen]) > 0.99
        for click in np.rint(sample.inside).astype(int):
            if ((click >= 0) & (click < PATCH)).all():
                near = tuple(slice(max(c - 1, 0), c + 2) for c in click)
                assert sample.truth[near].any()
                inside += 1
    assert inside > 10


def test_the_next_click_goes_into_the_thickest_error():
    truth = np.zeros(PATCH, np.float32)
    truth[8:24, 10:30, 6:16] = 1
    logits = np.where(truth, 5.0, -5.0)
    logits[12:20, 14:26, 6:16] = -5
    none = np.zeros((0, 3))
    sample = Sample(np.ones((*PATCH, 3), np.float32), truth, 1.0, none, none)
    said, wanted = (folded(each[..., None]) for each in (logits, truth))
    mended = with_error_clicked(sample, said, wanted)
    (click,) = mended.inside
    assert truth[tuple(click.astype(int))] and logits[tuple(click.astype(int))] < 0
    (outside,) = with_error_clicked(sample, wanted - 0.5, 0 * wanted).outside
    assert truth[tuple(outside.astype(int))]
    assert with_error_clicked(sample, wanted - 0.5, wanted) is None


def test_intervals_hold_what_they_say():
    """Bodies of low confidence vary more, so that their interval is wider."""
    rng = np.random.default_rng(0)
    confidences = rng.uniform(0, 1, 8000)
    ratios = np.exp(rng.normal(0.1, 0.05 + 0.3 * (1 - confidences)))
    edges, found = conformal(ratios[:4000], confidences[:4000])
    low, high = np.array(found)[np.searchsorted(edges, confidences[4000:], side="right")].T
    assert np.mean((low <= ratios[4000:]) & (ratios[4000:] <= high)) == pytest.approx(
        0.95, abs=0.01
    )
    assert found[0][1] / found[0][0] > found[-1][1] / found[-1][0]


def test_a_regression_finds_the_shares():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 2))
    is_right = rng.random(4000) < 1 / (1 + np.exp(-(0.5 + 2 * values[:, 0])))
    constant, first, second = logistic(values, is_right)
    assert (constant, first, second) == pytest.approx((0.5, 2, 0), abs=0.15)
