"""What counts as one object, and as its inside."""

import numpy as np
import pytest
from bodies import as_mask, as_score, sample, shell

from deepsxt_core.surface import ReconstructParams, reconstruct, smoothing
from deepsxt_core.volume import Mask, Score


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
