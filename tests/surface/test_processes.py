"""Filopodia of known length and diameter."""

import csv
import json

import numpy as np
import pyarrow.parquet as parquet
import pytest
from bodies import as_mask, as_score, ball, bent_tube, sample, shell, torus, tube

from deepsxt_core.cli.main import main
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io import write_tiff
from deepsxt_core.surface import Process, ProcessParams, reconstruct, trace_processes
from deepsxt_core.surface.measure.centrelines import arc_length
from deepsxt_core.volume import Volume, VoxelSize

EDGE_UM = 0.02
SIZE = VoxelSize.isotropic(1000 * EDGE_UM)


def traced(body, edges=(1, 1, 1), *, mask: bool = False, **params) -> tuple[Process, ...]:
    distance, _ = sample(body, edges)
    size = VoxelSize(*(1000 * EDGE_UM * np.array(edges)))
    source = as_mask(distance > 0, size) if mask else as_score(distance, size)
    return trace_processes(reconstruct(source), ProcessParams(**params))


@pytest.mark.parametrize("mask", [True, False], ids=["mask", "score"])
@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (1, 2, 3)], ids=str)
@pytest.mark.parametrize("radius", [3, 6])
def test_straight_filopodium(radius: int, direction, mask: bool) -> None:
    """Length and diameter to 5 %, whatever the direction."""
    (found,) = traced(tube(radius, 14 * radius, direction), mask=mask)
    assert found.length == pytest.approx(14 * radius * EDGE_UM, rel=0.05)
    assert found.diameter == pytest.approx(2 * radius * EDGE_UM, rel=0.05)
    assert found.thinnest > 0.9 * found.diameter
    assert found.thickest < 1.1 * found.diameter
    assert found.tips == 2
    assert found.straightness == pytest.approx(1, abs=0.01)
    assert (found.object, found.branch) == (1, 1)


@pytest.mark.parametrize("edges", [(1, 1, 1), (3, 2, 1)], ids=str)
@pytest.mark.parametrize("radius", [3, 6])
def test_bent_filopodium(radius: int, edges) -> None:
    """An arc of 2 radians is as long as it is, not as its ends are apart."""
    radius *= max(edges)
    (found,) = traced(bent_tube(radius, 10 * radius, 2.0), edges, mask=True)
    assert found.length == pytest.approx((20 + 2) * radius * EDGE_UM, rel=0.05)
    assert found.diameter == pytest.approx(2 * radius * EDGE_UM, rel=0.05)
    assert found.straightness == pytest.approx(np.sin(1 + 0.1) / 1.1, abs=0.03)


def test_a_membrane_around_a_lumen_has_the_outer_diameter() -> None:
    body = tube(7, 90, (1, 2, 3))
    distance, _ = sample(body, (1, 1, 1))
    hollow = as_score(2 - np.abs(distance - 2), SIZE)
    (found,) = trace_processes(reconstruct(hollow))
    assert found.diameter == pytest.approx(14 * EDGE_UM, rel=0.05)
    assert found.length == pytest.approx(90 * EDGE_UM, rel=0.05)


def test_the_profile_follows_a_thickness_that_changes() -> None:
    """A cone: its diameter falls evenly from 16 to 6 voxels."""
    z, y, x = np.ogrid[:30, :30, :130]
    radius = np.interp(x, [10, 120], [8, 3])
    inside = np.where((x >= 10) & (x <= 120), radius - np.hypot(z - 15, y - 15), -3)
    (found,) = trace_processes(reconstruct(as_score(inside, SIZE)))
    place = found.line[:, 0] / EDGE_UM
    shaft = (place > 20) & (place < 110)
    expected = 2 * np.interp(place[shaft], [10, 120], [8, 3]) * EDGE_UM
    assert found.diameters[shaft] == pytest.approx(expected, rel=0.05)
    assert found.thinnest < 8 * EDGE_UM < 14 * EDGE_UM < found.thickest


