"""A run of a page reads each thing once, however many parts of it ask."""

from collections import Counter

import pytest

from deepsxt_core import jobs
from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs import store
from deepsxt_core.workspace import Workspace, results
from deepsxt_core.workspace import tomogram as tomograms
from tests.results import add_score, add_surface, ball

SHAPE = (12, 24, 32)


@pytest.fixture
def reads(monkeypatch):
    """Count the JSON files that are read, by folder and name."""
    counts = Counter()

    for module in (store, results, tomograms):
        plain = module.read_json

        def counting(path, plain=plain):
            counts[f"{path.parent.name}/{path.name}"] += 1
            return plain(path)

        monkeypatch.setattr(module, "read_json", counting)
    return counts


@pytest.mark.usefixtures("idle_workers", "model")
def test_one_run_of_surface_reads_each_job_and_result_once(app, tomogram, reads):
    surface = add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
    for rotations in (1, 4, 8):
        for z0 in range(4 if rotations == 1 else 3):
            params = SegmentParams(rotations=rotations, z0=z0)
            request = jobs.SegmentRequest(model="test-model", params=params)
            jobs.submit(Workspace(), request, tomogram=tomogram.id)
    assert len(jobs.list_jobs(Workspace())) == 10
    app.switch_page("surface.py")
    app.query_params["t"] = tomogram.id
    reads.clear()
    app.run()
    assert not app.exception
    requests = {name: count for name, count in reads.items() if name.endswith("request.json")}
    assert len(requests) == 10
    assert set(requests.values()) == {1}
    assert reads[f"{surface.id}/run.json"] <= 2  # in the list, and where its files are looked at


def test_the_next_run_sees_what_has_changed(app, tomogram):
    app.switch_page("surface.py")
    app.query_params["t"] = tomogram.id
    app.run()
    add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)))
    app.run()
    assert not app.exception
    assert "Objects" in [each.label for each in app.metric]
