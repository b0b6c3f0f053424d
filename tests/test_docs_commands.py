"""Every command of the documentation is understood, and run where that is cheap."""

import ast
import re
import shutil

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from deepsxt_core.cli.main import build_app, main
from deepsxt_core.io import write_tiff
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.volume import Volume
from deepsxt_core.workflow import segmentation
from tests.docs_commands import DOCS, ROOT, arguments, commands, pages
from tests.jobs.stand_in_network import StandInPredictor

NOT_RUN = {
    r"(make|docker|conda|source|export) |pip |python3 -m venv|dask ": "builds, fetches or installs",
    r".*deepsxt app": "serves until it is ended: tests/web/test_server.py",
    r".*--scheduler": "needs a cluster: tests/inference/test_remote.py",
    r"deepsxt doctor": "loads TensorFlow: tests/workflow/test_checkup.py",
    r"deepsxt models (install|import)": "network, or TensorFlow: tests/network/test_library.py",
    r"deepsxt models (info|remove) compact-copy": "of the import that is not run",
    r"deepsxt (finetune|train) ": "minutes: tests/training",
    r"deepsxt segment cell.mrc ": "a tomogram and a model of the reader's own",
    r"deepsxt annotation .*(?<!/)\bcell\.": "the reader's: tests/cli/test_annotation.py",
    r"deepsxt film ": "draws for half a minute: tests/cli/test_film_command.py",
    r"deepsxt (report|measure) ": "takes a minute: tests/export/test_report.py",
    r"deepsxt phantom ": "minutes, and larger than the sample here: tests/phantom",
    r"deepsxt rerun ": "loads TensorFlow: tests/workflow/test_rerun.py",
    r"deepsxt annotation click outputs/sample": "takes seconds, and docs/click.md has another",
    r"deepsxt people ": "needs several people: tests/people/test_people.py",
}
"""Commands that are not run, by how they begin, and why."""


class Smooth(StandInPredictor):
    """Scores of dark places, as smooth as those of a network."""

    def score(self, slices, _margins=(0, 0)):
        return np.tanh(-2 * gaussian_filter(slices, (0, 2, 2)) - 1).astype(np.float32)


# The first page makes what the others take.
FIRST = [ROOT / "README.md", DOCS / "install.md"]
ALL = [(page, each) for page in pages() for each in commands(page)]
TO_RUN = dict.fromkeys(
    each
    for page in [*FIRST, *pages()]
    for each in commands(page)
    if not any(re.match(begin, f"{each} ") for begin in NOT_RUN)
)


def test_every_command_can_be_parsed():
    app = build_app()
    for page, command in ALL:
        words = arguments(command)
        if words is not None:
            try:
                app.parse_args(words, exit_on_error=False, print_error=False)
            except Exception as error:
                raise AssertionError(f"{page.name}: {command}: {error}") from error


def test_every_reason_is_needed():
    assert [
        begin for begin in NOT_RUN if not any(re.match(begin, f"{each} ") for _, each in ALL)
    ] == []


def test_what_is_cheap_runs_on_a_small_sample(tmp_path, monkeypatch, capsys):
    """With a stand-in for the network, whose scores have tests of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(segmentation, "_predictor", lambda *_: Smooth())
    monkeypatch.setattr("deepsxt_core.cli.segmenting.fastest", lambda _: None)
    grey, truth, size = sample_tomogram(seed=1, shape=(32, 64, 64))
    (tmp_path / "outputs").mkdir()
    write_tiff(Volume.from_array(grey, size), tmp_path / "outputs" / "sample.tif")
    write_tiff(Volume.from_array(truth, size), tmp_path / "outputs" / "sample.truth.tif")
    recipe = re.search("```toml\n(.*?)```", (DOCS / "batch.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "recipe.toml").write_text(recipe[1])
    for command in TO_RUN:
        words = arguments(command)
        assert words is not None, f"{command}: neither of deepsxt nor among NOT_RUN"
        # Pages are read one by one: each may make again what another has made.
        out = words[words.index("--out") + 1] if "--out" in words else ""
        if out.endswith(".annotation"):
            shutil.rmtree(out, ignore_errors=True)
        assert main(words) == 0, f"{command}: {capsys.readouterr().err}"
    assert (tmp_path / "outputs" / "all" / "summary.csv").is_file()


@pytest.mark.parametrize("page", [page for page in pages() if "```python" in page.read_text()])
def test_python_can_be_parsed(page):
    for fence in re.findall("```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        if page.name != "python.md":
            ast.parse(fence)
