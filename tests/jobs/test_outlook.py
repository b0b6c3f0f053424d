"""What is told of jobs that are made up of known times: the estimates can be held to the truth."""

import pytest

from deepsxt_core.jobs.outlook import Outlook


class Played:
    """A job whose clock is told; it notes what was said after each unit."""

    def __init__(self, usual=()):
        self.now = 0.0
        self.outlook = Outlook(self.now, usual)
        self.said = []

    def stage(self, name, seconds, unit="slice", done=0, times=0.0, then_s=0.0):
        self.outlook.stage(name, len(seconds) + done, unit, done, self.now)
        self._note()
        for each in seconds:
            self.now += each
            self.outlook.ahead(times, then_s, self.now)
            self.outlook.advance(1, self.now)
            self._note()
        return self

    def part(self, number, sizes):
        self.outlook.part(number, sizes, self.now)
        self._note()

    def _note(self):
        self.said.append((self.now, self.outlook.remaining_s, self.outlook.share))

    def errors(self):
        """Return said / true for what was said, as far as there was something to say."""
        return [left / (self.now - at) for at, left, _ in self.said if left and self.now - at > 1]

    def hold(self):
        """Check that the bar never falls, and is not full while something is left."""
        shares = [share for *_, share in self.said]
        assert shares == sorted(shares)
        assert all(share < 1 for share in shares)
        assert all(
            share <= 1.5 * at / self.now + 0.02 for at, left, share in self.said if left is not None
        )


def started(played):
    played.stage("Loading the model", [20.0], "model")
    played.stage("Measuring grey values", [3.0], "volume")
    return played.stage("Preparing the network", [9.0], "model")


@pytest.mark.parametrize("first", [1.0, 1.4, 2.0])
def test_from_the_first_slab_on_a_segmentation_is_estimated(first):
    played = started(Played())
    # Neither said nor shown: what loads tells nothing of what follows.
    assert {(left, share) for _, left, share in played.said} == {(None, 0.0)}
    played.stage("Segmenting", [first] + 30 * [1.0])
    errors = played.errors()
    assert len(errors) == 29
    assert all(1 / 1.5 < error < 1.5 for error in errors)
    played.hold()


def test_what_was_done_before_counts_as_done_and_not_as_fast():
    played = started(Played()).stage("Segmenting", [1.8] + 9 * [1.0], done=30)
    assert all(1 / 1.5 < error < 1.5 for error in played.errors())
    _, _, share = played.said[-10]
    assert share > 0.4  # of 40 slices 31, after 32 s of starting


def test_what_follows_a_stage_counts_as_its_owner_says():
    played = Played()
    played.stage("Reconstructing", 4 * [1.0], times=2.5)
    assert played.said[-1][1] == pytest.approx(10)
    played.stage("Finishing", [5.0], "surface")
    played.stage("Preparing the 3D view", [5.0], "surface")
    assert all(1 / 1.5 < error < 1.5 for error in played.errors())
    played.hold()


def test_what_usually_follows_counts_until_it_is_told_better():
    played = Played([("Numbering", 1.0), ("Writing", 3.0)])
    played.stage("Numbering", 2 * [1.0])
    assert played.said[-1][1] == pytest.approx(6)
    played.stage("Writing", 4 * [2.0])
    assert played.said[-1][1] == 0
    played.hold()


def test_a_batch_is_estimated_as_a_whole():
    played, sizes = Played(), [10, 20, 0, 10, 40]
    for number, size in enumerate(sizes):
        played.part(number, sizes)
        if number == 0:
            played.stage("Loading the model", [20.0], "model")
        if not size:  # damaged
            continue
        played.stage("Measuring grey values", [0.5], "volume")
        played.stage("Segmenting", [1.8] + (size - 1) * [1.0], then_s=size * 0.3)
        played.stage("Reconstructing", size * [0.1], times=2.0)
        played.stage("Finishing", [size * 0.2], "surface")
    assert len(played.errors()) > 60
    assert all(1 / 1.5 < error < 1.5 for error in played.errors())
    played.hold()


def test_parts_that_are_there_already_say_nothing_of_the_pace():
    played, sizes = Played(), [10, 10, 10, 10]
    played.part(0, sizes)
    played.now += 0.1
    played.part(1, sizes)
    assert played.said[-1][1:] == (None, 0.25)
    played.stage("Segmenting", [1.5] + 9 * [1.0])
    played.part(2, sizes)
    played.stage("Segmenting", [1.5] + 9 * [1.0])
    played.part(3, sizes)
    assert played.said[-1][1] == pytest.approx(10.5)
    played.stage("Segmenting", [1.5] + 9 * [1.0])
    assert all(1 / 1.5 < error < 1.5 for error in played.errors())
