import json
from dataclasses import replace

import numpy as np
import pytest

from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.phantom.fields import correlated_noise
from deepsxt_core.phantom.sample import without_missing_wedge
from deepsxt_core.preprocessing import check_health, suggested_region
from deepsxt_core.preprocessing.validity import VoidRule
from deepsxt_core.preprocessing.wedge import find_wedge
from deepsxt_core.volume import Volume, VoxelSize

SIZE = VoxelSize.isotropic(20)


@pytest.fixture(scope="module")
def sample():
    return sample_tomogram(1, (48, 160, 160))[0]


@pytest.fixture(scope="module")
def noise():
    return correlated_noise(np.random.default_rng(0), (48, 96, 96), (1.2, 1.3, 1.3))


def findings(array, size=SIZE):
    report = check_health(Volume.from_array(array, size))
    return {finding.name: finding for finding in report.findings}, report


def test_a_good_tomogram_has_nothing_but_its_missing_wedge(sample):
    found, report = findings(sample)
    worse = {name for name, each in found.items() if each.level != "ok"}
    assert worse <= {"Missing wedge", "Details over noise", "Like the training data"}
    assert report.level == "notice"
    assert "Tilts about y reached about ±60°" in found["Missing wedge"].text
    assert report.tilt_range_deg == report.to_dict()["tilt_range_deg"] == 60
    assert suggested_region(report, Volume.from_array(sample)) is None
    assert json.loads(json.dumps(report.to_dict()))["level"] == "notice"


@pytest.mark.parametrize("reach", [45, 60, 70])
@pytest.mark.parametrize(
    ("order", "tilt", "missing"),
    [((0, 1, 2), "y", "z"), ((0, 2, 1), "x", "z"), ((1, 0, 2), "z", "y"), ((2, 1, 0), "y", "x")],
)
def test_a_missing_wedge_is_found_wherever_it_lies(noise, reach, order, tilt, missing):
    volume = without_missing_wedge(noise, reach).transpose(order).copy()
    wedge = find_wedge(Volume.from_array(volume))
    assert (wedge.tilt_axis, wedge.missing_axis) == (tilt, missing)
    assert wedge.half_angle_deg == pytest.approx(90 - reach, abs=5)
    assert wedge.emptiness > 50


def test_voxels_that_are_no_cubes_do_not_change_the_angle(noise):
    thinned = without_missing_wedge(noise, 60)[::2].copy()
    wedge = find_wedge(Volume.from_array(thinned, VoxelSize(40, 20, 20)))
    assert wedge.half_angle_deg == pytest.approx(30, abs=5)


def test_no_wedge_is_seen_where_there_is_none(noise):
    found, report = findings(noise)
    assert found["Missing wedge"].level == "ok"
    assert report.wedge.emptiness < 3
    assert report.tilt_range_deg == 90
    assert find_wedge(Volume.from_array(noise[:10])) is None


def test_slices_along_the_beam_are_a_warning(noise):
    turned = without_missing_wedge(noise, 60).transpose(1, 0, 2).copy()
    found, _ = findings(turned)
    assert found["Missing wedge"].level == "warning"
    assert "y becomes z" in found["Missing wedge"].text


def test_empty_and_broken_borders_are_measured(sample):
    broken = sample.copy()
    broken[:5] = 7
    broken[-3:] = 0
    broken[5:-3, :12] = 0
    broken[5:-3, :, -9:] = 255
    _, report = findings(broken)
    assert (report.margins.z, report.margins.y, report.margins.x) == ((5, 3), (12, 0), (0, 9))
    assert suggested_region(report, Volume.from_array(broken)).crop == "5:45,12:,0:151"


def test_an_empty_slice_amid_others_is_a_warning(sample):
    holed = sample.copy()
    holed[20:24] = 3
    found, _ = findings(holed)
    assert found["Empty slices"].level == "warning"


def test_all_empty_is_a_warning_and_no_crash():
    found, report = findings(np.full((30, 64, 64), 5, np.uint8))
    assert found["Empty slices"].value == 100
    assert suggested_region(report, Volume.from_array(np.zeros((30, 64, 64)))) is None


def test_what_is_not_finite_is_counted(sample):
    values = sample.astype(np.float32)
    values[:, :8, :8] = np.nan
    values[:, :8, 8:16] = np.inf
    found, _ = findings(values)
    assert found["NaN and infinite"].value == pytest.approx(100 * 128 / 160**2)
    assert found["NaN and infinite"].level == "notice"


