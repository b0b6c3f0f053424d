"""Pictures of planes over HTTP: of the file's values, with all that lies over them in its place."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.annotation import SourceParams
from deepsxt_core.export.slice_picture import BOTH_RGB, ONLY_A_RGB, RESULT_RGB
from deepsxt_core.geometry import Region
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import routes
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from tests.results import add_score
from tests.waiting import wait_until

SHAPE = (12, 40, 60)


@pytest.fixture
def client():
    with TestClient(Starlette(routes=routes.routes())) as client:
        yield client


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "céll 1.tif"
    grey = np.broadcast_to(np.arange(SHAPE[0], dtype=np.uint16)[:, None, None] * 100, SHAPE)
    tifffile.imwrite(path, grey.copy(), imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize(20, 10, 10))


@pytest.fixture
def binned(tomogram):
    """A score of a part that was binned: a block at z 4 to 8, y 10 to 22, x 20 to 40."""
    region = Region.parse("2:,2:,4:", 2)
    score = np.full((5, 19, 28), -1, np.float32)
    score[1:3, 4:10, 8:18] = 1
    return add_score(tomogram, score, region=region)


def picture(client, tomogram, name, **query):
    answer = client.get(f"/api/tomograms/{tomogram.id}/figure/{name}.png", params=query)
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as opened:
        return np.asarray(opened.convert("RGB")).astype(int), opened.info, answer.headers


def extent(picture, colour, scale):
    found = np.argwhere((picture == colour).all(axis=-1))
    return (found.min(axis=0) / scale).round().tolist(), (
        (found.max(axis=0) + 1) / scale
    ).round().tolist()


def test_a_result_lies_where_it_was_scored_in_all_planes(client, tomogram, binned):
    look = {
        "width_px": 600,
        "caption": 0,
        "first": f"scores/{binned.id}",
        "opacity": 1,
        "white": 5000,
    }
    seen, _, headers = picture(client, tomogram, "z/5", **look)
    assert seen.shape == (400, 600, 3)
    assert 'filename="c_ll_1_XY_6.png"' in headers["content-disposition"]
    assert extent(seen, RESULT_RGB, 10) == ([10, 20], [22, 40])
    address = f"/api/tomograms/{tomogram.id}/figure/y/12.png"
    wait_until(lambda: client.get(address, params=look).status_code != 503)
    seen, _, _ = picture(client, tomogram, "y/12", **look)
    assert seen.shape == (240, 600, 3)
    assert extent(seen, RESULT_RGB, (20, 10)) == ([4, 20], [8, 40])
    seen, _, _ = picture(client, tomogram, "z/0", **look)
    assert not (seen == RESULT_RGB).all(axis=-1).any()


def test_objects_of_an_annotation_are_drawn_but_for_those_that_are_hidden(client, tomogram):
    score = np.full(SHAPE, -1, np.float32)
    score[3:9, 5:15, 5:15] = score[3:9, 20:30, 30:55] = 1
    result = add_score(tomogram, score)
    kept = add_annotation(tomogram, "cell", score=result.id, params=SourceParams())
    with kept.open() as opened:
        colours = {row.id: row.colour for row in opened.objects.values()}
    rgb = {n: tuple(int(name[i : i + 2], 16) for i in (1, 3, 5)) for n, name in colours.items()}
    look = {"width_px": 600, "caption": 0, "annotation": kept.id, "label_opacity": 1}
    seen, _, _ = picture(client, tomogram, "z/5", **look)
    assert extent(seen, rgb[1], 10) == ([20, 30], [30, 55])
    assert extent(seen, rgb[2], 10) == ([5, 5], [15, 15])
    for query in ({"hidden": "1"}, {"only": 2}):
        seen, _, _ = picture(client, tomogram, "z/5", **look, **query)
        assert not (seen == rgb[1]).all(axis=-1).any()
        assert (seen == rgb[2]).all(axis=-1).any()


def test_the_caption_says_what_is_shown(client, tomogram, binned):
    query = {
        "first": f"scores/{binned.id}",
        "threshold": 0.3,
        "low": 0.1,
        "black": 0,
        "white": 1000,
    }
    _, told, _ = picture(client, tomogram, "z/5", **query)
    for words in (
        "céll 1.tif. XY, slice 6 of 12 (z = 0.100 µm); voxel 10 × 10 × 20 nm (x, y, z).",
        "Grey values from 0 (black) to 1000 (white).",
        "score of the model test-model above 0.30, lighter above 0.10",
    ):
        assert words in told["Description"]
    assert "Darker: not scored." in told["Description"]
    part = {**query, "view": "10,20,30,50", "width_px": 300, "ratio": 3, "caption": 0}
    seen, _, _ = picture(client, tomogram, "z/5", **part)
    assert seen.shape == (600, 900, 3)


def test_a_picture_shows_a_comparison_with_its_numbers(client, tomogram, binned):
    shifted = np.full(SHAPE, -1, np.float32)
    shifted[4:8, 10:22, 30:50] = 1
    other = add_score(tomogram, shifted)
    query = {
        "first": f"scores/{binned.id}", "other": f"scores/{other.id}", "compare": "difference",
        "opacity": 1, "width_px": 600, "white": 5000,
    }  # fmt: skip
    seen, told, _ = picture(client, tomogram, "z/5", **query)
    assert extent(seen[:400], BOTH_RGB, 10) == ([10, 30], [22, 40])
    assert extent(seen[:400], ONLY_A_RGB, 10) == ([10, 20], [22, 30])
    assert "only A: 120; only B: 120; both: 120." in told["Description"]
    kept = add_annotation(tomogram, "cell", score=other.id, params=SourceParams())
    query |= {"first": f"annotations/{kept.id}/judged", "compare": "side", "width_px": 604}
    seen, told, _ = picture(client, tomogram, "z/5", **query)
    assert seen.shape[1] == 604
    assert "A, left: annotation “cell”. B, right: score" in told["Description"]


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("z/12.png", {}, 404),
        ("z/1.gif", {}, 404),
        ("w/1.png", {}, 404),
        ("z/1.png", {"ratio": 5}, 422),
        ("z/1.png", {"width_px": "nan"}, 422),
        ("z/1.png", {"black": 5, "white": 1}, 422),
        ("z/1.png", {"view": "1,2,3"}, 422),
        ("z/1.png", {"view": "50,0,60,9"}, 422),
        ("z/1.png", {"threshold": 0, "low": 0.5}, 422),
        ("z/1.png", {"first": "scores/" + "0" * 18}, 404),
        ("z/1.png", {"first": "elsewhere"}, 422),
        ("z/1.png", {"score": "elsewhere"}, 422),
    ],
)
def test_what_cannot_be_drawn_is_refused(client, tomogram, name, query, status):
    answer = client.get(f"/api/tomograms/{tomogram.id}/figure/{name}", params=query)
    assert answer.status_code == status
