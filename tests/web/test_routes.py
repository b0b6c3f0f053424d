import csv
import io
import json
import zipfile

import mrcfile
import numpy as np
import pytest
import tifffile
import trimesh
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.errors import DrawingError
from deepsxt_core.files import write_json
from deepsxt_core.geometry import Region
from deepsxt_core.jobs import BundleRequest
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import Surfaces
from deepsxt_core.surface.view import thinned
from deepsxt_core.volume import Score, VoxelSize
from deepsxt_core.web import routes
from deepsxt_core.web.pictures import grey_codes
from deepsxt_core.workflow.producing import Place, produce
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball

SHAPE = (12, 20, 16)


@pytest.fixture
def client(tmp_path):
    front_end = tmp_path / "front_end"
    for name in ("viewer/viewer.js", "tests/viewer.test.js", "package.json"):
        (front_end / name).parent.mkdir(parents=True, exist_ok=True)
        (front_end / name).write_text("export default 1;")
    with TestClient(Starlette(routes=routes.routes(front_end))) as client:
        yield client


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(1000, 50, SHAPE).astype(np.uint16)


@pytest.fixture
def tiff(array):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, imagej=True, metadata={"axes": "ZYX"})
    return buffer.getvalue()


@pytest.fixture
def tomogram(tmp_path, tiff):
    path = tmp_path / "cell 1.tif"
    path.write_bytes(tiff)
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize(20, 10, 10))


def at(tomogram, rest):
    return f"/api/tomograms/{tomogram.id}/{rest}"


def test_a_coarse_surface_follows_the_threshold(client, tomogram):
    score = add_score(tomogram, ball((6, *SHAPE[1:]), 2.5), first_slice=4)
    address = routes.download_address(tomogram, "scores", score.id, routes.COARSE_FILE)

    def look(threshold):
        answer = client.get(f"/{address}?threshold={threshold}")
        length = int.from_bytes(answer.content[:4], "little")
        return json.loads(answer.content[4 : 4 + length])["objects"]["bounds"][0]

    x0, x1, _, _, z0, z1 = look("0.00")
    # In µm, at the place of the scored slices.
    assert (x0 + x1) / 2 == pytest.approx(7.5 * 0.01) and (z0 + z1) / 2 == pytest.approx(6.5 * 0.02)
    assert look("0.40")[0] > x0
    empty = client.get(f"/{address}?threshold=0.98")
    assert (empty.status_code, "Lower the threshold" in empty.text) == (404, True)
    assert client.get(f"/{address}?threshold=7").status_code == 422


class TestSlices:
    def test_a_slice_is_grey_over_the_range_that_is_told(self, client, tomogram, array):
        source = routes.slice_source(tomogram)
        answer = client.get(source.address.format(z=3))
        expected = grey_codes(array[3], source.survey.low, source.survey.high)
        assert answer.content == expected.tobytes()
        assert "immutable" in answer.headers["cache-control"]

    def test_a_part_has_slices_of_its_own(self, client, tomogram, array):
        region = Region.parse("2:8,4:,1:9", 2)
        source = routes.slice_source(tomogram, region)
        answer = client.get(f"/{source.address.format(z=1)}")
        means = array[4:6, 4:, 1:9].reshape(2, 8, 2, 4, 2).mean(axis=(0, 2, 4))
        codes = grey_codes(means, source.survey.low, source.survey.high)
        np.testing.assert_array_equal(np.frombuffer(answer.content, np.uint8), codes.ravel())
        assert client.get(f"/{source.address.format(z=3)}").status_code == 404

    @pytest.mark.parametrize("query", ["crop=0:99,:,:", "crop=x", "bin=3", "bin=x"])
    def test_a_part_that_is_none_is_refused(self, client, tomogram, query):
        assert client.get(at(tomogram, f"slices/0?{query}")).status_code == 422

    def test_a_changed_file_has_another_address(self, client, tomogram, array):
        before = routes.slice_source(tomogram).address
        tifffile.imwrite(tomogram.source, array + 1, imagej=True, metadata={"axes": "ZYX"})
        assert routes.slice_source(tomogram).address != before
        old = client.get(before.format(z=0))
        assert "immutable" not in old.headers["cache-control"]

    @pytest.mark.parametrize("z", [SHAPE[0], 10**9])
    def test_a_slice_beyond_the_last_is_not_found(self, client, tomogram, z):
        assert client.get(at(tomogram, f"slices/{z}")).status_code == 404

    def test_a_removed_file_is_explained(self, client, tomogram):
        tomogram.source.unlink()
        answer = client.get(at(tomogram, "slices/0"))
        assert answer.status_code == 422
        assert tomogram.name in answer.text

    @pytest.mark.parametrize("unknown", ["0123456789abcdef01", "..", "%2e%2e%2f"])
    def test_an_unknown_tomogram_is_not_found(self, client, unknown):
        assert client.get(f"/api/tomograms/{unknown}/slices/0").status_code == 404


