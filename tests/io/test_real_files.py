"""Files from real microscopes, where they are at hand."""

import numpy as np
import pytest

from deepsxt_core.errors import NotATomogramError
from deepsxt_core.io import open_volume


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "edge_nm", "n_warnings"),
    [
        ("sxt_mistral_12hpi_slice340.tif", (1, 974, 984), "float32", 13, 0),
        ("sxt_mistral_ni_slice404_bright_membranes.tif", (1, 974, 984), "float32", None, 1),
        ("sxt_ncxt_4hpi_slice188_bogus_scale.tif", (1, 1134, 482), "float32", 1000, 2),
        ("labelled_sxt_patches/patch_00.tif", (1, 248, 248), "uint8", None, 0),
        ("fibsem_mitochondrion_raw.tif", (26, 234, 266), "uint8", 5, 1),
        ("fibsem_mitochondrion_labels.tif", (26, 234, 266), "uint8", 5, 1),
        ("cryoet_microtubule_13pf.tif", (36, 206, 94), "uint8", 1.052, 0),
        ("vesicle_membrane_labels.mrc", (50, 100, 100), "int8", 0.1, 2),
        ("mrc_float16_no_voxel_size.mrc", (91, 135, 160), "float16", None, 0),
    ],
)
def test_real_volumes(name, shape, dtype, edge_nm, n_warnings, real):
    volume = open_volume(real / name)
    assert (volume.shape, volume.dtype) == (shape, dtype)
    if edge_nm is None:
        assert volume.voxel_size_nm is None
    else:
        assert volume.voxel_size_nm == pytest.approx((edge_nm,) * 3, rel=2e-6)
    assert len(volume.warnings) == n_warnings
    whole = volume.read(0, shape[0])
    assert np.ptp(whole[np.isfinite(whole)]) > 0
    np.testing.assert_array_equal(volume.read(shape[0] // 2, shape[0]), whole[shape[0] // 2 :])


def test_real_projections_are_refused(real):
    with pytest.raises(NotATomogramError, match="181 projections"):
        open_volume(real / "data_exchange_projections.h5")


@pytest.mark.parametrize(
    ("name", "words"),
    [("zeiss_projection.xrm", "one X-ray projection"), ("zeiss_tilt_series.txrm", "7 angles")],
)
def test_real_zeiss_projections_are_refused(name, words, real):
    with pytest.raises(NotATomogramError, match=words):
        open_volume(real / name)
