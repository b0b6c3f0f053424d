"""A recipe is tried on a few tomograms, and can be stopped."""

import threading

import numpy as np

from deepsxt_core.errors import CancelledError, DeepSXTError
from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs.previewing import Preview, spread
from deepsxt_core.jobs.trial import TrialDesk, Tried
from deepsxt_core.workflow.recipe import Recipe

RECIPE = Recipe(model="some", segment=SegmentParams(rotations=4))


def test_first_last_and_what_lies_between_are_tried():
    assert spread("abcdefg") == ["a", "d", "g"]
    assert spread("ab") == ["a", "b"]


def test_what_fails_is_told_and_the_rest_is_tried(tomogram):
    class Desk:
        asked = 0

        def score(self, _tomogram, _model, z, params, _stop):
            Desk.asked += 1
            assert (z, params.invert) == (1, True)
            if Desk.asked == 1:
                raise DeepSXTError("There is no model.")
            return Tried(np.zeros((8, 8), np.float32), 0.002 * Desk.asked)

    tomogram.update(invert=True)
    preview = Preview(3 * [tomogram], RECIPE, Desk())
    preview.wait()
    assert [tried.problem for tried in preview.tried] == ["There is no model.", "", ""]
    # The fastest: 4 ms for 4 rotations of 64 pixels.
    assert abs(preview.seconds_per_megapixel() - 0.004 / 4 / 64e-6) < 1e-9


def test_it_stops_in_the_middle_of_a_try(tomogram):
    begun = threading.Event()

    class Desk(TrialDesk):
        def score(self, _tomogram, _model, _z, _params, stop):
            begun.set()
            assert stop.wait(60)
            raise CancelledError("The try was stopped.")

    preview = Preview(3 * [tomogram], RECIPE, Desk())
    assert begun.wait(60) and preview.is_at_work
    preview.cancel()
    preview.wait()
    assert (preview.tried, preview.is_at_work, preview.seconds_per_megapixel()) == ([], False, None)
