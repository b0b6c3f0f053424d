"""Notes at places: kept, listed, deleted, exported; only the app's pages write them."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import own_pages, routes
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.point_notes import add_point_note, point_notes, remove_point_note

SHAPE = (4, 20, 30)


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "cell.tif"
    tifffile.imwrite(path, np.zeros(SHAPE, np.uint8), imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize(40, 20, 20))


@pytest.fixture
def client():
    app = Starlette(routes=routes.routes())
    with TestClient(app, headers={"X-DeepSXT-Token": own_pages.token()}) as client:
        yield client


def test_notes_are_kept_listed_deleted_and_exported(client, tomogram):
    address = f"/api/tomograms/{tomogram.id}/notes"
    assert client.get(address).json() == {"notes": []}
    first = client.post(address, json={"at": [3, 10, 25], "text": "  a\nvesicle? "}).json()["notes"]
    assert [(note["at"], note["text"]) for note in first] == [([3, 10, 25], "a vesicle?")]
    client.post(address, json={"at": [0, 0, 0], "text": '=1+"2", 3'})
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}.csv").text)))
    assert [row["text"] for row in rows] == ["a vesicle?", '\'=1+"2", 3']
    assert [rows[0][name] for name in ("x", "y", "z")] == ["25", "10", "3"]
    assert [rows[0][name] for name in ("x_um", "y_um", "z_um")] == ["0.5", "0.2", "0.12"]
    left = client.delete(f"{address}/{first[0]['id']}").json()["notes"]
    assert [note["at"] for note in left] == [[0, 0, 0]]
    # An id is not given again.
    again = client.post(address, json={"at": [3, 10, 25], "text": "b"}).json()["notes"]
    assert [note["id"] for note in again] == [2, 3]
    assert [note.text for note in point_notes(Workspace().tomogram(tomogram.id))] == [
        '=1+"2", 3',
        "b",
    ]


@pytest.mark.parametrize(
    "told",
    [
        {"at": [4, 0, 0], "text": "a"},
        {"at": [0, -1, 0], "text": "a"},
        {"at": [0, 0], "text": "a"},
        {"at": [0, 0, 1.5], "text": "a"},
        {"at": [0, 0, True], "text": "a"},
        {"at": [0, 0, 0], "text": " \n"},
        {"at": [0, 0, 0], "text": "a" * 501},
        {"at": [0, 0, 0]},
    ],
)
def test_what_is_no_note_is_refused(client, tomogram, told):
    address = f"/api/tomograms/{tomogram.id}/notes"
    assert client.post(address, json=told).status_code == 422
    assert client.get(address).json() == {"notes": []}


def test_only_the_pages_of_the_app_write_notes(client, tomogram):
    address = f"/api/tomograms/{tomogram.id}/notes"
    note = {"at": [0, 0, 0], "text": "a"}
    del client.headers["X-DeepSXT-Token"]
    assert client.post(address, json=note).status_code == 403
    add_point_note(tomogram, (0, 0, 0), "a")
    assert client.delete(f"{address}/1").status_code == 403
    assert len(point_notes(tomogram)) == 1


def test_notes_of_several_at_once_are_all_kept(tomogram):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add_point_note(tomogram, (0, 0, n), f"{n}"), range(24)))
    notes = point_notes(tomogram)
    assert [note.id for note in notes] == list(range(1, 25))
    assert {note.text for note in notes} == {str(n) for n in range(24)}


def test_a_damaged_file_is_not_written_over(tomogram):
    path = tomogram.folder / "point-notes.json"
    for content in ("{", '{"notes": [{"at": [1]}], "following": 2}'):
        path.write_text(content)
        assert point_notes(tomogram) == []
        with pytest.raises(DeepSXTError, match="damaged"):
            add_point_note(tomogram, (0, 0, 0), "a")
        with pytest.raises(DeepSXTError, match="damaged"):
            remove_point_note(tomogram, 1)
        assert path.read_text() == content


def test_there_is_a_limit(tomogram, monkeypatch):
    monkeypatch.setattr("deepsxt_core.workspace.point_notes.MOST_NOTES", 1)
    add_point_note(tomogram, (0, 0, 0), "a")
    with pytest.raises(InvalidParameterError, match="at most 1 notes"):
        add_point_note(tomogram, (0, 0, 0), "b")