class TestScores:
    def test_score_and_mask_come_as_tiff_and_mrc(self, client, tomogram, tmp_path):
        score = ball(SHAPE, 6)
        result = add_score(tomogram, score)
        wanted = {"score": Score.encode(score), "mask": score > 0.5}
        for name, expected in wanted.items():
            for suffix in ("tif", "mrc"):
                answer = client.get(
                    at(tomogram, f"scores/{result.id}/{name}.{suffix}"), params={"threshold": 0.5}
                )
                file = tmp_path / f"got.{suffix}"
                file.write_bytes(answer.content)
                got = tifffile.imread(file) if suffix == "tif" else mrcfile.read(file)
                assert np.array_equal(got, expected)
                assert "attachment" in answer.headers["content-disposition"]
                assert "cell%201_" in answer.headers["content-disposition"]

    def test_a_corrected_voxel_size_reaches_the_next_download(self, client, tomogram, tmp_path):
        result = add_score(tomogram, ball(SHAPE, 6))
        address = at(tomogram, f"scores/{result.id}/score.mrc")
        client.get(address)
        tomogram.update(voxel_size_nm=VoxelSize(8, 8, 8))
        (tmp_path / "got.mrc").write_bytes(client.get(address).content)
        with mrcfile.open(tmp_path / "got.mrc") as mrc:
            assert mrc.voxel_size.x == pytest.approx(80)

    @pytest.mark.parametrize(
        ("name", "threshold"),
        [("mask.tif", "x"), ("mask.tif", "nan"), ("mask.tif", "1"), ("a", "0")],
    )
    def test_what_cannot_be_had_is_explained(self, client, tomogram, name, threshold):
        result = add_score(tomogram, ball(SHAPE, 6))
        answer = client.get(
            at(tomogram, f"scores/{result.id}/{name}"), params={"threshold": threshold}
        )
        assert answer.status_code == 422
        assert answer.text


