"""Files that are no tomograms, brought through the browser: a model, labelled slices."""

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect

from deepsxt_core.network import export_model
from tests.waiting import wait_until

pytestmark = pytest.mark.browser


def test_a_model_is_streamed_and_imported(page, server, workspace_home, tmp_path):
    path = export_model("deepsxt-compact", tmp_path / "mine.zip")
    page.goto(f"{server}/models")
    zone = page.locator(".upload input[type=file]")
    expect(zone).to_be_attached()
    zone.set_input_files(path)
    expect(page.get_by_text("mine.zip, ")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("mine", exact=True)).to_be_visible(timeout=240_000)
    assert (workspace_home / "models" / "mine" / "model.weights.h5").is_file()
    assert not list((workspace_home / "uploads").iterdir())


def test_several_files_become_a_data_set(page, server, workspace_home, tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    names = ["a.tif", "a.labels.tif", "b.tif"]
    for name in names:
        tifffile.imwrite(tmp_path / name, image)
    uploads = workspace_home / "uploads"
    before = set(uploads.glob("*"))  # of other tests with the same server
    page.goto(f"{server}/train")
    zone = page.locator(".upload input[type=file][multiple]")
    expect(zone).to_be_attached()
    zone.set_input_files([tmp_path / name for name in names])
    expect(page.get_by_role("button", name="Keep 3 files")).to_be_visible()
    page.get_by_label("Name of the data set").fill("my cells")
    page.get_by_label("Name of the data set").press("Enter")
    page.get_by_role("button", name="Keep 3 files").click()
    kept = workspace_home / "datasets" / "my cells"
    wait_until(lambda: {path.name for path in kept.glob("*")} == set(names), 60)
    wait_until(lambda: set(uploads.glob("*")) <= before, 60)
