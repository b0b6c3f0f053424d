import gc
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from deepsxt_core.io import open_volume
from deepsxt_core.network.intake import make_model
from tests.chromium import chromium

# TensorFlow writes notes about missing accelerators to stderr; they say nothing here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# No test asserts a time: a busy machine is no failure.
settings.register_profile("deepsxt", deadline=None)
settings.load_profile("deepsxt")

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what drives a browser: it takes longest, and waits most."""
    items.sort(key=lambda item: "browser" not in item.keywords)


def pytest_collection_finish() -> None:
    """Spare collections of garbage what stays: Streamlit makes one after each run of a page."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file on one worker, and all that drive a browser on one of them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if nodeid.startswith("tests/browser/") else nodeid.split("::")[0]

    return ByFile(config, log)


@pytest.fixture
def real() -> Path:
    """The folder of real files, which is not part of the repository."""
    if not REAL.is_dir():
        pytest.skip("the real data is not here")
    return REAL


@pytest.fixture(autouse=True)
def workspace_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test out of the user's workspace."""
    home = tmp_path / "workspace"
    monkeypatch.setenv("DEEPSXT_HOME", str(home))
    monkeypatch.delenv("DEEPSXT_DATA_ROOTS", raising=False)
    # Measuring engines takes time, and which is faster on a busy machine is chance.
    monkeypatch.setenv("DEEPSXT_ENGINE", "keras")
    return home


@pytest.fixture(autouse=True)
def opened_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests a process for each file and model, but for those marked ``probe``."""
    if "probe" not in request.keywords:

        def look(path: Path, dataset: str | None = None) -> None:
            open_volume(path, dataset=dataset)

        monkeypatch.setattr("deepsxt_core.workspace.library.probe", look)
        monkeypatch.setattr("deepsxt_core.workspace.tomogram.probe", look)
        monkeypatch.setattr("deepsxt_core.network.library.take_in", make_model)


@pytest.fixture(autouse=True)
def made_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests a process for each export, but for those marked ``making``."""
    if "making" not in request.keywords:
        monkeypatch.setattr("deepsxt_core.workspace.making.in_process", True)


@pytest.fixture(scope="module")
def browser():
    # Closed after each module: an open Playwright occupies the event loop.
    with chromium() as browser:
        yield browser
