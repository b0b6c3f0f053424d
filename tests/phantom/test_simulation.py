from dataclasses import replace

import numpy as np
import pytest

from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.phantom import PRESETS, Label, PhantomParams, simulate, simulate_slices
from deepsxt_core.phantom.visibility import visible_membranes
from deepsxt_core.progress import NoProgress

SMALL = PhantomParams(
    shape=(16, 112, 112),
    voxel_size_nm=20,
    surroundings_nm=200,
    tilt_step_deg=3,
    photons=3000,
    seed=5,
    cell_edge=True,
    filopodia=(2, 2),
)


@pytest.fixture(scope="module")
def phantom():
    return simulate(SMALL)


def test_a_phantom_comes_with_all_that_is_known(phantom):
    assert phantom.volume.shape == phantom.truth.shape == phantom.labels.shape == SMALL.shape
    assert phantom.volume.dtype == np.float32
    assert phantom.truth.dtype == bool
    assert phantom.voxel_size_nm == (20, 20, 20)
    assert {Label.ICE, Label.CYTOSOL, Label.PLASMA_MEMBRANE} <= set(np.unique(phantom.labels))
    assert np.isfinite(phantom.volume).all()


def test_classes_are_bodies_with_the_membranes_around_them(phantom):
    labels = phantom.labels
    assert (phantom.of_class("membrane") == phantom.truth).all()
    nucleus = phantom.of_class("nucleus")
    assert nucleus[labels == Label.NUCLEUS].all() and not nucleus[labels == Label.CYTOSOL].any()
    mitochondria = phantom.of_class("mitochondrion")
    assert mitochondria[labels == Label.MITOCHONDRION].all()
    assert mitochondria[labels == Label.MITOCHONDRIAL_MEMBRANE].mean() > 0.5
    assert mitochondria.any() and (mitochondria & phantom.truth).any()


def test_the_same_seed_gives_the_same_phantom(phantom):
    again, other = simulate(SMALL), simulate(replace(SMALL, seed=6))

    np.testing.assert_array_equal(again.volume, phantom.volume)
    np.testing.assert_array_equal(again.truth, phantom.truth)
    assert not np.array_equal(other.labels, phantom.labels)


def test_true_membranes_are_few_and_dark(phantom):
    """They absorb more than what lies on either side, both as simulated and as measured."""
    assert 0.01 < phantom.truth.mean() < 0.3
    assert phantom.lac[phantom.truth].mean() > phantom.lac[~phantom.truth].mean()
    gap = phantom.volume[~phantom.truth].mean() - phantom.volume[phantom.truth].mean()
    assert gap > 0.3 * phantom.volume.std()


def test_truth_lies_within_the_labelled_membranes(phantom):
    membranes = phantom.labels >= Label.PLASMA_MEMBRANE
    assert membranes[phantom.truth].all()
    assert not phantom.truth[phantom.labels == Label.CRISTA].any()


def test_filopodia_are_as_long_as_their_middle_lines(phantom):
    assert phantom.filopodia
    for filopodium in phantom.filopodia:
        steps = np.linalg.norm(np.diff(filopodium.path_nm, axis=0), axis=1)
        # The tip is half a ball beyond the line's end.
        assert filopodium.length_nm == pytest.approx(steps.sum() + filopodium.diameter_nm / 2)
        assert 150 <= filopodium.diameter_nm <= 350


def test_the_missing_wedge_is_empty():
    """Of the power along z little is left, beside that along x at the same frequencies."""
    volume = simulate(replace(SMALL, shape=(64, 64, 64), tilt_range_deg=60.0)).volume
    window = np.hanning(64)[:, None, None] * np.hanning(64)
    spectrum = np.fft.fftn((volume - volume.mean()) * window, axes=(0, 2))
    power = (np.abs(spectrum) ** 2).mean(axis=1)
    kz, kx = np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64), indexing="ij")
    radius = np.hypot(kz, kx)
    ring = (radius > 0.1) & (radius < 0.2)
    missing = ring & (np.abs(kx) < 0.2 * np.abs(kz))
    recorded = ring & (np.abs(kz) < 0.5 * np.abs(kx))
    assert power[missing].mean() < 0.1 * power[recorded].mean()


def test_upright_membranes_are_visible_and_flat_ones_are_not():
    walls = np.zeros((48, 48, 48), np.float32)
    labels = np.zeros(walls.shape, np.uint8)
    walls[:, :, 24] = 1
    labels[:, :, 21:28] = Label.PLASMA_MEMBRANE
    flat, flat_labels = (np.moveaxis(a, 2, 0) for a in (walls, labels))

    upright = visible_membranes(walls, labels, 60, 1.0)
    lying = visible_membranes(flat.copy(), flat_labels.copy(), 60, 1.0)

    assert upright[labels > 0].all()
    assert not lying.any()


def test_pairs_of_slices_come_seed_by_seed():
    pairs = list(simulate_slices(replace(SMALL, shape=(8, 64, 64), tilt_step_deg=10), 2))

    assert len(pairs) == 16
    assert all(image.shape == truth.shape == (64, 64) for image, truth in pairs)


def test_a_simulation_can_be_cancelled():
    class Cancelling(NoProgress):
        def advance(self, n: int = 1) -> None:  # noqa: ARG002
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        simulate(SMALL, Cancelling())


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (4, 64, 64)},
        {"photons": 0.0},
        {"vesicles": -1.0},
        {"tilt_range_deg": 90.0},
        {"cutoff": 0.7},
        {"filopodia": (3, 1)},
    ],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        PhantomParams(**wrong)


def test_presets_have_the_pixels_of_their_microscopes():
    assert [PRESETS[name].voxel_size_nm for name in ("hzb", "mistral", "b24")] == [9.8, 13, 16]
