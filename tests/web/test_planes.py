"""Planes in all three directions: what they hold, who may have them, how often they are made."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
import zarr
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.errors import WriteError
from deepsxt_core.geometry import Region
from deepsxt_core.io.coding import Coding
from deepsxt_core.io.pyramid import AXES
from deepsxt_core.volume import Score, VoxelSize
from deepsxt_core.web import planes, routes
from deepsxt_core.workspace import Workspace, display, making
from deepsxt_core.workspace.plane_sources import place_of
from deepsxt_core.workspace.truths import shown_truths
from tests.results import add_score, ball
from tests.waiting import wait_until

SHAPE = (40, 300, 276)
DIGITS = "9" * 5000


@pytest.fixture
def client():
    with TestClient(Starlette(routes=routes.routes())) as client:
        yield client


@pytest.fixture
def array():
    return np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)


@pytest.fixture
def tomogram(tmp_path, array):
    return tomogram_of(tmp_path / "cell.tif", array)


def tomogram_of(path, array):
    tifffile.imwrite(path, array, imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize(20, 10, 10))


@pytest.fixture
def gate(monkeypatch):
    """Hold the making of pyramids until it is set; `gate.orders` are those that have begun."""
    gate, build = threading.Event(), display.build
    gate.orders = []

    def wait(order):
        gate.orders.append(order)
        assert gate.wait(60)
        return build(order)

    monkeypatch.setattr(display, "build", wait)
    yield gate
    gate.set()
    wait_until(lambda: not display._under_way)


def at(tomogram, rest):
    return f"/api/tomograms/{tomogram.id}/{rest}"


def told(client, tomogram, below=""):
    return client.get(at(tomogram, f"{below}display")).json()


def ready(client, tomogram, below=""):
    wait_until(lambda: told(client, tomogram, below)["state"] != "making")
    found = told(client, tomogram, below)
    assert found["state"] == "ready", found["problem"]
    return found


def plane(client, tomogram, axis, index, *, level=0, below="", version=""):
    answer = client.get(
        at(tomogram, f"{below}planes/{axis}/{index}"), params={"level": level, "v": version}
    )
    assert answer.status_code == 200, answer.text
    rows, columns = map(int, answer.headers["x-shape"].split(","))
    dtype = np.dtype(answer.headers["x-dtype"]).newbyteorder("<")
    return np.frombuffer(answer.content, dtype).reshape(rows, columns)


@pytest.mark.parametrize("axis", AXES)
def test_planes_are_those_of_the_volume(client, tomogram, array, axis):
    ready(client, tomogram)
    place = AXES.index(axis)
    for index in (0, 17, SHAPE[place] - 1):
        expected = array.take(index, place)
        np.testing.assert_array_equal(plane(client, tomogram, axis, index), expected)


def test_values_that_are_no_codes_can_be_worked_out(client, tmp_path):
    array = np.random.default_rng(0).normal(0, 1, (8, 20, 30)).astype(np.float32)
    tomogram = tomogram_of(tmp_path / "float.tif", array)
    found = ready(client, tomogram)
    assert not found["coding"]["exact"]
    codes = plane(client, tomogram, "x", 7)
    values = codes * found["coding"]["scale"] + found["coding"]["offset"]
    np.testing.assert_allclose(values, array[:, :, 7], atol=found["coding"]["scale"])


def test_coarser_planes_are_means(client, tomogram, array):
    found = ready(client, tomogram)
    assert [level["shape"] for level in found["levels"]] == [[40, 300, 276], [20, 150, 138]]
    means = array.reshape(20, 2, 150, 2, 138, 2).mean(axis=(1, 3, 5))
    got = plane(client, tomogram, "y", 60, level=1)
    assert np.abs(got - means[:, 60]).max() <= 0.5


def test_until_it_is_prepared_slices_come_from_the_file(client, tomogram, array, gate):
    found = told(client, tomogram)
    assert (found["state"], found["progress"]) == ("making", 0)
    np.testing.assert_array_equal(plane(client, tomogram, "z", 3), array[3])
    assert plane(client, tomogram, "z", 3, level=1).shape == (150, 138)
    for axis in "yx":
        answer = client.get(at(tomogram, f"planes/{axis}/3"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert client.get(at(tomogram, "display.ome.zarr/zarr.json")).status_code == 503
    gate.set()
    ready(client, tomogram)
    np.testing.assert_array_equal(plane(client, tomogram, "y", 3), array[:, 3])


def test_many_who_ask_have_it_made_once(client, tomogram, gate):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: told(client, tomogram), range(24)))
    gate.set()
    ready(client, tomogram)
    assert len(gate.orders) == 1


def test_only_what_cannot_change_is_kept_by_browsers(client, tomogram, gate):
    version = told(client, tomogram)["version"]

    def kept(rest):
        return "immutable" in client.get(at(tomogram, rest)).headers["cache-control"]

    assert kept(f"planes/z/3?v={version}")
    assert not kept("planes/z/3?v=other")
    assert not kept("planes/z/3")
    assert not kept(f"planes/z/3?v={version}&level=1")
    gate.set()
    ready(client, tomogram)
    assert kept(f"planes/z/3?v={version}&level=1")


def test_a_changed_file_has_another_pyramid_and_the_old_one_goes(client, tomogram, array):
    before = ready(client, tomogram)["version"]
    tifffile.imwrite(tomogram.source, array[:, ::-1], imagej=True, metadata={"axes": "ZYX"})
    assert ready(client, tomogram)["version"] != before
    np.testing.assert_array_equal(plane(client, tomogram, "y", 0), array[:, -1])
    wait_until(lambda: len(list((tomogram.folder / "display").glob("*.zarr"))) == 1)


def test_a_score_lies_where_it_was_scored(client, tomogram):
    score = ball((12, *SHAPE[1:]), 6)
    result = add_score(tomogram, score, first_slice=9)
    below = f"scores/{result.id}/"
    found = ready(client, tomogram, below)
    assert found["place"] == {"first": [9, 0, 0], "bin": 1}
    assert found["coding"]["dtype"] == "uint8"
    codes = Score.encode(score)
    for axis in AXES:
        place = AXES.index(axis)
        got = plane(client, tomogram, axis, 5, below=below)
        np.testing.assert_array_equal(got, codes.take(5, place))


def test_a_truth_beside_the_tomogram_has_planes_as_a_score_has(client, tomogram):
    labels = (ball(SHAPE, 15) > 0).astype(np.uint8) * 3
    path = tomogram.source.with_name("cell.truth.tif")
    tifffile.imwrite(path, labels, photometric="minisblack")
    assert shown_truths(tomogram) == {path: None}
    below = planes.truth_address(tomogram, path).split(tomogram.id + "/")[1][: -len("display")]
    found = ready(client, tomogram, below)
    assert found["place"] == {"first": [0, 0, 0], "bin": 1}
    for axis in AXES:
        place = AXES.index(axis)
        middle = SHAPE[place] // 2
        got = plane(client, tomogram, axis, middle, below=below)
        np.testing.assert_array_equal(got, 255 * (labels.take(middle, place) > 0))

    tifffile.imwrite(path, np.roll(labels, 1, axis=0), photometric="minisblack")
    assert ready(client, tomogram, below)["version"] != found["version"]


def test_a_truth_of_another_size_lies_not_over_the_tomogram(client, tomogram):
    path = tomogram.source.with_name("cell.truth.tif")
    tifffile.imwrite(path, (ball((4, 30, 30), 5) > 0).astype(np.uint8), photometric="minisblack")
    assert shown_truths(tomogram) == {}
    answer = client.get(f"/{planes.truth_address(tomogram, path)}")
    assert answer.status_code == 422
    assert "cannot be shown over" in answer.text


@pytest.mark.parametrize("scored", [(0, None), (3, 9)])
@pytest.mark.parametrize(("crop", "binning"), [("4:24,20:60,10:90", 1), (None, 2), (None, 4)])
def test_a_truth_cut_or_binned_as_a_result_lies_where_that_one_does(
    client, tomogram, scored, crop, binning
):
    region = Region.parse(crop, binning)
    shape = region.shape_of(SHAPE)
    first, end = scored[0], scored[1] or shape[0]
    score = ball((end - first, *shape[1:]), 5)
    other, result = add_score(tomogram, ball(SHAPE, 6)), add_score(tomogram, score, first, region)
    path = tomogram.source.with_name("cell.truth.tif")
    tifffile.imwrite(path, (score > 0).astype(np.uint8), photometric="minisblack")
    assert shown_truths(tomogram, [other.id, result.id]) == {path: result.id}
    address = planes.truth_address(tomogram, path, result.id)
    found = ready(client, tomogram, address.split(tomogram.id + "/")[1][: -len("display")])
    z, y, x = (start for start, _ in region.within(SHAPE))
    assert found["place"] == {"first": [z + binning * first, y, x], "bin": binning}
    assert found["shape"] == list(score.shape)


def test_what_a_truth_does_not_judge_has_a_code_of_its_own(client, tomogram):
    labels = np.zeros(SHAPE, np.int8)
    labels[:, :90], labels[:, 90:120], labels[:, 200:] = 1, 2, -1
    path = tomogram.source.with_name("cell.truth.tif")
    tifffile.imwrite(path, labels, photometric="minisblack")
    for ignored, second in ((None, 255), (2, 1)):
        address = planes.truth_address(tomogram, path, ignore_label=ignored)
        below = address.split(tomogram.id + "/")[1][: -len("display")]
        assert ready(client, tomogram, below)["unjudged"] == 1
        wanted = np.select([labels == 1, labels == 2, labels == -1], [255, second, 1])
        np.testing.assert_array_equal(plane(client, tomogram, "z", 7, below=below), wanted[7])
        # A coarser level has no code that stands for anything else.
        coarse = plane(client, tomogram, "y", 20, level=1, below=below)
        np.testing.assert_array_equal(coarse, wanted[::2, 40, ::2])


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("4:,8:50,10:60", {"first": [4, 8, 10], "bin": 1}),
        ("3:39,8:50,10:60", {"first": [3, 8, 10], "bin": 2}),
        ("1:,2:,3:", {"first": [1, 2, 3], "bin": 4}),
    ],
)
def test_the_place_of_a_part_is_told_in_voxels_of_the_tomogram(tomogram, region, place):
    part = Region.parse(region, place["bin"])
    assert place_of(tomogram.volume(part), part) == place


def test_the_value_of_a_voxel_is_that_of_the_file(client, tmp_path):
    array = np.random.default_rng(0).normal(0, 1, (3, 4, 5)).astype(np.float32)
    array[1, 2, 3] = np.nan
    tomogram = tomogram_of(tmp_path / "float.tif", array)
    for z, y, x in ((2, 3, 4), (0, 1, 2)):
        answer = client.get(at(tomogram, f"value?z={z}&y={y}&x={x}"))
        assert answer.json() == {"value": array[z, y, x].item()}
    assert client.get(at(tomogram, "value?z=1&y=2&x=3")).json() == {"value": None}


@pytest.mark.parametrize(
    "rest",
    [
        f"planes/z/{DIGITS}",
        f"planes/z/{SHAPE[0]}",
        f"planes/x/{SHAPE[2]}",
        "planes/z/-1",
        "planes/z/1.5",
        "planes/z/٣",
        "planes/w/0",
        "planes/zy/0",
        f"planes/z/0?level={DIGITS}",
        "planes/z/0?level=2",
        "planes/z/0?level=-1",
        "planes/z/20?level=1",
        f"value?z={DIGITS}&y=0&x=0",
        f"value?z={SHAPE[0]}&y=0&x=0",
        "value?z=0&y=0",
        "value?z=0&y=0&x=nan",
        f"scores/{DIGITS}/display",
        f"scores/{'0' * 20}/planes/z/0",
        "scores/%2e%2e/planes/z/0",
        f"truths/{'0' * 16}/planes/z/0",
        "truths/%2e%2e/display",
        "display.ome.zarr/",
        "display.ome.zarr/0",
        "display.ome.zarr/0/c/9/9/9",
        f"display.ome.zarr/0/c/0/0/{DIGITS}",
        "display.ome.zarr/../tomogram.json",
        "display.ome.zarr/%2e%2e/%2e%2e/tomogram.json",
        "display.ome.zarr/0/c/../../../../tomogram.json",
        "display.ome.zarr//etc/passwd",
        "display.ome.zarr/zarr.json%00",
    ],
)
def test_what_there_is_not_is_refused(client, tomogram, rest):
    ready(client, tomogram)
    assert client.get(at(tomogram, rest)).status_code in (404, 422)


@pytest.mark.parametrize("rest", ["display", "planes/z/0", "value?z=0&y=0&x=0"])
def test_a_removed_file_is_explained(client, tomogram, rest):
    tomogram.source.unlink()
    answer = client.get(at(tomogram, rest))
    assert answer.status_code == 422
    assert tomogram.name in answer.text


def test_other_programs_open_the_pyramid(client, tomogram, array, tmp_path):
    """With the voxel size of today, file by file as they ask for them."""
    ready(client, tomogram)
    tomogram.update(voxel_size_nm=VoxelSize(8, 7, 6))
    folder = display.grey_display(tomogram).path
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    for name in names:
        answer = client.get(at(tomogram, f"display.ome.zarr/{name}"))
        assert answer.status_code == 200, name
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(answer.content)
    group = zarr.open_group(tmp_path / "copy", mode="r")
    np.testing.assert_array_equal(group["0"][:], array)
    (image,) = group.attrs["ome"]["multiscales"]
    assert image["datasets"][1]["coordinateTransformations"][0]["scale"] == [16, 14, 12]


def test_what_cannot_be_made_is_told_and_tried_again_later(client, tomogram, monkeypatch):
    def fail(order):  # noqa: ARG001
        raise WriteError("The disk is full. Make room and try again.")

    with monkeypatch.context() as patched:
        patched.setattr(display, "build", fail)
        wait_until(lambda: told(client, tomogram)["state"] == "failed")
        assert "disk is full" in told(client, tomogram)["problem"]
        answer = client.get(at(tomogram, "planes/y/0"))
        assert (answer.status_code, "disk is full" in answer.text) == (404, True)
        assert client.get(at(tomogram, "planes/z/0")).status_code == 200
    monkeypatch.setattr(display, "RETRY_AFTER_S", 0)
    ready(client, tomogram)


def test_a_killed_maker_leaves_nothing_behind(client, tomogram):
    folder = tomogram.folder / "display"
    leftover = folder / ".abc.partial" / "0"
    leftover.mkdir(parents=True)
    ready(client, tomogram)
    assert not leftover.parent.exists()


@pytest.mark.making
def test_a_process_makes_it_and_tells_how_far_it_is(client, tomogram, array):
    assert not making.in_process
    ready(client, tomogram)
    np.testing.assert_array_equal(plane(client, tomogram, "x", 5), array[:, :, 5])
    wait_until(lambda: not list((tomogram.folder / "display").glob("*.json")))


@pytest.mark.usefixtures("gate")
def test_progress_is_told_while_it_is_made(client, tomogram):
    told(client, tomogram)
    path = display.grey_display(tomogram).path
    path.parent.mkdir(exist_ok=True)
    display._progress_file(path).write_text(json.dumps({"progress": 0.25}))
    assert told(client, tomogram)["progress"] == 0.25


def test_codings_that_keep_every_value_are_told(client, tomogram):
    found = told(client, tomogram)
    assert found["coding"]["exact"]
    assert Coding(**{k: v for k, v in found["coding"].items() if k != "exact"}).offset == 0
    assert found["range"][0] < found["range"][1]
    assert len(found["histogram"]) > 10
