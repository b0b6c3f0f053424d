"""What is measured is what geometry says."""

import csv
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as parquet
import pytest
from bodies import Body, as_mask, as_score, ball, ellipsoid, sample, shell, torus, tube
from scipy.spatial import cKDTree

from deepsxt_core.cli.main import main
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io import write_tiff
from deepsxt_core.surface import ObjectQuantities, ReconstructParams, quantify, reconstruct
from deepsxt_core.surface.measure.columns import QUANTITIES
from deepsxt_core.surface.measure.quantities import table, write_quantities
from deepsxt_core.surface.measure.shapes import wedge_elongation
from deepsxt_core.surface.measure.uncertainty import BEST_THRESHOLDS, UncertaintyParams
from deepsxt_core.volume import Labels, Score, Tag, Volume, VoxelSize
from deepsxt_core.workflow import pipeline
from deepsxt_core.workflow.pipeline import measure

SIZE = VoxelSize.isotropic(20)
EDGE_UM = 0.02


def quantities_of(body: Body) -> ObjectQuantities:
    distance, _ = sample(body, (1, 1, 1))
    (found,) = quantify(reconstruct(as_score(distance, SIZE)))
    return found


def test_a_ball_is_round() -> None:
    found = quantities_of(ball(12))
    assert found.sphericity == pytest.approx(1, abs=0.005)
    assert found.equivalent_diameter == pytest.approx(24 * EDGE_UM, rel=0.005)
    assert found.feret_diameter == pytest.approx(24 * EDGE_UM, rel=0.01)
    assert found.elongation == pytest.approx(1, abs=0.01)
    assert found.euler_number == 2
    assert found.mean_curvature == pytest.approx(1 / (12 * EDGE_UM), rel=0.01)
    assert found.beam_elongation == pytest.approx(1, abs=0.01)
    assert found.nearest_centroid_distance is None
    inside = sample(ball(12), (1, 1, 1))[0]
    inside = inside[inside > 0]
    assert found.mean_score == pytest.approx(np.tanh(inside).mean(), rel=0.05)


def test_a_shell_has_a_thickness_and_encloses_a_ball() -> None:
    found = quantities_of(shell(18, 5))
    assert found.mean_thickness == pytest.approx(5 * EDGE_UM, rel=0.04)
    assert found.enclosed_volume == pytest.approx(4 / 3 * np.pi * (20.5 * EDGE_UM) ** 3, rel=0.01)
    assert found.outer_area == pytest.approx(4 * np.pi * (20.5 * EDGE_UM) ** 2, rel=0.01)
    assert found.volume < 0.7 * found.enclosed_volume
    assert found.sphericity == pytest.approx(1, abs=0.005)
    assert found.euler_number == 4


def test_an_ellipsoid_has_its_axes() -> None:
    found = quantities_of(ellipsoid(24, 12))
    axes = [found.long_axis, found.middle_axis, found.short_axis]
    assert axes == pytest.approx([48 * EDGE_UM, 24 * EDGE_UM, 24 * EDGE_UM], rel=0.01)
    assert found.elongation == pytest.approx(2, rel=0.01)
    assert found.long_axis_to_z_deg == pytest.approx(90, abs=1)
    # Along z 12; across it 24 one way and 12 the other.
    assert found.beam_elongation == pytest.approx(12 / np.sqrt((24**2 + 12**2) / 2), rel=0.01)


def test_a_torus_has_a_hole() -> None:
    assert quantities_of(torus(16, 5)).euler_number == 0


def test_a_filopodium_has_its_length_direction_and_width() -> None:
    body = tube(4, 50, (3, 0, 4))
    found = quantities_of(body)
    assert found.feret_diameter == pytest.approx(50 * EDGE_UM, rel=0.01)
    assert found.long_axis_to_z_deg == pytest.approx(np.degrees(np.arccos(0.6)), abs=1)
    assert found.mean_thickness == pytest.approx(2 * body.volume / body.area * EDGE_UM, rel=0.01)
    # Two half balls of 1/r on 2r of its length, 1/(2r) on the rest.
    bend = (8 / 4 + 42 / 8) / 50
    assert found.mean_curvature == pytest.approx(bend / EDGE_UM, rel=0.03)


def test_a_hollow_does_not_count_for_the_curvature() -> None:
    found = quantities_of(shell(18, 5))
    assert found.mean_curvature == pytest.approx(1 / (20.5 * EDGE_UM), rel=0.01)


