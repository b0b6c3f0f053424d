"""The token of the app's own pages outlives the server, and nobody else can read it."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deepsxt_core.web import own_pages


def test_the_token_stays_the_same_from_start_to_start(workspace_home):
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: own_pages.token(), range(32)))
    first = own_pages.token()
    assert tokens == {first}
    assert len(first) >= 32
    assert importlib.reload(own_pages).token() == first
    assert (workspace_home / "page-token").stat().st_mode & 0o077 == 0
    assert [path.name for path in workspace_home.iterdir()] == ["page-token"]


def test_where_nothing_can_be_written_there_is_one_for_this_start(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEEPSXT_HOME", str(Path(tmp_path / "file" / "home")))
    assert own_pages.token() == own_pages.token() != ""


def test_an_empty_file_lets_nobody_in(workspace_home):
    workspace_home.mkdir()
    (workspace_home / "page-token").touch()
    assert own_pages.token() == own_pages.token() != ""
