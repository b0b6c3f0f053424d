"""Annotations over HTTP: what planes hold, who may edit, what is refused, what comes back."""

import csv
import io

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from deepsxt_core.annotation import lease
from deepsxt_core.geometry import Region
from deepsxt_core.io import open_volume
from deepsxt_core.io.pyramid import AXES
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import desks, own_pages, routes
from deepsxt_core.web.guard import Guard
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotation_files import LABEL_FILES
from deepsxt_core.workspace.annotations import add_annotation
from tests.results import add_score, ball

# Beyond one cube of 64 voxels along two axes, and more than one zoom level.
SHAPE = (20, 90, 300)


@pytest.fixture
def client():
    token = {"X-DeepSXT-Token": own_pages.token()}
    app = Starlette(routes=routes.routes(), middleware=[Middleware(Guard)])
    with TestClient(app, base_url="http://localhost", headers=token) as client:
        yield client


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "cell.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize(20, 10, 10))


@pytest.fixture
def kept(tomogram):
    score = add_score(tomogram, ball(SHAPE, 8))
    return add_annotation(tomogram, "ball", score=score.id)


def at(kept, rest=""):
    return f"/api/tomograms/{kept.tomogram.id}/annotations/{kept.id}{rest}"


def brush(*points, radius=4.0, **fields):
    return {"kind": "brush", "points": points, "radius": radius, **fields}


def paint(number=2, *points):
    return {"kind": "paint", "object": number, "stroke": brush(*(points or [[10, 45, 40]]))}


def post(client, kept, what, session="first tab", **content):
    told = {"session": session, "owner": f"{session} of Rosa", **content}
    return client.post(at(kept, f"/{what}"), json=told)


def operate(client, kept, operation, session="first tab"):
    answer = post(client, kept, "operations", session, operation=operation)
    assert answer.status_code == 200, answer.text
    return answer.json()


def plane(client, kept, axis, index, **query):
    answer = client.get(at(kept, f"/planes/{axis}/{index}"), params=query)
    assert answer.status_code == 200, answer.text
    shape = tuple(map(int, answer.headers["x-shape"].split(",")))
    return np.frombuffer(answer.content, "<u2").reshape(shape), answer.headers["cache-control"]


def labels(kept):
    with kept.open() as opened:
        return opened.labels.read(0, opened.shape[0])


def test_planes_equal_the_store_along_all_axes_levels_and_in_part(client, kept):
    operate(client, kept, paint(2, [10, 45, 120], [12, 50, 200]))
    whole = labels(kept)
    assert set(np.unique(whole)) == {0, 1, 2}
    told = client.get(at(kept)).json()
    for level, shape in enumerate(one["shape"] for one in told["levels"]):
        coarse = whole[:: 1 << level, :: 1 << level, :: 1 << level]
        assert coarse.shape == tuple(shape)
        for n, axis in enumerate(AXES):
            index = shape[n] // 2
            wanted = coarse.take(index, n)
            found, _ = plane(client, kept, axis, index, level=level)
            assert (found == wanted).all()
            part, _ = plane(client, kept, axis, index, level=level, rows="2:5", columns="3:9")
            assert (part == wanted[2:5, 3:9]).all()


def test_what_is_judged_is_compared_as_a_truth_is(client, kept):
    operate(client, kept, paint(2, [10, 45, 120], [12, 50, 200]))
    for number, name in ((1, "not judged"), (2, "membrane")):
        operate(client, kept, {"kind": "edit objects", "objects": [number], "class_name": name})
    told = client.get(at(kept, "/judged/display")).json()
    assert (told["unjudged"], told["state"], told["shape"]) == (1, "ready", list(SHAPE))
    wanted = np.array([0, 1, 255], np.uint8)[labels(kept)]
    for n, axis in enumerate(AXES):
        address = at(kept, f"/judged/planes/{axis}/{SHAPE[n] // 2}")
        answer = client.get(address, params={"v": told["version"]})
        assert (answer.headers["x-dtype"], "immutable" in answer.headers["cache-control"]) == (
            "uint8",
            True,
        )
        plane = wanted.take(SHAPE[n] // 2, n)
        np.testing.assert_array_equal(
            np.frombuffer(answer.content, np.uint8).reshape(plane.shape), plane
        )
    operate(client, kept, paint(3, [2, 5, 5]))
    assert client.get(at(kept, "/judged/display")).json()["version"] != told["version"]


@pytest.mark.parametrize("name", LABEL_FILES)
def test_labels_are_downloaded_as_they_are_now(client, kept, tmp_path, name):
    for number in (2, 3):
        operate(client, kept, paint(number, [10, 45, 100 + number]))
        answer = client.get(at(kept, f"/files/{name}"))
        assert answer.status_code == 200, answer.text
        assert f"cell_{name}" in answer.headers["content-disposition"]
        path = tmp_path / f"{number}_{name}"
        path.write_bytes(answer.content)
        found = open_volume(path)
        np.testing.assert_array_equal(found.read(0, SHAPE[0]), labels(kept))
        assert found.voxel_size_nm == pytest.approx((20, 10, 10))


def test_their_table_names_them_and_other_files_are_not_handed_out(client, kept):
    operate(client, kept, paint())
    named = {"kind": "edit objects", "objects": [2], "name": "a, b", "colour": "#010203"}
    operate(client, kept, named)
    answer = client.get(at(kept, "/files/labels.csv"))
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["id"] for line in lines] == ["1", "2"]
    assert (lines[1]["name"], lines[1]["colour"], lines[1]["class"]) == (
        "a, b",
        "#010203",
        "not judged",
    )
    assert client.get(at(kept, "/files/workspace.json")).status_code == 422