def test_hot_voxels_are_counted_and_beads_are_not(sample):
    found, _ = findings(sample)
    assert found["Hot voxels"].level == "ok"
    hot = sample.astype(np.float32)
    hot[:, 40:120:10, 40:120:10] += 300
    found, _ = findings(hot)
    assert found["Hot voxels"].value == pytest.approx(1e6 * 64 / 160**2, rel=0.02)


def test_grey_values_that_are_cut_off_are_seen(sample):
    cut = np.minimum(sample, np.percentile(sample, 90)).astype(np.uint8)
    found, _ = findings(cut)
    assert found["Saturation"].level == "warning"
    assert "highest" in found["Saturation"].text


def test_the_valid_region_of_a_round_reconstruction_is_told(sample):
    y, x = np.ogrid[-80:80, -80:80]
    inside = np.hypot(y, x) < 75
    round_one = np.where(inside, sample, 0).astype(np.float32)
    round_one[:, :10, :10] = np.nan
    found, report = findings(round_one)
    assert report.valid_share == pytest.approx(inside.mean(), abs=0.005)
    assert found["Valid region"].value == pytest.approx(100 * inside.mean(), abs=0.5)
    assert found["Valid region"].level == "notice"
    assert "% 0" in found["Valid region"].text
    assert "% NaN" in found["Valid region"].text
    # It decides nothing else.
    plain, _ = findings(sample)
    assert found["Borders"].value <= 6
    for name in ("Flat areas", "Saturation", "Details over noise", "Like the training data"):
        assert found[name].level == plain[name].level, found[name]


def test_what_counts_can_be_corrected(sample):
    y, x = np.ogrid[-80:80, -80:80]
    round_one = np.where(np.hypot(y, x) < 75, sample, 0).astype(np.uint8)
    volume = Volume.from_array(round_one, SIZE)
    as_data = check_health(volume, void=VoidRule(find=False))
    assert as_data.valid_share == 1
    flat = next(each for each in as_data.findings if each.name == "Flat areas")
    assert flat.value > 5
    other = check_health(volume, void=VoidRule(value=3))
    assert other.valid_share == pytest.approx(1 - np.mean(round_one == 3), abs=0.01)


def test_a_nearly_empty_tomogram_is_warned_about(sample):
    empty = np.zeros_like(sample, dtype=np.float32)
    empty[:, 60:100, 60:100] = sample[:, 60:100, 60:100] + 1
    found, _ = findings(empty)
    assert found["Valid region"].level == "warning"


def test_noise_alone_is_told(noise):
    found, _ = findings(noise)
    assert found["Details over noise"].level == "warning"
    assert found["Details over noise"].value < 1.5


def test_what_looks_unlike_the_training_data_is_told():
    white = np.random.default_rng(0).normal(size=(3, 300, 300)).astype(np.float32)
    found, _ = findings(white)
    assert found["Like the training data"].level == "warning"


def test_doubtful_and_unknown_voxel_sizes_are_told(noise):
    assert findings(noise, VoxelSize.isotropic(1000))[0]["Voxel size"].level == "warning"
    assert findings(noise, None)[0]["Voxel size"].level == "notice"


def test_it_reads_few_slices_one_by_one():
    array = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    asked = []
    volume = replace(
        Volume.from_array(array),
        shape=(2000, 64, 64),
        reader=lambda z0, z1: asked.append(z1 - z0) or array[[z % 2 for z in range(z0, z1)]],
    )
    check_health(volume)
    assert set(asked) == {1}
    assert len(asked) < 250


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 300), (40, 16, 3), (30, 30, 30)])
def test_any_shape_gets_a_report(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found, _ = findings(values)
    assert len(found) == 12


def test_real_slices_are_familiar_and_other_microscopes_are_not(real):
    from deepsxt_core.io import open_volume

    def familiar(name):
        report = check_health(open_volume(real / name))
        return next(each for each in report.findings if each.name == "Like the training data")

    assert familiar("sxt_mistral_12hpi_slice340.tif").level == "ok"
    assert familiar("labelled_sxt_patches/patch_00.tif").level == "ok"
    assert familiar("cryoet_microtubule_13pf.tif").level != "ok"
