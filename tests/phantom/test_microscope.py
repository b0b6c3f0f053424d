from dataclasses import replace

import numpy as np
import pytest
from skimage.transform import radon

from deepsxt_core.phantom import PhantomParams
from deepsxt_core.phantom.microscope import BORDER_PX, blur_px, project, tilt_series

SHAPE = (21, 64, 64)
# A zone plate without blur worth mentioning, at voxels this large.
SHARP = PhantomParams(shape=SHAPE, voxel_size_nm=100, zone_width_nm=10)


def projection(lac, tilt_deg, params):
    return project(lac, tilt_deg, params)[BORDER_PX:-BORDER_PX]


@pytest.mark.parametrize(("tilt_deg", "path"), [(0, 1), (45, np.sqrt(2)), (60, 2)])
def test_a_slab_absorbs_by_its_thickness_along_the_beam(tilt_deg, path):
    lac = np.zeros(SHAPE, np.float32)
    lac[5:15] = 0.4

    absorbed = projection(lac, tilt_deg, SHARP)

    assert absorbed.shape == (64, 64)
    # 10 voxels of 0.1 µm at 0.4 per µm.
    np.testing.assert_allclose(absorbed[20:-20].mean(), 0.4 * path, rtol=2e-2)


def test_a_body_is_projected_as_scikit_image_projects_it():
    """Its `radon` turns the image; one plane (x, z) at a time, tilted the other way."""
    z, x = np.mgrid[:41, :41] - 20
    body = np.exp(-((z - 3) ** 2 / 18 + (x + 4) ** 2 / 8)).astype(np.float32)
    lac = np.repeat(np.pad(body, ((0, 0), (12, 12)))[:, np.newaxis], 64, axis=1)
    params = PhantomParams(shape=(41, 64, 65), voxel_size_nm=1000, zone_width_nm=10)

    ours = projection(lac, 35, params)[:, 30]

    theirs = radon(np.pad(body, 12), theta=[-35], circle=True)[:, 0]
    np.testing.assert_allclose(ours, theirs, atol=0.02 * theirs.max())


def test_what_is_out_of_focus_is_blurred_and_keeps_its_absorption():
    params = PhantomParams(shape=(101, 64, 64), voxel_size_nm=10, zone_width_nm=25)
    widths = []
    for depth in (50, 98):
        lac = np.zeros((101, 64, 64), np.float32)
        lac[depth, 32, 32] = 1
        image = projection(lac, 0, params)
        assert image.sum() == pytest.approx(0.01, rel=1e-3)
        across = np.arange(64) - 32
        widths.append(np.sqrt((image.sum(axis=1) * across**2).sum() / image.sum()))

    assert widths[0] == pytest.approx(blur_px(0, params), rel=0.05)
    # Equally blurred layers are binned in steps of 30 per cent.
    assert widths[1] == pytest.approx(blur_px(480, params), rel=0.15)
    assert widths[1] > 1.2 * widths[0]


def test_the_depth_of_field_is_that_of_theory():
    """A little less than the 3.3 µm that Otón et al. (2017) measured with 40 nm zones."""
    assert PhantomParams(zone_width_nm=40).depth_of_field_nm == pytest.approx(2700, rel=0.02)


def test_more_photons_make_less_noise():
    lac = np.full(SHAPE, 0.2, np.float32)
    still = replace(SHARP, flat_field_error=0, illumination_error=0, tilt_step_deg=20)
    noise = [
        tilt_series(lac, replace(still, photons=photons), np.random.default_rng(0)).std()
        for photons in (100.0, 10_000.0)
    ]

    # Part of the spread is the path through the tilted specimen; compare the middle tilt's noise.
    middle = [
        tilt_series(lac, replace(still, photons=photons), np.random.default_rng(0))[3].std()
        for photons in (100.0, 10_000.0)
    ]
    assert noise[1] < noise[0]
    assert middle[1] == pytest.approx(middle[0] / 10, rel=0.1)
