"""Key frames are listed, ordered and timed, and a film of them becomes a job."""

import pytest
from PIL import Image

from deepsxt_core import jobs
from deepsxt_core.export.film import Estimate
from deepsxt_core.export.shots import KeyFrame, PlaneShot
from deepsxt_core.workspace import Workspace, films
from deepsxt_core.workspace.key_frames import add_key_frame, key_frames

from .test_pages import button, show

FIRST, SECOND = (
    KeyFrame(plane=PlaneShot(index=index, view=view), seconds=1.0)
    for index, view in ((1, (0, 0, 24, 32)), (4, (0, 0, 6, 8)))
)


@pytest.fixture
def asked(monkeypatch):
    """What films were measured, without drawing any."""
    found = []

    def expected(_tomogram, frames, params):
        found.append((frames, params))
        return Estimate(frames=48, size=(960, 720), seconds=60.0), Image.new("RGB", (4, 3))

    monkeypatch.setattr(films, "expected", expected)
    return found


def written(app):
    return " ".join(each.value for each in (*app.markdown, *app.caption, *app.info))


@pytest.mark.usefixtures("idle_workers")
def test_key_frames_are_put_in_order_and_made_a_film_of(app, tomogram, asked):
    show(app, "slices.py", tomogram)
    app.button(key="film_button").click().run()
    assert "No key frames yet" in written(app)
    assert not asked
    for frame in (FIRST, SECOND):
        add_key_frame(tomogram, frame)
    app.run()
    assert app.button(key="film_button").label == "Film (2)"
    app.button(key="film_button").click().run()
    assert "XY, slice 2" in written(app)
    assert "XY, slice 5, 25% of it" in written(app)
    assert "**48 frames** of 960 × 720 pixels, about **60 s**" in written(app)
    assert {each.label for each in app.button} >= {
        "Smaller: 640 px, about 27 s",
        "Fewer: 12 a second, about 30 s",
    }

    def act(chosen):
        # Here a dialog stays for one run alone.
        app.button(key="film_button").click()
        chosen.click().run()

    act(app.button(key="film_arrow_downward_0"))
    assert key_frames(tomogram) == (SECOND, FIRST)
    app.button(key="film_button").click().run()
    app.button(key="film_smaller").click().run()
    app.button(key="film_button").click().run()
    assert asked[-1][1].width_px == 640
    act(button(app, "Make the film"))
    assert not app.exception
    (job,) = jobs.list_jobs(Workspace())
    assert job.request.frames == (SECOND, FIRST)
    assert (job.request.params.width_px, job.request.params.pace) == (640, "eased")
    app.button(key="film_button").click().run()
    act(app.button(key="film_delete_0"))
    assert key_frames(tomogram) == (FIRST,)
