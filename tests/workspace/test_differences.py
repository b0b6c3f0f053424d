"""How far surfaces lie from each other: spheres in spheres, and what is not compared."""

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.surface.view import FULL_NAME
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import routes
from deepsxt_core.web.differences import distances_address
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.differences import comparable_surfaces
from deepsxt_core.workspace.truths import truth_name
from tests.results import add_annotation_surface, add_score, add_surface, ball

SHAPE = (40, 44, 48)
SMALL, LARGE = 10, 14
EDGE_UM = 0.02


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "cell.tif"
    tifffile.imwrite(path, np.zeros(SHAPE, np.uint8), imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize(20, 20, 20))


@pytest.fixture
def small(tomogram):
    return add_surface(tomogram, add_score(tomogram, ball(SHAPE, SMALL)))


def told(tomogram, surface, other):
    """Return the points of the surface, in voxels, and how far they lie from another, in voxels."""
    with TestClient(Starlette(routes=routes.routes())) as client:
        answer = client.get(f"/{distances_address(tomogram, surface, other)}{FULL_NAME}")
    assert answer.status_code == 200, answer.text
    points = np.asarray(Surfaces.load(surface.folder).mesh.points)[:, ::-1] / EDGE_UM
    distances = np.frombuffer(answer.content, "<f4") / EDGE_UM
    assert len(distances) == len(points)
    return points, distances


def test_a_sphere_lies_inside_a_larger_one_and_that_one_outside(tomogram, small):
    large = add_surface(tomogram, add_score(tomogram, ball(SHAPE, LARGE)))
    assert comparable_surfaces(small, tomogram.readable_results("surfaces")) == [large]
    for surface, other, sign in ((small, large, -1), (large, small, 1)):
        _, distances = told(tomogram, surface, other.id)
        np.testing.assert_allclose(distances, sign * (LARGE - SMALL), atol=0.6)


def test_the_truth_is_another_surface_less_what_it_does_not_judge(tomogram, small):
    labels = (ball(SHAPE, LARGE) > 0).astype(np.int8)
    labels[:, :, 24:] = -1
    labels[:15] *= 2
    path = tomogram.source.with_name("cell.truth.tif")
    tifffile.imwrite(path, labels, photometric="minisblack")
    points, distances = told(tomogram, small, truth_name(path))
    known = points[:, 2] < 23.4
    assert np.isnan(distances[points[:, 2] > 23.6]).all()
    # What is cut off by what nobody judged ends there: near to it, that end is nearest.
    far = known & (points[:, 2] < 18)
    np.testing.assert_allclose(distances[far], SMALL - LARGE, atol=0.6)
    ignoring = told(tomogram, small, truth_name(path, 2))[1]
    assert np.isnan(ignoring[np.isnan(distances)]).all()
    assert np.isnan(ignoring[points[:, 0] < 14.4]).all()
    assert np.isfinite(ignoring[far & (points[:, 0] > 15.6)]).all()


def test_a_truth_of_the_scored_slices_lies_there_and_nothing_is_told_beyond(tomogram, small):
    part = ball(SHAPE, LARGE)[12:28]
    scored = add_surface(tomogram, add_score(tomogram, part, first_slice=12))
    points, distances = told(tomogram, small, scored.id)
    beyond = (points[:, 0] < 10.4) | (points[:, 0] > 28.6)
    assert beyond.any()
    assert np.isnan(distances[beyond]).all()
    assert np.isfinite(distances[(points[:, 0] > 11) & (points[:, 0] < 28)]).all()


def test_what_an_annotation_does_not_judge_is_not_compared(tomogram, small):
    kept = add_annotation(tomogram, "mine", score=small.identity["score"])
    with kept.open() as opened:
        stroke = {"kind": "brush", "points": [[20, 22, 10]], "radius": 6.0}
        opened.apply({"kind": "paint", "object": 2, "stroke": stroke})
        opened.apply({"kind": "edit objects", "objects": [2], "class_name": "not judged"})
    mine = add_annotation_surface(tomogram, kept)
    points, distances = told(tomogram, small, mine.id)
    unclear = np.linalg.norm(points - [20, 22, 10], axis=1) < 5
    assert unclear.any()
    assert np.isnan(distances[unclear]).all()
    assert np.nanmax(abs(distances)) < 1.5
    with TestClient(Starlette(routes=routes.routes())) as client:
        of = distances_address(tomogram, small, mine.id)
        assert client.get(f"/{of}other.bin").status_code == 422
        assert client.get(f"/{distances_address(tomogram, small, '0' * 20)}{FULL_NAME}").is_error
