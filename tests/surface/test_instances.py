"""What counts as one object, and as its inside."""

import tomllib

import numpy as np
import pytest
from bodies import as_mask, as_score, ball, ellipsoid, sample, shell, touching_balls, tube

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.surface import ReconstructParams, quantify, reconstruct
from deepsxt_core.surface.field import smoothing
from deepsxt_core.volume import Mask, Score, VoxelSize
from deepsxt_core.workflow.recipe import Recipe


@pytest.fixture(params=["mask", "score"])
def vesicle(request) -> Score | Mask:
    """A shell of radius 14 and thickness 5."""
    distance, _ = sample(shell(14, 5), (1, 1, 1))
    return as_mask(distance > 0) if request.param == "mask" else as_score(distance)


def test_a_filled_vesicle_is_its_outer_ball(vesicle) -> None:
    (row,) = reconstruct(vesicle, ReconstructParams(fill_lumens=True)).objects
    assert row.volume == pytest.approx(4 / 3 * np.pi * 16.5**3, rel=0.01)
    assert row.area == pytest.approx(4 * np.pi * 16.5**2, rel=0.01)


def test_a_lumen_open_to_the_border_is_not_filled() -> None:
    distance, _ = sample(shell(14, 5), (1, 1, 1))
    half = as_mask(distance[distance.shape[0] // 2 :] > 0)
    open_half = reconstruct(half).objects[0]
    assert reconstruct(half, ReconstructParams(fill_lumens=True)).objects[0] == open_half


def test_filling_and_closing_in_slabs_is_the_same(vesicle, monkeypatch) -> None:
    params = ReconstructParams(fill_lumens=True, close_gap_voxels=2, taubin_iterations=0)
    whole = reconstruct(vesicle, params).objects
    monkeypatch.setattr(smoothing, "SLAB_VOXELS", 1)
    (parts,) = reconstruct(vesicle, params).objects
    assert (parts.voxels, parts.faces) == (whole[0].voxels, whole[0].faces)
    assert parts.volume == pytest.approx(whole[0].volume, rel=1e-5)


@pytest.mark.parametrize("radius", [1, 2])
def test_closing_mends_a_cut_and_leaves_the_rest(radius: int) -> None:
    """A plate with a slit is two objects; closed, it is one of the plate's volume."""
    plate = np.zeros((20, 40, 40), bool)
    plate[6:14, 4:36, 4:36] = True
    whole = reconstruct(as_mask(plate)).objects[0]
    slit = plate.copy()
    slit[:, :, 19 : 19 + 2 * radius - 1] = False
    assert len(reconstruct(as_mask(slit)).objects) == 2
    surfaces = reconstruct(as_mask(slit), ReconstructParams(close_gap_voxels=radius))
    assert len(surfaces.objects) == 1
    assert surfaces.objects[0].volume == pytest.approx(whole.volume, rel=0.03)

    wide = plate.copy()
    wide[:, :, 19 : 19 + 2 * radius + 3] = False
    assert len(reconstruct(as_mask(wide), ReconstructParams(close_gap_voxels=radius)).objects) == 2


def test_closing_leaves_a_smooth_body_as_it_is(vesicle) -> None:
    """A mask has steps, whose corners are filled too."""
    (before,) = reconstruct(vesicle).objects
    (after,) = reconstruct(vesicle, ReconstructParams(close_gap_voxels=2)).objects
    tolerance = 0.01 if isinstance(vesicle, Score) else 0.04
    assert after.volume == pytest.approx(before.volume, rel=tolerance)


class TestSplitting:
    @pytest.mark.parametrize("edges", [(1, 1, 1), (3, 2, 1)], ids=str)
    def test_touching_balls_become_two(self, edges) -> None:
        radius = 12 * max(edges)
        body = touching_balls(radius)
        distance, centre = sample(body, edges)
        mask = as_mask(distance > 0, VoxelSize(*(1000 * np.array(edges))))
        assert len(reconstruct(mask).objects) == 1
        rows = reconstruct(mask, ReconstructParams(split_voxels=2)).objects
        assert len(rows) == 2
        for row in rows:
            assert row.volume == pytest.approx(body.volume / 2, rel=0.02)
        middle = centre[2] * edges[2]
        sides = sorted(row.centroid[0] - middle for row in rows)
        # The centre of a ball, moved by the cap that it lacks.
        assert sides == pytest.approx([-0.825 * radius, 0.825 * radius], rel=0.02)

    def test_a_deeper_neck_than_there_is_splits_nothing(self) -> None:
        distance, _ = sample(touching_balls(12), (1, 1, 1))
        whole = reconstruct(as_mask(distance > 0))
        same = reconstruct(as_mask(distance > 0), ReconstructParams(split_voxels=6))
        assert same.objects == whole.objects

    def test_round_and_long_bodies_stay_whole(self) -> None:
        for body in (ball(10), ellipsoid(20, 9), tube(5, 60, (1, 2, 3))):
            distance, _ = sample(body, (1, 1, 1))
            params = ReconstructParams(split_voxels=1.5)
            assert len(reconstruct(as_mask(distance > 0), params).objects) == 1

    def test_touching_vesicles_are_split_when_filled(self) -> None:
        distance, _ = sample(touching_balls(14), (1, 1, 1))
        membrane = as_score(2 - np.abs(distance - 2))
        filled = ReconstructParams(fill_lumens=True, split_voxels=2)
        assert len(reconstruct(membrane, filled).objects) == 2

    def test_in_slabs_it_is_the_same(self, monkeypatch) -> None:
        distance, _ = sample(touching_balls(10), (1, 1, 1))
        params = ReconstructParams(split_voxels=2)
        whole = reconstruct(as_score(np.moveaxis(distance, 2, 0)), params).objects
        monkeypatch.setattr(smoothing, "SLAB_VOXELS", 1)
        parts = reconstruct(as_score(np.moveaxis(distance, 2, 0)), params).objects
        assert [row.voxels for row in parts] == [row.voxels for row in whole]
        assert len(parts) == 2


class TestMerging:
    @pytest.fixture
    def four(self) -> Mask:
        """Balls of radius 9, 8, 7 and 6, which have the ids 1 to 4."""
        z, y, x = np.ogrid[:24, :24, :96]
        mask = np.zeros((24, 24, 96), bool)
        for place, radius in ((12, 9), (36, 8), (60, 7), (84, 6)):
            mask |= (z - 12) ** 2 + (y - 12) ** 2 + (x - place) ** 2 < radius**2
        return as_mask(mask)

    def test_a_group_is_one_object_and_no_other_id_moves(self, four) -> None:
        before = reconstruct(four)
        after = reconstruct(four, ReconstructParams(merge=((2, 4),)))
        assert [row.id for row in after.objects] == [1, 2, 3]
        after = reconstruct(four, ReconstructParams(merge=((1, 2),)))
        assert [row.id for row in after.objects] == [1, 3, 4]
        for row, same in zip(after.objects[1:], before.objects[2:], strict=True):
            assert (row.id, row.voxels, row.faces) == (same.id, same.voxels, same.faces)
            assert row.volume == pytest.approx(same.volume)
        both, parts = after.objects[0], before.objects[:2]
        for name in ("voxels", "faces"):
            assert getattr(both, name) == sum(getattr(row, name) for row in parts)
        assert both.volume == pytest.approx(sum(row.volume for row in parts), rel=1e-6)
        assert after.report.objects_merged == 1
        colours = after.point_colours[after.point_objects == 4]
        assert (colours == before.point_colours[before.point_objects == 4][0]).all()
        assert [each.object for each in quantify(after)] == [1, 3, 4]

    def test_groups_that_share_an_id_are_one(self, four) -> None:
        rows = reconstruct(four, ReconstructParams(merge=((2, 3), (3, 4)))).objects
        assert [row.id for row in rows] == [1, 2]

    def test_a_size_filter_moves_no_id(self, four) -> None:
        before = reconstruct(four)
        smallest = before.objects[-1].voxels + 1
        after = reconstruct(four, ReconstructParams(min_voxels=smallest))
        assert [row.id for row in after.objects] == [1, 2, 3]
        for row, same in zip(after.objects, before.objects, strict=False):
            assert (row.voxels, row.faces) == (same.voxels, same.faces)
            assert row.centroid == pytest.approx(same.centroid, abs=1e-4)
        assert (after.report.objects_found, after.report.objects_too_small) == (4, 1)

    def test_lists_from_a_file_are_the_same(self) -> None:
        merge = ReconstructParams(merge=[[1, 2]])  # type: ignore[arg-type]
        assert merge == ReconstructParams(merge=((1, 2),))
        recipe = Recipe(reconstruct=merge)
        assert tomllib.loads(recipe.to_toml())["reconstruct"]["merge"] == [[1, 2]]

    @pytest.mark.parametrize("merge", [((1,),), ((1, 1),), ((0, 1),), (3, 4), (("a", "b"),)])
    def test_what_is_no_group_is_refused(self, merge) -> None:
        with pytest.raises(InvalidParameterError, match="groups of at least two object ids"):
            ReconstructParams(merge=merge)

    def test_an_unknown_id_is_named(self, four) -> None:
        with pytest.raises(InvalidParameterError, match=r"no object 7.*objects 1 to 4"):
            reconstruct(four, ReconstructParams(merge=((1, 7),)))