def test_the_missing_wedge_stretches_as_the_formula_says() -> None:
    assert wedge_elongation(90) == pytest.approx(1)
    assert wedge_elongation(60) == pytest.approx(1.55, abs=0.005)
    assert wedge_elongation(45) > wedge_elongation(60)


def test_two_plates_touch_over_their_faces() -> None:
    """Plates of 30 × 20 voxels, one voxel apart; a ball stands 8 voxels off."""
    z, y, x = np.ogrid[:44, :50, :60]
    plates = (x >= 4) & (x < 34) & (y >= 10) & (y < 30)
    mask = plates & (((z >= 4) & (z < 10)) | ((z >= 11) & (z < 17)))
    mask = mask | ((z - 10) ** 2 + (y - 20) ** 2 + (x - 46) ** 2 < 5**2)
    found = quantify(reconstruct(as_mask(mask, SIZE)))
    assert [each.nearest_object for each in found] == [2, 1, 1]
    first, second, third = found
    assert 0.5 * EDGE_UM < first.gap < EDGE_UM  # smoothing draws them together
    assert first.gap == pytest.approx(second.gap)
    assert first.contact_area == pytest.approx(30 * 20 * EDGE_UM**2, rel=0.12)
    assert third.gap == pytest.approx(7.5 * EDGE_UM, rel=0.1)
    assert third.contact_area == 0


def test_the_gap_is_that_of_all_pairs_of_points() -> None:
    rng = np.random.default_rng(2)
    mask = np.zeros((30, 60, 60), bool)
    for z, y, x in rng.integers(4, (26, 56, 56), (12, 3)):
        mask[z - 2 : z + 2, y - 3 : y + 3, x - 2 : x + 3] = True
    surfaces = reconstruct(as_mask(mask), ReconstructParams(min_voxels=0))
    points, objects = np.asarray(surfaces.mesh.points), surfaces.point_objects
    for each in quantify(surfaces):
        mine = objects == each.object
        distances, nearest = cKDTree(points[~mine]).query(points[mine])
        assert each.gap == pytest.approx(distances.min())
        assert objects[~mine][nearest[distances.argmin()]] == each.nearest_object


def test_the_mean_grey_value_is_that_inside() -> None:
    """Slices 3 to 31 of a tomogram were scored; the ball is the brighter the higher."""
    distance, centre = sample(ball(10), (1, 1, 1))
    scored = as_score(distance, SIZE)
    score = Score(scored.volume, first_slice=3)
    depth = distance.shape[0]
    grey = np.zeros((depth + 5, *distance.shape[1:]), np.float32)
    grey += np.arange(depth + 5)[:, None, None]
    (row,) = reconstruct(score, tomogram=Volume.from_array(grey, SIZE)).objects
    assert row.mean_grey_value == pytest.approx(centre[0] + 3, abs=0.05)
    found = measure(score, tomogram=Volume.from_array(grey, SIZE)).objects
    assert found[0].mean_grey_value == row.mean_grey_value
    with pytest.raises(InvalidParameterError, match="Give the one that was segmented"):
        reconstruct(score, tomogram=Volume.from_array(grey[:-3], SIZE))


def test_spikes_and_what_was_not_measured_have_no_part_in_the_mean_grey_value() -> None:
    distance, centre = sample(ball(14), (1, 1, 1))
    grey = np.random.default_rng(0).normal(100, 3, distance.shape).astype(np.float32)
    z, y, x = (int(each) for each in centre)
    grey[z, y - 3, x] = np.nan
    grey[z - 4 : z + 4, y - 8 : y + 9, x - 8 : x + 9] = 0  # a block that is not there
    grey[z + 7, y, x] = -1e7
    grey[z + 8, y, x] = 1e6
    (row,) = pipeline.reconstruct(as_score(distance), tomogram=Volume.from_array(grey)).objects
    assert row.mean_grey_value == pytest.approx(100, abs=0.2)
    grey[:] = np.nan
    grey[:, :2, :2] = 1
    (row,) = pipeline.reconstruct(as_score(distance), tomogram=Volume.from_array(grey)).objects
    assert row.mean_grey_value is None


