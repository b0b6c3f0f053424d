"""Contrast, names and roles on every page, in both themes (WCAG 2.1, levels A and AA)."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation, annotations
from deepsxt_core.workspace.remarks import write_remarks
from tests.results import add_measurement, add_score, add_surface, ball

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"
PAGES = [
    "",
    "segment",
    "slices",
    "surface",
    "measure",
    "evaluate",
    "batch",
    "jobs",
    "train",
    "models",
]
LIBRARY = "#library"
SHAPE = (8, 48, 48)
# What is Streamlit's own is in its hands; what is ours lies in these.
RUN = """() => axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
}).then((found) => found.violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}: ${node.html.slice(0, 200)} `
    + node.failureSummary.replaceAll("\\n", " "))))"""


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    path = tmp_path / "cell.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    surface = add_surface(tomogram, add_score(tomogram, ball(SHAPE, 3)))
    add_measurement(tomogram, surface)
    add_annotation(tomogram, "cell", score=surface.made_from)
    return tomogram


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_meet_the_guidelines(page, server, tomogram, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: cd frontend && npm ci")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found = []
    (kept,) = annotations(tomogram)
    annotated = f"slices?annotation={kept.id}&"
    write_remarks(tomogram.folder, ["control"], "Look again")
    for name in [LIBRARY, *(f"{name}?" for name in PAGES), annotated]:
        page.goto(f"{server}/{name}" if name == LIBRARY else f"{server}/{name}t={tomogram.id}")
        expect(page.locator("[data-testid=stApp]")).to_have_attribute(
            "data-test-script-state", "notRunning"
        )
        expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
        if name == LIBRARY:
            expect(page.get_by_role("button", name="cell.tif")).to_be_visible()
        if name == annotated:
            expect(page.locator(".objects .row")).to_have_count(1)
            page.locator(".objects .row").click()
            expect(page.locator(".objects .size")).to_contain_text("voxels")
        page.wait_for_load_state("networkidle")
        page.evaluate(AXE.read_text())
        found += [f"{name}: {violation}" for violation in page.evaluate(RUN)]
    assert not found, "\n".join(found)
