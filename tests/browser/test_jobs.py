"""A job in a real browser: it goes on whatever happens to page, tab and app."""

import sys

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect

from deepsxt_core.jobs import read_job, runner, submit
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.workspace import Workspace
from tests.jobs import stand_in_worker

from .conftest import running_app, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def job(workspace_home, tmp_path, monkeypatch):
    """A job that has done one slice of three and goes on once the gate exists."""
    monkeypatch.setitem(TASKS, "segment", stand_in_worker.STAND_IN_TASK)
    monkeypatch.setitem(REQUESTS, "segment", stand_in_worker.StandInRequest)
    monkeypatch.setattr(runner, "WORKER", (sys.executable, stand_in_worker.__file__))
    path = tmp_path / "cell.tif"
    noise = np.random.default_rng(0).integers(0, 255, (3, 8, 8), np.uint8)
    tifffile.imwrite(path, noise, imagej=True, metadata={"axes": "ZYX"})
    workspace = Workspace(workspace_home)
    request = stand_in_worker.StandInRequest(mode="gate", gate=str(tmp_path / "gate"))
    tomogram = workspace.add_file(path)
    job = submit(workspace, request, tomogram=tomogram.id)
    wait_until(lambda: read_job(workspace, job.id).status.done == 1)
    yield job
    process = read_job(workspace, job.id).status.process()
    if process is not None:
        process.kill()


def test_reload_second_tab_and_restart_change_nothing(browser, job, workspace_home, tmp_path):
    context = browser.new_context()
    context.set_default_timeout(60_000)
    page = context.new_page()
    with running_app(workspace_home, tmp_path / "first.log") as address:
        page.goto(f"{address}/jobs")
        expect(page.get_by_text("1 of 3 slices")).to_be_visible()
        expect(page.get_by_text("At work")).to_be_visible()
        page.reload()
        expect(page.get_by_text("1 of 3 slices")).to_be_visible()
        other = browser.new_context().new_page()
        other.goto(f"{address}/jobs")
        expect(other.get_by_text("1 of 3 slices")).to_be_visible(timeout=60_000)
        other.context.close()
    # The app was killed; the job does not care.
    assert read_job(Workspace(workspace_home), job.id).state == "running"
    with running_app(workspace_home, tmp_path / "second.log") as address:
        page.goto(f"{address}/jobs")
        expect(page.get_by_text("1 of 3 slices")).to_be_visible()
        (tmp_path / "gate").touch()
        expect(page.get_by_role("button", name="Open result")).to_be_visible()
        expect(page.get_by_text("At work")).to_be_hidden()
    context.close()