def test_totals_add_up() -> None:
    z, y, x = np.ogrid[:24, :24, :60]
    distance = 7 - np.sqrt((z - 12) ** 2 + (y - 12) ** 2 + (np.abs(x - 30) - 15) ** 2)
    result = measure(as_score(distance / 4, SIZE))
    told = result.totals()
    assert told["objects"] == 2
    assert told["volume_um3"] == pytest.approx(2 * result.objects[0].volume, rel=1e-3)
    for part in ("threshold", "voxel_size"):
        own = getattr(result.objects[0], f"volume_error_{part}")
        assert told[f"volume_error_{part}_um3"] == pytest.approx(2 * own, rel=0.02)
    assert told["processes"] == 0
    assert told["process_mean_diameter_um"] is None


def test_neighbours_and_columns_name_their_unit(tmp_path) -> None:
    z, y, x = np.ogrid[:24, :24, :80]
    balls = [(z - 12) ** 2 + (y - 12) ** 2 + (x - c) ** 2 < 8**2 for c in (12, 32, 64)]
    mask = as_mask(balls[0] | balls[1] | balls[2], SIZE)
    result = measure(mask)
    surfaces, found = result.surfaces, result.objects
    distances = [each.nearest_centroid_distance / EDGE_UM for each in found]
    assert sorted(distances) == pytest.approx([20, 20, 32], abs=0.1)

    path = write_quantities(found, surfaces.unit, tmp_path / "objects.csv")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["object"]) for row in rows] == [1, 2, 3]
    assert {"volume_um3", "area_um2", "feret_diameter_um", "euler_number"} <= set(rows[0])
    assert "mean_score" not in rows[0], "a mask has none"
    assert float(rows[0]["volume_um3"]) == found[0].volume
    assert "volume_voxel3" in table(found, "voxel")
    assert [quantity.heading("µm") for quantity in QUANTITIES[1:2]] == ["Volume (µm³)"]

    path = write_quantities(found, surfaces.unit, tmp_path / "objects.parquet")
    assert parquet.read_table(path).to_pydict() == table(found, surfaces.unit)


def test_error_bars_are_what_a_step_of_the_threshold_moves() -> None:
    """The score is tanh of half the distance: a threshold moves the surface by two atanh."""
    distance, _ = sample(ball(12), (1, 1, 1))
    (found,) = measure(as_score(distance / 2), ReconstructParams(smoothing_voxels=0)).objects
    radii = [12 - 2 * np.arctanh(threshold) for threshold in BEST_THRESHOLDS]
    moved = max(4 / 3 * np.pi * abs(radius**3 - 12**3) for radius in radii)
    assert found.volume_error_threshold == pytest.approx(moved, rel=0.05)
    moved = max(4 * np.pi * abs(radius**2 - 12**2) for radius in radii)
    assert found.area_error_threshold == pytest.approx(moved, rel=0.05)
    parts = (found.volume_error_threshold, found.volume_error_network)
    assert found.volume_error == pytest.approx(np.hypot(*parts))
    (found,) = measure(as_mask(distance > 0)).objects
    assert found.volume_error is None


def test_objects_that_merge_share_the_growth_by_their_area() -> None:
    z, y, x = np.ogrid[:30, :30, :90]
    first, second, third = (
        8 - np.sqrt((z - 15) ** 2 + (y - 15) ** 2 + (x - c) ** 2) for c in (15, 32, 74)
    )
    # Between the first two the score is just below the threshold.
    between = (np.abs(x - 23.5) < 3) & (np.abs(y - 15) < 4) & (np.abs(z - 15) < 4)
    both = np.maximum(first, second)
    both = np.where(between, np.maximum(both, -0.01), both)
    params = ReconstructParams(smoothing_voxels=0, taubin_iterations=0)
    result = measure(as_score(np.maximum(both, third)), params)
    shrunk = 4 / 3 * np.pi * (8**3 - (8 - np.arctanh(BEST_THRESHOLDS[1])) ** 3)
    assert [each.volume_error_threshold for each in result.objects] == pytest.approx(
        [shrunk] * 3, rel=0.1
    )
    assert result.counts == (2, 3)
    assert result.totals()["objects_error_threshold"] == 1


def fading(radius: float) -> Score:
    """Two balls of radius 6 and one of another that is only just above the threshold of 0."""
    z, y, x = np.ogrid[:24, :24, :80]
    first, second, last = (
        r - np.sqrt((z - 12) ** 2 + (y - 12) ** 2 + (x - c) ** 2)
        for r, c in ((6, 12), (6, 38), (radius, 66))
    )
    score = np.maximum(np.tanh(first), np.tanh(second))
    return Score(Volume.from_array(Score.encode(np.where(last > 0, 0.012, score))))


