import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.io.readers.calibration import as_length, nm_per_unit, settle_voxel_size
from deepsxt_core.volume import VoxelSize


@pytest.mark.parametrize(
    ("spellings", "nm"),
    [
        (["nm", "NM", " nanometers "], 1),
        (["µm", "μm", "um", "micron", "Microns", r"\u00B5m", "Âµm", "micrometre"], 1e3),
        (["mm"], 1e6),
        (["cm"], 1e7),
        (["inch", "in"], 2.54e7),
        (["Å", "\u212b", "angstrom", "Angstroms"], 0.1),
        (["pixel", "pixels", "", None, "furlong", 1], None),
    ],
)
def test_units(spellings, nm):
    assert {nm_per_unit(unit) for unit in spellings} == {nm}


@given(st.one_of(st.floats(), st.text(), st.integers(), st.none(), st.binary()))
def test_a_length_is_above_zero_or_nothing(value):
    length = as_length(value, 10.0)
    assert length is None or 0 < length < float("inf")


def test_a_partial_claim_is_no_size():
    assert settle_voxel_size((20, None, 13), None, 5) == (None, ())
    assert settle_voxel_size((None, None, None), None, 5) == (None, ())


def test_the_slice_distance_only_matters_in_a_stack():
    size, warnings = settle_voxel_size((None, 13, 12), None, 1)
    assert (size, warnings) == (VoxelSize(13, 13, 12), ())
    assert len(settle_voxel_size((None, 13, 12), None, 2)[1]) == 1


@pytest.mark.parametrize(("edge", "doubted"), [(0.1, True), (1, True), (10, False), (1e3, True)])
def test_default_sizes_are_doubted(edge, doubted):
    _, warnings = settle_voxel_size((edge, edge, edge), None, 5)
    assert bool(warnings) == doubted
