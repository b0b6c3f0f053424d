"""A single slice is measured in two dimensions."""

import json

import numpy as np
import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.io import write_tiff
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.preprocessing import find_wedge
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.measure.shapes import wedge_elongation
from deepsxt_core.surface.measure.slices import measure_slice
from deepsxt_core.volume import Mask, Volume, VoxelSize

SIZE = VoxelSize(50, 20, 10)


@pytest.fixture
def mask() -> Volume:
    """A ring whose radii are 0.3 and 0.2 µm, and a rectangle at the border."""
    y, x = np.indices((60, 160))
    radius = np.hypot((y - 30) * 0.02, (x - 60) * 0.01)
    inside = (radius <= 0.3) & (radius > 0.2)
    inside[10:20, 150:] = True
    return Volume.from_array(inside[None].astype(np.uint8), SIZE)


def test_areas_and_lengths_are_those_of_the_shapes(mask):
    ring, rectangle = measure_slice(Mask(mask), ReconstructParams()).objects
    assert ring.area == pytest.approx(np.pi * (0.3**2 - 0.2**2), rel=0.03)
    assert ring.enclosed_area == pytest.approx(np.pi * 0.3**2, rel=0.03)
    assert ring.perimeter == pytest.approx(2 * np.pi * 0.3, rel=0.03)
    assert (ring.long_axis, ring.short_axis) == pytest.approx((0.6, 0.6), rel=0.03)
    assert (ring.centroid_y, ring.centroid_x) == pytest.approx((0.61, 0.605))
    assert not ring.cut_by_border
    assert rectangle.area == pytest.approx(0.2 * 0.1)
    assert rectangle.long_axis == pytest.approx(0.2 * 4 / 12**0.5)
    assert rectangle.cut_by_border


def test_the_command_measures_a_slice_without_volumes(mask, tmp_path, capsys):
    write_tiff(mask, tmp_path / "mask.tif")
    out = tmp_path / "out"
    assert main(["measure", str(tmp_path / "mask.tif"), "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dimensions"] == 2
    assert report["table"]["area_um2"][1] == pytest.approx(0.02)
    assert report["table"]["cut_by_border"] == [False, True]
    assert "um3" not in json.dumps(report)
    assert "um3" not in (out / "objects.csv").read_text(encoding="utf-8")


def test_what_is_no_slice_or_holds_nothing_is_refused(mask):
    with pytest.raises(InvalidParameterError, match="single slice"):
        measure_slice(Mask(Volume.from_array(np.ones((2, 9, 9), np.uint8))), ReconstructParams())
    with pytest.raises(EmptySurfaceError):
        measure_slice(Mask(mask), ReconstructParams(min_voxels=9999))


def test_the_tilt_range_is_the_tomograms_own_unless_it_is_given(tmp_path, capsys):
    tomogram, truth, size = sample_tomogram(shape=(48, 96, 96))
    write_tiff(Volume.from_array(tomogram, size), tmp_path / "cell.tif")
    write_tiff(Volume.from_array(truth.astype(np.uint8), size), tmp_path / "mask.tif")
    command = ["measure", str(tmp_path / "mask.tif"), "--out", str(tmp_path / "out"), "--json"]

    def report(*more: str) -> dict:
        assert main([*command, *more]) == 0
        return json.loads(capsys.readouterr().out)

    own = report("--tomogram", str(tmp_path / "cell.tif"))
    assert own["tilt_range_deg"] == find_wedge(Volume.from_array(tomogram)).tilt_range_deg
    assert own["wedge_elongation"] == wedge_elongation(own["tilt_range_deg"])
    given = report("--tilt-range-deg", "70")
    assert (given["tilt_range_deg"], given["tilt_range_from"]) == (70, "given")
    assert report()["tilt_range_deg"] is None
    assert main([*command, "--tilt-range-deg", "0"]) == 1
    assert "at most 90" in capsys.readouterr().err
