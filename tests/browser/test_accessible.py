"""Contrast, names and roles on every page, in both themes (WCAG 2.1, levels A and AA)."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from deepsxt_core.workspace.annotations import add_annotation, annotations
from deepsxt_core.workspace.remarks import write_remarks
from tests.browser.conftest import PAGES, with_results

pytestmark = pytest.mark.browser

AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"
LIBRARY = "#library"
# What is Streamlit's own is in its hands; what is ours lies in these.
RUN = """() => axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
}).then((found) => found.violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}: ${node.html.slice(0, 200)} `
    + node.failureSummary.replaceAll("\\n", " "))))"""


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    tomogram = with_results(workspace_home, tmp_path, "cell.tif")
    (score,) = tomogram.results("scores")
    add_annotation(tomogram, "cell", score=score.id)
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
