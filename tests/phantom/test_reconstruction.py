import numpy as np
import pytest
from scipy import ndimage
from skimage.transform import iradon, radon

from deepsxt_core.phantom.reconstruction import back_project

SIZE = 65
VOXEL_UM = 0.1


@pytest.fixture(scope="module")
def disc():
    """A disc of 0.5 per µm off the middle of the (z, x) plane."""
    z, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    return 0.5 * np.clip(14.5 - np.hypot(z - 5, x + 4), 0, 1)


def measured(plane, tilts_deg):
    """Return the tilt series (tilt, x, y) of a plane, the same for two y, by scikit-image."""
    # Its z points the other way.
    sinogram = radon(plane[::-1], theta=tilts_deg, circle=True) * VOXEL_UM
    return np.repeat(sinogram.T[:, :, np.newaxis], 2, axis=2).astype(np.float32)


def test_all_tilts_give_the_absorption_back(disc):
    tilts_deg = np.arange(-90.0, 90.0, 2.0)

    volume = back_project(measured(disc, tilts_deg), tilts_deg, SIZE, VOXEL_UM)

    assert volume.shape == (SIZE, 2, SIZE)
    inside = ndimage.binary_erosion(disc > 0.49, iterations=3)
    assert volume[:, 0][inside].mean() == pytest.approx(0.5, rel=0.02)
    assert volume[:, 1][disc == 0].mean() == pytest.approx(0, abs=0.02)


def test_it_is_the_back_projection_of_scikit_image(disc):
    tilts_deg = np.arange(-60.0, 61.0, 3.0)
    series = measured(disc, tilts_deg)

    ours = back_project(series, tilts_deg, SIZE, VOXEL_UM)[:, 0]

    # It scales as if the tilts went round by half a turn.
    theirs = iradon(series[:, :, 0].T / VOXEL_UM, theta=tilts_deg, filter_name="hann")[::-1]
    theirs *= len(tilts_deg) * np.radians(3) / np.pi
    inner = slice(16, 49)
    np.testing.assert_allclose(ours[inner, inner], theirs[inner, inner], atol=0.005)


def test_the_middle_slices_do_not_depend_on_how_many_are_asked_for(disc):
    tilts_deg = np.arange(-60.0, 61.0, 10.0)
    series = measured(disc, tilts_deg)

    whole = back_project(series, tilts_deg, 41, VOXEL_UM)
    part = back_project(series, tilts_deg, 9, VOXEL_UM)

    np.testing.assert_allclose(part, whole[16:25], atol=1e-5)
