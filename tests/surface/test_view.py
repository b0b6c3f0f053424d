import json
from pathlib import Path

import numpy as np
import pytest
from bodies import as_mask, ball, sample

from deepsxt_core.surface import Surfaces, reconstruct
from deepsxt_core.surface.view import COARSE_NAME, FULL_NAME, thinned, write_views


@pytest.fixture(scope="module")
def surfaces() -> Surfaces:
    """A large and a small ball, voxels of 20 nm."""
    distance, _ = sample(ball(12), (1, 1, 1))
    small, _ = sample(ball(5), (1, 1, 1))
    grid = np.zeros(
        (len(distance) + 2, distance.shape[1], distance.shape[2] + small.shape[2]), bool
    )
    grid[1 : len(distance) + 1, :, : distance.shape[2]] = distance > 0
    grid[1 : len(small) + 1, : small.shape[1], distance.shape[2] :] = small > 0
    return reconstruct(as_mask(grid, (20, 20, 20)))


def read(path: Path):
    """Read a view as the browser does: head, points, triangles."""
    data = path.read_bytes()
    length = int(np.frombuffer(data, "<u4", 1)[0])
    head = json.loads(data[4 : 4 + length])
    n, faces = head["points"], head["faces"]
    points = np.frombuffer(data, "<f4", 3 * n, 4 + length).reshape(n, 3)
    triangles = np.frombuffer(data, "<u4", 3 * faces, 4 + length + points.nbytes).reshape(faces, 3)
    assert len(data) == 4 + length + points.nbytes + triangles.nbytes
    return head, points, triangles


def test_all_faces_arrive_as_they_are(surfaces, tmp_path) -> None:
    write_views(surfaces, tmp_path)
    head, points, triangles = read(tmp_path / FULL_NAME)
    assert (points == np.asarray(surfaces.mesh.points)).all()
    assert (triangles == surfaces.triangles).all()
    assert head["unit"] == "µm"
    objects = head["objects"]
    assert objects["object"] == [1, 2]
    assert (np.repeat(objects["object"], objects["points"]) == surfaces.point_objects).all()
    assert objects["volume_um3"] == [row.volume for row in surfaces.objects]
    first = points[: objects["points"][0]]
    bounds = np.stack([first.min(axis=0), first.max(axis=0)], axis=1).ravel()
    assert objects["bounds"][0] == pytest.approx(bounds.tolist())


@pytest.mark.parametrize("share", [2, 40])
def test_few_faces_keep_the_objects_and_their_place(surfaces, share) -> None:
    wanted = surfaces.mesh.n_cells // share
    light = thinned(surfaces, wanted)
    assert 0.5 * wanted < light.mesh.n_cells <= 1.05 * wanted
    assert light.objects == surfaces.objects
    for object_id in (1, 2):
        ends = [
            np.asarray(each.mesh.points)[each.point_objects == object_id]
            for each in (surfaces, light)
        ]
        # Of a ball of 0.24 µm.
        assert np.abs(ends[0].mean(axis=0) - ends[1].mean(axis=0)).max() < 0.03
        assert np.abs(np.ptp(ends[0], axis=0) - np.ptp(ends[1], axis=0)).max() < 0.1


def test_both_versions_tell_the_same_about_the_objects(surfaces, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("deepsxt_core.surface.view.thinned", lambda all_: thinned(all_, 300))
    write_views(surfaces, tmp_path)
    (coarse, *_), (full, *_) = read(tmp_path / COARSE_NAME), read(tmp_path / FULL_NAME)
    assert coarse["faces"] < 400 < full["faces"]
    for name in set(full["objects"]) - {"points"}:
        assert coarse["objects"][name] == full["objects"][name]