def test_a_plane_of_a_version_may_be_kept_and_others_not(client, kept):
    version = client.get(at(kept)).json()["version"]
    assert "immutable" in plane(client, kept, "z", 10, v=version)[1]
    assert "no-cache" in plane(client, kept, "z", 10)[1]
    told = operate(client, kept, paint())
    assert told["version"] == version + 1
    assert "no-cache" in plane(client, kept, "z", 10, v=version)[1]


def test_a_change_tells_what_it_changed_and_can_be_undone_and_redone(client, kept):
    before = labels(kept)
    told = operate(client, kept, paint())
    after = labels(kept)
    changed = np.argwhere(after != before)
    assert told["voxels"] == len(changed)
    assert told["box"] == [*changed.min(axis=0), *(changed.max(axis=0) + 1)]
    assert (told["undo"], told["redo"]) == (1, 0)
    assert told["rows"]["2"]["name"] == "Object 2"
    undone = post(client, kept, "undo").json()
    assert (undone["redo"], undone["rows"]) == (1, {"2": None})
    assert (labels(kept) == before).all()
    assert post(client, kept, "redo").json()["undo"] == 1
    assert (labels(kept) == after).all()
    assert post(client, kept, "redo").status_code == 422


def test_a_preview_tells_the_runs_of_planes_and_changes_nothing(client, kept):
    before = labels(kept)
    wanted = {"z": 10, "y": 46, "x": 41}
    told = post(client, kept, "preview", operation=paint(), planes=wanted).json()
    assert (labels(kept) == before).all()
    assert client.get(at(kept)).json()["editor"] is None
    operate(client, kept, paint())
    changed = labels(kept) != before
    assert told["voxels"] == changed.sum()
    for n, (axis, index) in enumerate(wanted.items()):
        covered = np.zeros_like(changed.take(index, n))
        for row, column, length, number in told["planes"][axis]:
            assert number == 2
            covered[row, column : column + length] = True
        assert (covered == changed.take(index, n)).all()


def test_the_table_and_an_object_are_told(client, kept):
    operate(client, kept, paint())
    operate(client, kept, {"kind": "edit objects", "objects": [2], "name": "lysosome"})
    told = client.get(at(kept, "/objects")).json()
    assert [row["name"] for row in told["objects"]][1] == "lysosome"
    assert "not judged" in told["classes"]
    found = client.get(at(kept, "/objects/2")).json()
    places = np.argwhere(labels(kept) == 2)
    assert found["voxels"] == len(places)
    assert found["box"] == [*places.min(axis=0), *(places.max(axis=0) + 1)]
    assert found["voxel"] in places.tolist()
    assert client.get(at(kept, "/objects/9")).status_code == 422


def test_a_second_tab_is_told_who_edits_and_may_watch_or_take_over(client, kept):
    operate(client, kept, paint())
    refused = post(client, kept, "operations", "second tab", operation=paint(3))
    assert refused.status_code == 423
    assert "first tab of Rosa" in refused.text
    seen = post(client, kept, "beat", "second tab").json()
    assert (seen["editor"]["owner"], seen["editor"]["you"]) == ("first tab of Rosa", False)
    assert post(client, kept, "beat").json()["editor"]["you"]
    assert post(client, kept, "take", "second tab").json()["editor"]["you"]
    assert operate(client, kept, paint(3, [5, 20, 20]), "second tab")["voxels"]
    assert post(client, kept, "undo").status_code == 423
    # Who leaves makes room; the other's leaving changes nothing.
    assert post(client, kept, "leave").json()["editor"]
    assert post(client, kept, "leave", "second tab").json()["editor"] is None
    assert operate(client, kept, paint(4, [15, 70, 70]))["voxels"]


def test_an_editor_of_whom_nothing_is_heard_makes_room(client, kept, monkeypatch):
    operate(client, kept, paint())
    monkeypatch.setattr(lease, "STALE_AFTER_S", 0.0)
    assert operate(client, kept, paint(3, [5, 20, 20]), "second tab")["voxels"]


