import errno
import gc
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deepsxt_core.errors import CancelledError, ModelError
from deepsxt_core.network import NetworkConfig, list_models, load_model
from deepsxt_core.network.catalogue import PUBLISHED, CatalogueEntry, install
from deepsxt_core.network.library import remove_model

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NAME = "variant_leaky_avgpool"
WEIGHTS = (GOLDEN / f"{NAME}.h5").read_bytes()
CONFIG = NetworkConfig.from_json(GOLDEN / f"{NAME}.json")


class Handler(BaseHTTPRequestHandler):
    """Answers each path with its own kind of misbehaviour."""

    replies: dict[str, bytes]
    go_on: threading.Event

    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404, "Not Found")
            return
        body = self.replies[self.path]
        claimed = len(WEIGHTS) if self.path in ("/broken", "/silent") else len(body)
        self.send_response(200)
        self.send_header("Content-Length", str(claimed))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/silent":
            self.wfile.flush()
            self.go_on.wait()

    def log_message(self, *_):
        """Stay quiet."""


@pytest.fixture
def server():
    Handler.replies = {
        "/good": WEIGHTS,
        "/page": b"<!DOCTYPE html><title>Please log in</title>",
        "/short": WEIGHTS[:100_000],
        "/broken": WEIGHTS[:100_000],
        "/silent": WEIGHTS[:100_000],
        "/text": b"not a weight file",
        "/other": (GOLDEN / "published_width16.h5").read_bytes(),
    }
    Handler.go_on = threading.Event()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    Handler.go_on.set()
    http.shutdown()
    thread.join()
    http.server_close()
    with warnings.catch_warnings():
        # Pooch leaves the connection of a refused answer to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def entry(url):
    return CatalogueEntry("fetched", url, 1, CONFIG, "For tests.", "# Fetched\n")


def nothing_is_left(workspace_home):
    found = {path.name for path in workspace_home.rglob("*") if path.is_file()}
    return not found and "fetched" not in [info.name for info in list_models()]


class Record:
    def __init__(self):
        self.stages = []
        self.done = 0

    def stage(self, name, total, unit):
        self.stages.append((name, total, unit))

    def advance(self, n=1):
        if self.stages[-1][0] == "Downloading":
            self.done += n


def test_a_good_file_is_installed_with_its_hash_in_the_card(server, workspace_home):
    progress = Record()
    info = install(entry(f"{server}/good"), progress)
    assert load_model("fetched").config == CONFIG
    assert "SHA-256" in info.card
    assert progress.stages[0] == ("Downloading", len(WEIGHTS), "B")
    assert progress.done == len(WEIGHTS)
    assert not list((workspace_home / "downloads").iterdir())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("missing", "404"),
        ("page", "web page"),
        ("short", "incomplete"),
        ("broken", "broke"),
        ("text", "no HDF5"),
        ("other", "does not fit this network"),
    ],
)
def test_each_failure_has_its_message_and_leaves_nothing(server, workspace_home, path, text):
    with pytest.raises(ModelError, match=text) as raised:
        install(entry(f"{server}/{path}"))
    assert "by hand" in str(raised.value)
    assert nothing_is_left(workspace_home)


def test_no_network(workspace_home):
    with pytest.raises(ModelError, match="cannot be reached"):
        install(entry("http://127.0.0.1:9/none"))
    assert nothing_is_left(workspace_home)


def test_a_full_disk(server, workspace_home, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("deepsxt_core.network.intake.write_model", full)
    with pytest.raises(ModelError, match="disk is full"):
        install(entry(f"{server}/good"))
    assert nothing_is_left(workspace_home)


def test_a_full_disk_while_downloading(server, workspace_home):
    class Full(Record):
        def advance(self, n=1):  # noqa: ARG002
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match="disk is full"):
        install(entry(f"{server}/good"), Full())
    assert nothing_is_left(workspace_home)


def test_a_server_that_falls_silent(server, workspace_home, monkeypatch):
    monkeypatch.setattr("deepsxt_core.io.downloading.TIMEOUT_S", 0.5)
    with pytest.raises(ModelError, match=r"silent .* by hand"):
        install(entry(f"{server}/silent"))
    assert nothing_is_left(workspace_home)


def test_cancel_in_the_middle(server, workspace_home):
    class Stop(Record):
        def advance(self, n=1):  # noqa: ARG002
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        install(entry(f"{server}/good"), Stop())
    assert nothing_is_left(workspace_home)


def test_a_later_download_must_be_the_same_file(server):
    install(entry(f"{server}/good"))
    with pytest.raises(ModelError, match="installed already"):
        install(entry(f"{server}/good"))
    remove_model("fetched")
    Handler.replies["/good"] = WEIGHTS + b"\0"
    with pytest.raises(ModelError, match="differs from the one"):
        install(entry(f"{server}/good"))


def test_the_published_entry_is_of_the_published_size():
    assert PUBLISHED.config == NetworkConfig.published(64)
    assert PUBLISHED.url.startswith("https://")