@pytest.fixture(scope="module")
def cell():
    """A ball of radius 26 with a filopodium of diameter 8 that forks, and a short one."""
    z, y, x = (axis.astype(float) for axis in np.ogrid[:64, :120, :190])
    distance = 26 - np.sqrt((z - 32) ** 2 + (y - 60) ** 2 + (x - 36) ** 2)
    for first, last in (
        ((32, 60, 36), (32, 60, 172)),
        ((32, 60, 110), (32, 100, 150)),
        ((32, 60, 36), (32, 110, 36)),
    ):
        start, way = np.array(first, float), np.subtract(last, first).astype(float)
        share = sum(
            (axis - begin) * step for axis, begin, step in zip((z, y, x), start, way, strict=True)
        )
        share = np.clip(share / (way @ way), 0, 1)
        gap = sum(
            (axis - begin - share * step) ** 2
            for axis, begin, step in zip((z, y, x), start, way, strict=True)
        )
        distance = np.maximum(distance, 4 - np.sqrt(gap))
    return reconstruct(as_score(distance, SIZE))


def test_filopodia_of_a_cell_are_told_from_it(cell) -> None:
    found = trace_processes(cell, ProcessParams(max_diameter=12 * EDGE_UM))
    lengths = [each.length / EDGE_UM for each in found]
    # From the surface of the cell, or of the filopodium that it leaves, to the tip.
    assert lengths == pytest.approx([172 + 4 - 36 - 26, 40 * 2**0.5, 110 + 4 - 60 - 26], rel=0.05)
    assert [each.diameter / EDGE_UM for each in found] == pytest.approx([8, 8, 8], rel=0.07)
    assert [each.branch for each in found] == [1, 2, 3]
    assert [each.tips for each in found] == [1, 1, 1]
    assert {each.object for each in found} == {1}


def test_only_long_ones_count(cell) -> None:
    limits = {"max_diameter": 12 * EDGE_UM}
    assert len(trace_processes(cell, ProcessParams(min_aspect=5, **limits))) == 2
    assert trace_processes(cell, ProcessParams(min_aspect=50, **limits)) == ()
    for wrong in ({"min_aspect": 0.5}, {"max_diameter": 0}):
        with pytest.raises(InvalidParameterError):
            ProcessParams(**wrong)


@pytest.mark.parametrize("body", [ball(8), shell(12, 4)], ids=["ball", "shell"])
def test_round_bodies_have_none(body) -> None:
    assert traced(body) == ()


def test_sheets_and_open_shells_have_none() -> None:
    """A strip, a bent sheet, and a shell whose caps nobody saw: long somehow, thin, not round."""
    z, y, x = np.ogrid[:40, :60, :130]
    strip = np.minimum(np.minimum(3 - abs(z - 20), 14 - abs(y - 30)), 55 - abs(x - 65))
    bent = np.minimum(3 - abs(np.hypot(y - 80, x - 65) - 60), 15 - abs(z - 20))
    open_shell = np.minimum(3.5 - abs(np.hypot(y - 30, x - 65) - 22), 12 - abs(z - 20))
    for distance in (strip, bent, open_shell):
        surfaces = reconstruct(as_score(distance + 0.0 * z + 0.0 * y + 0.0 * x, SIZE))
        assert trace_processes(surfaces) == ()


def test_a_ring_is_followed_along_one_side() -> None:
    (found,) = traced(torus(30, 4))
    assert np.pi * 30 * EDGE_UM < found.length < 1.5 * np.pi * 30 * EDGE_UM
    assert found.diameter == pytest.approx(8 * EDGE_UM, rel=0.05)


def test_the_command_writes_their_tables(tmp_path, capsys) -> None:
    distance, _ = sample(tube(4, 50, (0, 3, 4)), (1, 1, 1))
    volume = Volume.from_array((distance > 0).astype(np.uint8), SIZE)
    write_tiff(volume, tmp_path / "mask.tif")
    out = tmp_path / "out"
    command = ["measure", str(tmp_path / "mask.tif"), "--out", str(out)]
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["processes"]["length_um"] == pytest.approx([50 * EDGE_UM], rel=0.05)
    assert report["totals"]["processes"] == 1
    names = [
        f"{name}{end}"
        for name in ("objects", "processes", "profiles")
        for end in (".csv", ".parquet")
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "totals.json"])
    assert sorted(report["files"]) == sorted(str(path) for path in out.iterdir())
    with (out / "profiles.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    along = [float(row["along_um"]) for row in rows]
    assert along[-1] == pytest.approx(report["processes"]["length_um"][0])
    places = np.array([[float(row[f"{axis}_um"]) for axis in "xyz"] for row in rows])
    assert arc_length(places) == pytest.approx(along)
    assert parquet.read_table(out / "profiles.parquet").to_pydict()["along_um"] == along
    assert main([*command, "--min-aspect", "20"]) == 0
    assert "thin processes" not in capsys.readouterr().out
