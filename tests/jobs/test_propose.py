"""Bodies are proposed as a job, which can be stopped and then has changed nothing."""

import numpy as np
import pytest

from deepsxt_core.annotation import Propose
from deepsxt_core.annotation.objects import PROPOSED
from deepsxt_core.errors import AnnotationError, CancelledError
from deepsxt_core.io import write_tiff
from deepsxt_core.jobs import ProposeRequest, read_job, submit
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace.annotations import add_annotation
from tests.results import add_score

SHAPE = (40, 48, 48)

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def kept(workspace, tmp_path):
    """An empty annotation beside a score that shows the membrane of one ball."""
    z, y, x = np.indices(SHAPE)
    distance = np.sqrt((z - 20) ** 2 + (y - 24) ** 2 + (x - 24) ** 2)
    score = np.clip(1 - np.abs(distance - 11) / 1.5, -0.9, 0.9).astype(np.float32)
    path = tmp_path / "cell.tif"
    grey = np.uint8(150 - 60 * (score > 0))
    write_tiff(Volume.from_array(grey, VoxelSize(10, 10, 10)), path)
    tomogram = workspace.add_file(path)
    return add_annotation(tomogram, "organelles", beside=add_score(tomogram, score).id)


def request(kept, **fields):
    return ProposeRequest(tomogram=kept.tomogram.id, annotation=kept.id, wish="a", **fields)


def test_the_job_adds_machine_made_objects_that_can_be_undone(workspace, kept):
    wanted = request(kept, least_confidence=0.05, class_name="vesicle")
    job = read_job(workspace, submit(workspace, wanted, tomogram=kept.tomogram.id).id)
    assert job.state == "done", job.status.error
    with kept.open() as opened:
        rows = list(opened.objects.values())
        assert rows
        assert all(row.origin.startswith(PROPOSED) for row in rows)
        assert {(row.class_name, row.state) for row in rows} == {("vesicle", "machine-made")}
        opened.undo()
        assert not opened.objects


def test_a_stopped_job_has_changed_nothing(kept):
    class Stopping(NoProgress):
        def advance(self, n: int = 1) -> None:  # noqa: ARG002
            raise CancelledError("Stop.")

    with kept.open() as opened:
        before = opened.entries
        with pytest.raises(CancelledError):
            opened.apply(Propose(), Stopping())
        assert (opened.entries, len(opened.objects)) == (before, 0)


def test_without_a_score_nothing_is_proposed(workspace, kept):
    alone = add_annotation(kept.tomogram, "alone")
    with pytest.raises(AnnotationError, match="by the score"):
        submit(workspace, request(alone), tomogram=kept.tomogram.id)
