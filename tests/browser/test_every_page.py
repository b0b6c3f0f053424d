"""Every page, once: what it asks for, and contrast, names and roles (WCAG 2.1, A and AA)."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect

from deepsxt_core.network import models
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.remarks import write_remarks
from tests.browser.test_strangers import FOREIGN, HOSTILE, settled
from tests.results import add_measurement, add_score, add_surface, ball

pytestmark = pytest.mark.browser

LIBRARY = "#library"
PAGES = [
    "?",
    "segment?",
    "slices?",
    "surface?",
    "measure?",
    "export?",
    "evaluate?",
    "batch?",
    "jobs?",
    "train?",
    "models?",
    "system?",
    "help?doc=phantom&",
]
"""What stands in the address of each page."""
SHAPE = (8, 48, 48)

AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"
RUN = """(rules) => axe.run(document, rules).then((found) => found.violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}: ${node.html.slice(0, 200)} `
    + node.failureSummary.replaceAll("\\n", " "))))"""
ALL_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    """Results of every kind, under names that would load what they name."""
    path = tmp_path / "cell.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path, name=HOSTILE)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    score = add_score(tomogram, ball(SHAPE, 3))
    add_measurement(tomogram, add_surface(tomogram, score))
    write_remarks(tomogram.folder, ["control"], "Look again")
    return tomogram


@pytest.fixture
def annotation(tomogram):
    (score,) = tomogram.results("scores")
    return add_annotation(tomogram, "cell", score=score.id)


@pytest.fixture
def hostile_card(workspace_home):
    """A model whose card would load pictures and lead elsewhere."""
    known = models.find_model("deepsxt-compact")
    folder = workspace_home / "models" / "hostile"
    folder.mkdir(parents=True)
    for file in known.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / models.CARD_NAME).write_text(f"# {HOSTILE}\n\n{HOSTILE}\n\n| {HOSTILE} | |\n|-|-|\n")
    yield
    shutil.rmtree(folder)


@pytest.mark.usefixtures("hostile_card")
def test_every_page(page, server, tomogram, annotation, violations):
    """The tab's own check is that all requests go to localhost."""
    page.emulate_media(reduced_motion="reduce")
    found = []
    annotated = f"slices?annotation={annotation.id}&"
    for name in [LIBRARY, *PAGES, annotated]:
        page.emulate_media(color_scheme="light")
        page.goto(f"{server}/{name}" if name == LIBRARY else f"{server}/{name}t={tomogram.id}")
        settled(page)
        if name == annotated:
            expect(page.locator(".objects .row")).to_have_count(1)
            page.locator(".objects .row").click()
            expect(page.locator(".objects .size")).to_contain_text("voxels")
        page.wait_for_load_state("networkidle")
        found += [f"{name} {each}" for each in faults(page)]

        for expander in page.get_by_test_id("stExpander").all():
            expander.locator("summary").click()
        settled(page)
        assert not page.locator(FOREIGN).count(), name
        assert not violations, name
    assert not found, "\n".join(found)
    if not AXE.is_file():
        pytest.skip("all but contrast, names and roles: axe-core is missing, cd frontend && npm ci")


def test_help_leads_from_a_page_to_its_document_and_on(page, server):
    page.goto(f"{server}/measure")
    page.get_by_role("link", name="Help: How sure a measurement is").click()
    expect(page.get_by_role("heading", name="Does it hold?")).to_be_attached()
    page.locator("article").get_by_role("link", name="organelles").first.click()
    expect(page.get_by_role("heading", name="How sure a volume is")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("doc=organelles&section=how-sure-a-volume-is"))
    page.go_back()
    expect(page.get_by_role("heading", name="How sure a measurement is")).to_be_visible()
    page.get_by_label("Search the documentation").fill("missing wedge")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="The missing wedge").last.click()
    expect(page.locator("article h1")).to_have_text("The missing wedge")


def faults(page) -> list[str]:
    """Return what axe, if it is there, finds in the light and in the dark theme."""
    if not AXE.is_file():
        return []
    page.evaluate(AXE.read_text())
    found = [f"in light: {each}" for each in page.evaluate(RUN, ALL_RULES)]
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    return found + [f"in the dark: {each}" for each in page.evaluate(RUN, CONTRAST)]
