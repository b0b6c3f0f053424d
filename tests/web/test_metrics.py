"""Figures of the server: for who bears the token, and without a name of anybody or anything."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from deepsxt_core import settings
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.jobs import SegmentRequest, Status
from deepsxt_core.jobs.store import create_job
from deepsxt_core.web import metrics, routes
from deepsxt_core.web.guard import Guard
from deepsxt_core.workspace import Workspace

TOKEN = "0123456789abcdef"


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "secret cell.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 8), np.uint8), imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path)


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setenv("DEEPSXT_METRICS_TOKEN", TOKEN)
    metrics._answered.clear()
    found = [*metrics.routes(lambda: [Workspace()]), *routes.routes()]
    both = [Middleware(metrics.Counted), Middleware(Guard)]
    with TestClient(Starlette(routes=found, middleware=both), "http://localhost:8501") as client:
        yield client


def figures(client):
    """Return what is told, by name with labels; each is described in the lines above."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    described = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert {name.split("{")[0] for name in told} <= described
    return {name: float(value) for name, value in told.items()}


def test_jobs_requests_memory_and_disk_are_counted(client, tomogram):
    began = datetime.now(UTC)
    ended = Status(state="done", started=began, updated=began + timedelta(seconds=90))
    for status in (ended, ended, Status()):
        create_job(Workspace(), SegmentRequest(model="m"), "0" * 16, status, tomogram.id)
    client.get(f"/api/tomograms/{tomogram.id}/slices/0")
    client.get(f"/api/tomograms/{tomogram.id}/slices/7")
    client.get("/no such page")

    told = figures(client)
    assert told['deepsxt_jobs{kind="segment",state="done"}'] == 2
    assert told['deepsxt_jobs{kind="segment",state="queued"}'] == told["deepsxt_jobs_waiting"] == 1
    assert told['deepsxt_jobs_worked_seconds{kind="segment"}'] == 180
    assert told['deepsxt_requests_total{route="slices",status="200"}'] == 1
    assert told['deepsxt_requests_total{route="slices",status="404"}'] == 1
    assert told['deepsxt_requests_total{route="pages",status="404"}'] == 1
    assert told["process_resident_memory_bytes"] > 1e6
    assert told["deepsxt_workspaces"] == 1
    assert told["deepsxt_workspaces_bytes"] > 128


def test_the_figures_name_nobody_and_nothing(client, tomogram):
    create_job(Workspace(), SegmentRequest(model="secret model"), "0" * 16, Status(), tomogram.id)
    client.get(f"/api/tomograms/{tomogram.id}/secret/way")
    client.get("/secret")
    client.get("/api/secret")
    told = "\n".join(figures(client))
    assert "secret" not in told
    assert tomogram.id not in told


@pytest.mark.parametrize("told", [None, "Bearer ", "Bearer wrong", TOKEN, f"Basic {TOKEN}"])
def test_who_does_not_bear_the_token_gets_no_figures(client, told):
    answer = client.get("/metrics", headers={"Authorization": told} if told else {})
    assert (answer.status_code, answer.text) == (401, "A token is needed.")


def test_without_a_token_there_are_no_figures_and_a_short_one_is_refused(monkeypatch):
    monkeypatch.delenv("DEEPSXT_METRICS_TOKEN", raising=False)
    assert metrics.routes(list) == []
    monkeypatch.setenv("DEEPSXT_METRICS_TOKEN", "short")
    with pytest.raises(InvalidParameterError, match="at least 16"):
        settings.check()