@pytest.mark.parametrize(("radius", "fades"), [(5, 3), (7, 1)], ids=["smallest", "largest"])
@pytest.mark.parametrize("merge", [(), ((1, 3),), ((2, 3),), ((1, 2),), ((1, 2, 3),)], ids=str)
def test_an_object_that_vanishes_has_a_wide_error_bar(radius, fades, merge) -> None:
    """At a higher threshold there are two objects: no third one to merge, and other ids."""
    score = fading(radius)
    params = ReconstructParams(smoothing_voxels=0, merge=merge)
    alone = reconstruct(score, replace(params, merge=())).objects[fades - 1]
    found = measure(score, params).objects
    assert len(found) == 3 - sum(len(group) - 1 for group in merge)
    holder = min(merge[0]) if merge and fades in merge[0] else fades
    for each in found:
        if each.object == holder:
            assert each.volume_error_threshold >= 0.99 * alone.volume
            assert each.area_error_threshold >= 0.9 * alone.area
        else:
            assert 0 < each.volume_error_threshold < 0.9 * each.volume


def test_what_is_swallowed_at_a_lower_threshold_may_be_all_there_is() -> None:
    """At a lower one everything around the ball is above the threshold: nothing is known of it."""
    distance, _ = sample(ball(8), (1, 1, 1))
    score = Score(Volume.from_array(Score.encode(np.where(distance > 0, 0.5, -0.012))))
    (found,) = measure(score, ReconstructParams(smoothing_voxels=0)).objects
    assert found.volume_error > 0.9 * (distance.size - found.volume)


def test_parts_add_up_as_squares_and_the_voxel_size_counts_three_times_in_a_volume() -> None:
    distance, _ = sample(ball(8), (1, 1, 1))
    score = as_score(distance, SIZE)
    known, unsure = (
        pipeline.measure(score, uncertainty=UncertaintyParams(voxel_size_error=error)).objects[0]
        for error in (0, 0.05)
    )
    assert known.volume_error_voxel_size == 0
    assert unsure.volume_error_voxel_size == pytest.approx(0.15 * unsure.volume)
    assert unsure.area_error_voxel_size == pytest.approx(0.1 * unsure.area)
    assert unsure.volume_error == pytest.approx(np.hypot(known.volume_error, 0.15 * unsure.volume))
    assert unsure.equivalent_diameter_error == pytest.approx(
        np.hypot(2 * unsure.volume_error_threshold / unsure.area, 0.05 * unsure.equivalent_diameter)
    )
    # Without a voxel size lengths are in voxels, which are exact.
    assert measure(as_score(distance)).objects[0].volume_error_voxel_size is None
    mask = measure(as_mask(distance > 0, SIZE))
    assert mask.objects[0].volume_error_voxel_size > 0 and mask.objects[0].volume_error is None
    assert "without an error bar" in mask.sentences()[0]


def test_a_grown_body_carries_its_interval() -> None:
    distance, _ = sample(ball(8), (1, 1, 1))
    ids = (distance > 0).astype(np.uint16)
    count = int(ids.sum())
    tag = Tag("one", "vesicle", "#112233", true_voxels=(0.8 * count, 1.3 * count))
    labels = Labels(
        Volume.from_array(ids), {1: tag}, lambda z0, z1: np.zeros(ids[z0:z1].shape, bool)
    )
    result = measure(labels)
    (found,) = result.objects
    assert found.volume_error == found.volume_error_growth == pytest.approx(0.3 * found.volume)
    assert found.area_error == pytest.approx(0.2 * found.area)
    assert found.equivalent_diameter_error == pytest.approx(0.1 * found.equivalent_diameter)
    assert result.totals()["objects_error"] is None


def test_the_command_writes_tables(tmp_path, capsys) -> None:
    distance, _ = sample(ball(8), (1, 1, 1))
    write_tiff(Volume.from_array((distance > 0).astype(np.uint8), SIZE), tmp_path / "mask.tif")
    out = tmp_path / "out"
    assert main(["measure", str(tmp_path / "mask.tif"), "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["objects"] == 1
    assert str(out / "objects.csv") in report["files"]
    assert report["table"]["equivalent_diameter_um"] == pytest.approx([16 * EDGE_UM], rel=0.01)
    assert main(["measure", str(tmp_path / "mask.tif"), "--out", str(out)]) == 0
    assert "objects.csv" in capsys.readouterr().out