def test_an_editor_in_another_process_is_respected(client, kept):
    with kept.open(owner="Ada at the command line") as other:
        other.undo() if other.can_undo else other.apply(paint(7))
        assert "Ada" in post(client, kept, "operations", operation=paint()).text
        assert client.get(at(kept)).json()["undo"] == 1
        assert post(client, kept, "take").json()["editor"]["you"]
        assert operate(client, kept, paint(2, [3, 3, 3]))["undo"] == 2


def test_who_does_not_know_the_token_changes_nothing(client, kept):
    for what in ("operations", "undo", "redo", "preview", "beat", "take", "leave"):
        content = {"session": "s", "owner": "o", "operation": paint()}
        for headers in ({"X-DeepSXT-Token": ""}, {"X-DeepSXT-Token": "x"}):
            answer = client.post(at(kept, f"/{what}"), json=content, headers=headers)
            assert answer.status_code == 403
        strange = {"Origin": "http://evil.example"}
        assert client.post(at(kept, f"/{what}"), json=content, headers=strange).status_code == 403
    assert client.get(at(kept)).json()["undo"] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"session": "s", "owner": "o"}',
        b'{"session": "s", "owner": "o", "operation": {"kind": "dance"}}',
        b'{"session": "s", "owner": "o", "operation": {"kind": "delete", "objects": [99]}}',
        b'{"session": "", "owner": "o", "operation": {"kind": "delete", "objects": [1]}}',
        b'{"session": "s", "owner": 5, "operation": {"kind": "delete", "objects": [1]}}',
        b'{"session": "s", "owner": "o", "operation": {"kind": "merge result", "source": "/x"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_operation_is_refused_in_a_sentence(client, kept, content):
    answer = client.post(at(kept, "/operations"), content=content)
    assert answer.status_code == 422
    assert answer.text.endswith(".")
    assert client.get(at(kept)).json()["undo"] == 0


def test_too_much_at_once_and_what_is_not_there_are_refused(client, kept):
    assert client.post(at(kept, "/operations"), content=bytes(17 << 20)).status_code == 413
    for rest in ("/planes/w/0", "/planes/z/20", "/objects/x/y"):
        assert client.get(at(kept, rest)).status_code == 404
    for query in ({"level": 9}, {"rows": "5:2"}, {"columns": "0:301"}, {"rows": "x"}):
        assert client.get(at(kept, "/planes/z/0"), params=query).status_code == 422
    assert client.get(at(kept).replace(kept.id, "0" * 18)).status_code == 404
    assert client.get(at(kept).replace(kept.id, "..%2f")).status_code == 404
    planes = {"w": 1}
    told = post(client, kept, "preview", operation=paint(), planes=planes)
    assert told.status_code == 422


def test_one_of_a_binned_score_says_where_it_lies(client, tomogram):
    region = Region(y=(4, 84), bin=2)
    score = add_score(tomogram, ball((10, 40, 150), 5), region=region)
    kept = add_annotation(tomogram, "binned", score=score.id)
    told = client.get(at(kept)).json()
    assert told["shape"] == [10, 40, 150]
    assert told["place"] == {"first": [0, 4, 0], "bin": 2}


def test_a_desk_that_is_closed_lets_the_annotation_be_removed(client, kept):
    operate(client, kept, paint())
    desks.close_desk(kept)
    assert client.get(at(kept)).json()["editor"] is None


def test_a_review_tells_how_far_it_is_and_what_comes_next(client, kept):
    def asked(**query):
        return client.get(at(kept, "/review"), params=query).json()

    assert asked() == {"state": None, "next": None}
    operate(client, kept, {"kind": "plan review", "tile_px": 128})
    told = asked()
    assert told["state"]["tiles"]["all"] == 20 * 2
    assert told["state"]["unit"] == "µm"
    number, box = told["next"]["number"], told["next"]["box"]
    assert box[0] <= told["next"]["voxel"][0] < box[3]
    right = {"kind": "judge", "units": [number], "verdict": "right", "queue": "random"}
    operate(client, kept, right)
    after = asked()
    assert (after["state"]["tiles"]["sampled"], after["next"]["number"] != number) == (1, True)
    told = asked(kind="object", queue="targeted")
    assert (told["next"]["number"], told["next"]["kind"]) == (1, "object")
    judged = operate(
        client, kept, {"kind": "judge", "objects": [1], "verdict": "wrong", "queue": "random"}
    )
    assert judged["rows"] == {"1": None}
    assert asked(kind="object")["next"] is None
    assert asked(kind="object")["state"]["objects"]["wrong"] == 1
    assert client.get(at(kept, "/review"), params={"kind": "all"}).status_code == 422
