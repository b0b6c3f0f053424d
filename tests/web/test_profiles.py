"""Values along a line: what they are, and where they lie."""

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.preprocessing.profiles import line_through, values_along
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import routes
from deepsxt_core.workspace import Workspace
from tests.results import add_score
from tests.waiting import wait_until

SHAPE = (12, 20, 30)
Z, Y, X = np.indices(SHAPE)
GREY = (1000 + 100 * Z + 10 * Y + X).astype(np.float32)
SCORE = ((X - 15) / 15).astype(np.float32)


@pytest.fixture
def client():
    with TestClient(Starlette(routes=routes.routes())) as client:
        yield client


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "cell.tif"
    tifffile.imwrite(path, GREY, imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path)


def test_samples_lie_evenly_on_the_line_and_values_between_voxels():
    distance, places = line_through((2, 3), (8, 11), (20, 10))
    assert distance[0] == 0
    assert distance[-1] == pytest.approx(np.hypot(6 * 20, 8 * 10))
    np.testing.assert_allclose(np.diff(distance), distance[1])
    assert distance[1] <= 10
    np.testing.assert_allclose(places[[0, -1]], [(2, 3), (8, 11)])
    plane = np.add.outer(10.0 * np.arange(20), np.arange(30))
    np.testing.assert_allclose(values_along(plane, places), 10 * places[:, 0] + places[:, 1])
    beyond = np.array([(-0.4, 0), (-0.6, 0), (19.4, 29), (0, 29.6)])
    np.testing.assert_array_equal(np.isnan(values_along(plane, beyond)), [0, 1, 0, 1])
    with pytest.raises(InvalidParameterError, match="at most"):
        line_through((0, 0), (0, 1e6), (1, 1))


@pytest.mark.parametrize(
    ("axis", "index", "rows", "columns"), [("z", 5, "y", "x"), ("y", 7, "z", "x")]
)
def test_a_profile_has_the_values_of_the_file_and_of_the_score(
    client, tomogram, axis, index, rows, columns
):
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(40, 20, 20))
    result = add_score(tomogram, SCORE[2:9], first_slice=2)
    address = f"/api/tomograms/{tomogram.id}/profile/{axis}/{index}"
    query = {"from": "1.5,2.5", "to": "10.5,22.5", "score": result.id}
    # Other planes than those across z wait until they are prepared.
    wait_until(lambda: client.get(address, params=query).status_code != 503)
    told = client.get(address, params=query).json()
    assert list(told) == ["distance_um", "x", "y", "z", "value", "score"]
    at = {name: np.array(told[name]) for name in "xyz"}
    assert (at[axis] == index).all()
    assert (at[rows][0], at[columns][0]) == (1, 2)
    assert (at[rows][-1], at[columns][-1]) == (10, 22)
    edges = {"z": 0.04, "y": 0.02, "x": 0.02}
    assert told["distance_um"][-1] == pytest.approx(np.hypot(9 * edges[rows], 20 * edges[columns]))
    wanted = 1000 + 100 * at["z"] + 10 * at["y"] + at["x"]
    np.testing.assert_allclose(told["value"], wanted, atol=0.02)
    scored = (at["z"] > 1.5) & (at["z"] < 8.5)
    assert [score is not None for score in told["score"]] == scored.tolist()
    found = np.array(told["score"], float)[scored]
    np.testing.assert_allclose(found, (at["x"][scored] - 15) / 15, atol=0.005)


def test_without_a_voxel_size_it_is_told_in_pixels_and_what_is_no_line_is_refused(client, tomogram):
    address = f"/api/tomograms/{tomogram.id}/profile/z"
    told = client.get(f"{address}/0", params={"from": "0.5,0.5", "to": "0.5,4.5"}).json()
    assert told["distance_px"] == [0, 1, 2, 3, 4]
    assert told["value"] == [1000, 1001, 1002, 1003, 1004]
    assert "score" not in told
    for query in ({"from": "1,2"}, {"from": "1,2", "to": "1,nan"}, {"from": "1,2", "to": "1"}):
        assert client.get(f"{address}/0", params=query).status_code == 422
    query = {"from": "0,0", "to": "1,1"}
    assert client.get(f"{address}/{SHAPE[0]}", params=query).status_code == 404
