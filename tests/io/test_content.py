import numpy as np
import pytest

from deepsxt_core.errors import VolumeError
from deepsxt_core.io import looks_like_labels, open_volume, require_labels
from deepsxt_core.volume import Volume


def blocks(dtype, values=(0, 1, 2, 255)):
    return np.repeat(np.repeat(np.array(values, dtype).reshape(2, 2), 20, 0), 20, 1)[None]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32"])
def test_few_integers_in_flat_regions_are_labels(dtype):
    assert looks_like_labels(Volume.from_array(blocks(dtype)))


@pytest.mark.parametrize(
    "stack",
    [
        np.random.default_rng(0).integers(0, 4, (3, 30, 30), "uint8"),
        np.random.default_rng(0).normal(size=(3, 30, 30)),
        blocks("float32") + np.float32(0.5),
        np.zeros((3, 30, 30), "uint8"),
    ],
    ids=["noise", "floats", "halves", "constant"],
)
def test_grey_values_are_not(stack):
    assert not looks_like_labels(Volume.from_array(stack))


@pytest.mark.parametrize(
    "stack",
    [
        np.random.default_rng(0).integers(0, 4, (3, 30, 30), "uint8"),
        np.zeros((3, 30, 30), "uint8"),
        blocks("uint16", (0, 900, 901, 902)),
    ],
    ids=["scattered", "empty", "instances"],
)
def test_masks_and_labels_pass(stack):
    require_labels(Volume.from_array(stack))


@pytest.mark.parametrize(
    "stack",
    [
        np.random.default_rng(0).integers(0, 256, (3, 30, 30), "uint8"),
        np.random.default_rng(0).normal(size=(3, 30, 30)),
    ],
    ids=["grey", "floats"],
)
def test_grey_values_are_refused_as_labels(stack):
    with pytest.raises(VolumeError, match="grey values"):
        require_labels(Volume.from_array(stack))


def test_a_mask_is_always_labels():
    assert looks_like_labels(Volume.from_array(np.zeros((1, 4, 4), bool)))


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("fibsem_mitochondrion_labels.tif", True),
        ("vesicle_membrane_labels.mrc", True),
        ("labelled_sxt_patches/patch_00.labels.tif", True),
        ("labelled_sxt_patches/patch_00.tif", False),
        ("fibsem_mitochondrion_raw.tif", False),
        ("cryoet_microtubule_13pf.tif", False),
        ("sxt_mistral_12hpi_slice340.tif", False),
        ("mrc_float16_no_voxel_size.mrc", False),
    ],
)
def test_real_files(real, name, labels):
    assert looks_like_labels(open_volume(real / name)) == labels