class TestSurfaces:
    @pytest.fixture
    def surface(self, tomogram):
        return add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))

    def test_every_mesh_is_closed_and_of_the_right_size(self, client, tomogram, surface):
        for name in ("stl", "obj", "ply", "glb"):
            answer = client.get(at(tomogram, f"surfaces/{surface.id}/surface.{name}"))
            mesh = trimesh.load(io.BytesIO(answer.content), file_type=name, force="mesh")
            mesh.merge_vertices(merge_tex=True, merge_norm=True)
            assert mesh.is_watertight
            volume_um3 = 4 / 3 * np.pi * 5**3 * 0.02 * 0.01 * 0.01
            assert abs(mesh.volume) == pytest.approx(volume_um3, rel=0.1)
        assert client.get(at(tomogram, f"surfaces/{surface.id}/surface.vtp")).status_code == 200

    def test_the_table_has_a_line_per_object_and_units_in_its_head(self, client, tomogram, surface):
        text = client.get(at(tomogram, f"surfaces/{surface.id}/objects.csv")).text
        (row,) = csv.DictReader(io.StringIO(text))
        assert float(row["volume_um3"]) == pytest.approx(4 / 3 * np.pi * 125 * 2e-6, rel=0.1)
        assert float(row["centroid_x_um"]) == pytest.approx(7.5 * 0.01, rel=0.02)

    @pytest.mark.parametrize(
        ("unit", "size_nm"),
        [("nm", (20, 10, 10)), ("voxel", (1, 1, 1)), ("um", (0.02, 0.01, 0.01))],
    )
    def test_a_mesh_can_be_had_in_another_unit(self, client, tomogram, surface, unit, size_nm):
        address = at(tomogram, f"surfaces/{surface.id}/surface.ply?unit={unit}&objects=1")
        mesh = trimesh.load(io.BytesIO(client.get(address).content), file_type="ply")
        assert mesh.volume == pytest.approx(4 / 3 * np.pi * 5**3 * np.prod(size_nm), rel=0.1)

    @pytest.mark.parametrize("query", ["objects=2", "objects=a", "unit=inch"])
    def test_what_there_is_not_is_refused(self, client, tomogram, surface, query):
        answer = client.get(at(tomogram, f"surfaces/{surface.id}/surface.ply?{query}"))
        assert answer.status_code in (404, 422)

    @pytest.mark.parametrize(
        "name", ["run.json", "..%2frun.json", "scene-dark.html", "surface.exe"]
    )
    def test_no_other_file_is_handed_out(self, client, tomogram, surface, name):
        assert client.get(at(tomogram, f"surfaces/{surface.id}/{name}")).status_code in (404, 422)

    def test_objects_can_be_had_per_voxel(self, client, tomogram, surface, tmp_path):
        for suffix, read in (("tif", tifffile.imread), ("mrc", mrcfile.read)):
            answer = client.get(at(tomogram, f"surfaces/{surface.id}/instances.{suffix}"))
            (tmp_path / f"got.{suffix}").write_bytes(answer.content)
            labels = read(tmp_path / f"got.{suffix}")
            assert labels.shape == SHAPE
            assert labels[SHAPE[0] // 2, SHAPE[1] // 2, SHAPE[2] // 2] == labels.max() == 1

    def test_a_finished_bundle_is_handed_out(self, client, tomogram, surface):
        task, request = TASKS["bundle"], BundleRequest(surface=surface.id)
        identity = task.identity(tomogram, request)
        place = Place.of_result(tomogram, "bundles", identity, "test")
        folder = produce(place, "test", lambda out: task.run(tomogram, request, out, NoProgress()))
        answer = client.get(at(tomogram, f"bundles/{folder.name}/bundle.zip"))
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {"README.txt", "instances.mrc", "segment.run.json"} <= set(archive.namelist())
        assert client.get(at(tomogram, f"bundles/{'0' * 20}/bundle.zip")).status_code == 404

    def test_a_finished_report_is_a_download(self, client, tomogram, surface):
        identity = {"step": "report", "surface": surface.id}
        place = Place.of_result(tomogram, "reports", identity, "test")

        def write(folder):
            (folder / "report.html").write_text("<html></html>")
            write_json(folder / "run.json", {"bytes": 13})

        folder = produce(place, "test", write)
        answer = client.get(at(tomogram, f"reports/{folder.name}/report.html"))
        assert answer.text == "<html></html>"
        # Shown in the app's own place, a page could act as the app.
        assert answer.headers["content-disposition"].startswith("attachment")
        assert client.get(at(tomogram, f"reports/{'0' * 20}/report.html")).status_code == 404

    def test_the_view_is_kept_while_its_version_holds(self, client, tomogram, surface):
        for address in routes.view_addresses(tomogram, surface):
            answer = client.get(f"/{address}")
            length = int(np.frombuffer(answer.content, "<u4", 1)[0])
            head = json.loads(answer.content[4 : 4 + length])
            assert len(answer.content) == 4 + length + 12 * (head["points"] + head["faces"])
            assert "immutable" in answer.headers["cache-control"]
            assert client.get(f"/{address}0").headers["cache-control"] == "private, no-cache"

    def test_a_view_of_another_surface_than_before_is_made_anew(self, client, tomogram, surface):
        def faces():
            address = routes.view_addresses(tomogram, surface)[1]
            content = client.get(f"/{address}").content
            return json.loads(content[4 : 4 + int(np.frombuffer(content, "<u4", 1)[0])])["faces"]

        before = faces()
        surfaces = Surfaces.load(surface.folder)
        thinned(surfaces, before // 2).save(surface.folder)
        assert faces() < before

    def test_a_picture_is_drawn_when_it_is_asked_for(self, client, tomogram, surface):
        answer = client.get(at(tomogram, f"surfaces/{surface.id}/picture-dark.png"))
        assert answer.headers["content-type"] == "image/png"
        assert answer.content.startswith(b"\x89PNG")

    def test_what_cannot_be_drawn_is_explained(self, client, tomogram, surface, monkeypatch):
        def fail(*_, **__):
            raise DrawingError("No picture of the surface: a test.")

        monkeypatch.setattr("deepsxt_core.workspace.downloads.write_picture", fail)
        answer = client.get(at(tomogram, f"surfaces/{surface.id}/picture-light.png"))
        assert (answer.status_code, answer.text) == (404, "No picture of the surface: a test.")


def test_the_front_end_is_served_and_always_asked_for_again(client):
    answer = client.get("/ui/viewer/viewer.js")
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-cache"
    assert client.get("/ui/package.json").status_code == 404
    assert client.get("/ui/tests/viewer.test.js").status_code == 404


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "rest",
    [
        f"slices/{DIGITS}",
        f"slices/0?bin={DIGITS}",
        f"slices/0?crop={DIGITS}:,:,:",
        "slices/0?crop=٣:,:,:",
        f"scores/RESULT/slices/{DIGITS}",
        f"scores/RESULT/mask.tif?threshold={DIGITS}",
        f"surfaces/RESULT/surface.ply?objects={DIGITS}",
        "surfaces/RESULT/surface.ply?objects=-1",
        f"surfaces/{DIGITS}/surface.ply",
        f"surfaces/RESULT/view-full.bin/{DIGITS}",
    ],
)
def test_numbers_that_are_none_are_refused(client, tomogram, rest):
    score = add_score(tomogram, ball(SHAPE, 6))
    surface = add_surface(tomogram, score)
    result = surface.id if rest.startswith("surfaces") else score.id
    assert 400 <= client.get(at(tomogram, rest.replace("RESULT", result))).status_code < 500
