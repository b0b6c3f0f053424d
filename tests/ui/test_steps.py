"""The sidebar tells where a tomogram stands: what is done, what comes next, what must wait."""

import numpy as np

from deepsxt_core.io import write_tiff
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from tests.results import add_measurement, add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import show, texts


def test_steps_follow_what_there_is_of_a_tomogram(app, tomogram):
    show(app, "open.py", tomogram)
    assert "Next step: Segment" in texts(app)
    from shared import steps

    def states(tomogram):
        known = steps.steps(tomogram)
        coming = steps.coming(known)
        return "".join(step.state[0] for step in known.values()), coming and coming.title

    assert states(None) == ("plllll", "Open")
    assert states(tomogram) == ("dpplll", "Segment")
    score = add_score(tomogram, ball(SHAPE, 8))
    assert states(tomogram) == ("ddpplp", "Review")
    surface = add_surface(tomogram, score)
    assert states(tomogram) == ("ddpdpp", "Measure")
    add_annotation(tomogram, "cell", score=score.id)
    add_measurement(tomogram, surface)
    assert states(tomogram) == ("dddddp", "Export")
    assert steps.steps(tomogram)["segment"].note.startswith("Done: 1 result. ")


def test_labels_need_no_segmentation(app, tmp_path):
    labels = np.zeros((4, 16, 16), np.uint8)
    labels[1:3, 4:12, 4:12] = 1
    write_tiff(Volume.from_array(labels), tmp_path / "labels.tif")
    tomogram = Workspace().add_file(tmp_path / "labels.tif")
    show(app, "open.py", tomogram)
    from shared import steps

    known = steps.steps(tomogram)
    assert known["surface"].state == "possible"
    assert known["measure"].note == "Not yet: make a surface first."
