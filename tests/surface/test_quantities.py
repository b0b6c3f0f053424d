"""What is measured is what geometry says."""

import csv
import json

import numpy as np
import pytest
from bodies import Body, as_mask, as_score, ball, ellipsoid, sample, shell, torus, tube

from deepsxt_core.cli import main
from deepsxt_core.io import write_tiff
from deepsxt_core.surface import ObjectQuantities, ReconstructParams, measure, quantify, reconstruct
from deepsxt_core.surface.quantities import QUANTITIES, table, write_quantities
from deepsxt_core.volume import Volume, VoxelSize

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


def test_a_torus_has_a_hole() -> None:
    assert quantities_of(torus(16, 5)).euler_number == 0


def test_a_filopodium_has_its_length_direction_and_width() -> None:
    body = tube(4, 50, (3, 0, 4))
    found = quantities_of(body)
    assert found.feret_diameter == pytest.approx(50 * EDGE_UM, rel=0.01)
    assert found.long_axis_to_z_deg == pytest.approx(np.degrees(np.arccos(0.6)), abs=1)
    assert found.mean_thickness == pytest.approx(2 * body.volume / body.area * EDGE_UM, rel=0.01)


def test_neighbours_and_columns_name_their_unit(tmp_path) -> None:
    z, y, x = np.ogrid[:24, :24, :80]
    balls = [(z - 12) ** 2 + (y - 12) ** 2 + (x - c) ** 2 < 8**2 for c in (12, 32, 64)]
    mask = as_mask(balls[0] | balls[1] | balls[2], SIZE)
    surfaces, found = measure(mask)
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

    pyarrow = pytest.importorskip("pyarrow.parquet")
    path = write_quantities(found, surfaces.unit, tmp_path / "objects.parquet")
    assert pyarrow.read_table(path).to_pydict() == table(found, surfaces.unit)


def test_error_bars_are_what_a_step_of_the_threshold_moves() -> None:
    """The score is tanh of a quarter of the distance: a step moves the surface by four atanh."""
    distance, _ = sample(ball(12), (1, 1, 1))
    _, (found,) = measure(as_score(distance / 4))
    moved = 4 * np.arctanh(0.02)
    assert found.volume_error == pytest.approx(found.area * moved, rel=0.1)
    assert found.area_error == pytest.approx(8 * np.pi * 12 * moved, rel=0.15)
    _, (found,) = measure(as_mask(distance > 0))
    assert found.volume_error is None


def test_objects_that_merge_have_no_error_bar() -> None:
    z, y, x = np.ogrid[:30, :30, :90]
    first, second, third = (
        8 - np.sqrt((z - 15) ** 2 + (y - 15) ** 2 + (x - c) ** 2) for c in (15, 32, 74)
    )
    # Between the first two the score is just below the threshold.
    between = (np.abs(x - 23.5) < 3) & (np.abs(y - 15) < 4) & (np.abs(z - 15) < 4)
    both = np.maximum(first, second)
    both = np.where(between, np.maximum(both, -0.01), both)
    params = ReconstructParams(smoothing_voxels=0, taubin_iterations=0)
    _, found = measure(as_score(np.maximum(both, third)), params)
    assert len(found) == 3
    assert sorted(each.volume_error is None for each in found) == [False, True, True]


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
