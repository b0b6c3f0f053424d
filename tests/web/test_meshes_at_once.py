"""Meshes that are thinned at the same time: each is what it is alone."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.surface import Surfaces
from deepsxt_core.surface.polydata import build_mesh
from deepsxt_core.surface.view import COARSE_FACES, COARSE_NAME, write_views
from deepsxt_core.web import routes
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball

pytestmark = [pytest.mark.slow, pytest.mark.making]

MESHES = 6
SHAPE = (132, 132, 132)


@pytest.fixture
def surfaces(tmp_path):
    """A tomogram, and the folders of as many surfaces, each of a size and in a place of its own."""
    path = tmp_path / "cell.tif"
    tifffile.imwrite(path, np.zeros(SHAPE, np.uint8), imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace().add_file(path)
    first = add_surface(tomogram, add_score(tomogram, ball(SHAPE, 64)))
    whole = Surfaces.load(first.folder)
    assert whole.mesh.n_cells > COARSE_FACES
    folders = []
    for n in range(MESHES):
        points = np.asarray(whole.mesh.points) * (1 + n / MESHES) + 1000 * n
        mesh = build_mesh(points, whole.triangles, whole.point_objects)
        folder = first.folder.with_name(f"{n:020x}")
        Surfaces(mesh, whole.objects, whole.unit).save(folder)
        (folder / "run.json").write_text(json.dumps(first.run))
        folders.append(folder)
    return tomogram, folders


def test_two_at_once_are_all_right(surfaces, tmp_path):
    tomogram, folders = surfaces
    with TestClient(Starlette(routes=routes.routes())) as client:

        def fetched(folder):
            answer = client.get(
                f"/api/tomograms/{tomogram.id}/surfaces/{folder.name}/{COARSE_NAME}"
            )
            assert answer.status_code == 200, answer.text
            return answer.content

        with ThreadPoolExecutor(2) as threads:
            got = list(threads.map(fetched, folders))
    right = 0
    for folder, content in zip(folders, got, strict=True):
        write_views(Surfaces.load(folder), tmp_path)
        right += content == (tmp_path / COARSE_NAME).read_bytes()
    assert right == MESHES
