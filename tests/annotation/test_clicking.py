"""Clicks and proposals, on balls and ellipsoids whose caps nobody sees."""

import numpy as np
import pytest

from deepsxt_core.annotation import (
    ORGANELLE,
    Click,
    Delete,
    EditObjects,
    Merge,
    Propose,
    Split,
    create_annotation,
    open_annotation,
    replay,
)
from deepsxt_core.bodies.seeds import find_seeds
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.volume import Score, Volume, VoxelSize
from tests.annotation.conftest import read_all

SHAPE = (48, 72, 96)
BODIES = (((24, 34, 26), (14, 14, 16)), ((24, 36, 62), (12, 15, 18)))
"""Centres and half axes (z, y, x) of two bodies whose membranes touch, on the outside of which
the score is 7 voxels wide but for where it lies flatter than 45 degrees."""


def truth(number: int) -> np.ndarray:
    """Return where a body is."""
    centre, axes = BODIES[number]
    return rho(centre, axes) <= 1


def rho(centre, axes) -> np.ndarray:
    grid = np.indices(SHAPE, dtype=np.float32)
    return np.sqrt(sum(((g - c) / a) ** 2 for g, c, a in zip(grid, centre, axes, strict=True)))


@pytest.fixture(scope="module")
def score() -> Score:
    """A score of both, and noise."""
    values = np.full(SHAPE, -0.95, np.float32)
    for centre, axes in BODIES:
        level = rho(centre, axes) - 1
        slope = np.stack(np.gradient(level))
        distance = level / np.linalg.norm(slope, axis=0).clip(1e-6)
        upright = np.abs(slope[0]) < 0.7 * np.linalg.norm(slope, axis=0)
        values[(np.abs(distance) < 3.5) & upright] = 0.95
    noise = np.random.default_rng(0).normal(0, 0.03, SHAPE)
    codes = np.rint((np.clip(values + noise, -1, 1) + 1) / 2 * 255).astype(np.uint8)
    return Score(Volume.from_array(codes, VoxelSize.isotropic(10)))


@pytest.fixture
def annotated(tmp_path, score):
    """Make and open an empty annotation with that score."""
    path = tmp_path / "cell.annotation"
    create_annotation(path, Volume.from_array(np.zeros(SHAPE, np.uint8), VoxelSize.isotropic(10)))
    return open_annotation(path, score=score)


def dice(found, wanted) -> float:
    return 2 * np.count_nonzero(found & wanted) / (found.sum() + wanted.sum())


def test_a_click_gives_each_of_two_bodies_that_touch_with_its_unseen_caps(annotated):
    for number, (centre, _) in enumerate(BODIES, 1):
        annotated.apply(Click(object=number, inside=[centre]))
    labels = read_all(annotated)
    for number in (1, 2):
        assert dice(labels == number, truth(number - 1)) > 0.8
    row = annotated.objects[1]
    assert (row.class_name, row.state) == (ORGANELLE, "machine-made")


def test_an_interval_is_kept_of_the_true_size_until_it_is_another_object(annotated):
    for number, (centre, _) in enumerate(BODIES, 1):
        annotated.apply(Click(object=number, inside=[centre]))
        low, high = annotated.objects[number].true_voxels
        assert low < np.count_nonzero(read_all(annotated) == number) < high
        assert high / low < 3
    annotated.apply(Merge(objects=[1, 2]))
    assert annotated.objects[1].true_voxels is None
    annotated.undo()
    annotated.apply(Split(object=1, seeds=[(20, 34, 26), (28, 34, 26)]))
    assert annotated.objects[1].true_voxels is None
    assert annotated.objects[3].true_voxels is None


def test_a_click_beside_the_middle_gives_the_same_body(annotated):
    annotated.apply(Click(object=1, inside=[(29, 40, 20)], class_name="vesicle"))
    assert dice(read_all(annotated) == 1, truth(0)) > 0.8
    assert annotated.objects[1].class_name == "vesicle"


def test_more_clicks_mend_a_body(annotated):
    centre = BODIES[0][0]
    annotated.apply(Click(object=1, inside=[centre]))
    before = read_all(annotated) == 1
    outside = (24, 34, 14)
    assert before[outside]
    annotated.apply(Click(object=1, inside=[centre], outside=[outside]))
    less = read_all(annotated) == 1
    assert not less[outside]
    assert less.sum() < before.sum()
    beyond = (24, 54, 26)
    assert not before[beyond]
    annotated.apply(Click(object=1, inside=[centre, beyond]))
    assert (read_all(annotated) == 1)[beyond]
    assert annotated.objects[1].state == "corrected"


def test_a_click_undone_or_replayed_is_as_it_was(annotated, tmp_path):
    annotated.apply(Click(object=1, inside=[BODIES[0][0]]))
    once = read_all(annotated)
    annotated.undo()
    assert not read_all(annotated).any()
    assert not annotated.objects
    annotated.redo()
    annotated.close()
    # Nothing is grown again: neither score nor tomogram is needed.
    replay(annotated.path, tmp_path / "again")
    again = open_annotation(tmp_path / "again")
    np.testing.assert_array_equal(read_all(again), once)
    assert again.objects[1] == annotated.objects[1]


def test_what_another_organelle_or_a_locked_object_has_stays(annotated):
    first, second = (centre for centre, _ in BODIES)
    annotated.apply(Click(object=1, inside=[first]))
    annotated.apply(EditObjects(objects=[1], locked=True))
    kept = read_all(annotated) == 1
    with pytest.raises(InvalidParameterError, match="object 1's already"):
        annotated.apply(Click(object=2, inside=[first]))
    annotated.apply(Click(object=3, inside=[second]))
    np.testing.assert_array_equal(read_all(annotated) == 1, kept)


def test_proposals_are_the_bodies(annotated):
    done = annotated.apply(Propose())
    labels = read_all(annotated)
    for number in (0, 1):
        best = max(done.objects, key=lambda found: dice(labels == found, truth(number)))
        assert dice(labels == best, truth(number)) > 0.8
    assert len(done.objects) == 2
    assert all("confidence" in annotated.objects[number].origin for number in done.objects)
    annotated.apply(Delete(objects=done.objects))
    assert not read_all(annotated).any()


def test_without_a_score_it_says_what_to_do(tmp_path):
    path = tmp_path / "cell.annotation"
    create_annotation(path, Volume.from_array(np.zeros(SHAPE, np.uint8)))
    annotation = open_annotation(path)
    for operation in (Click(object=1, inside=[(1, 2, 3)]), Propose()):
        with pytest.raises(InvalidParameterError, match="--score"):
            annotation.apply(operation)


def test_voxels_out_of_reach_are_refused(annotated):
    with pytest.raises(InvalidParameterError, match="outside of the annotation"):
        annotated.apply(Click(object=1, inside=[(48, 1, 1)]))
    with pytest.raises(InvalidParameterError, match="too far"):
        annotated.apply(Click(object=1, inside=[(24, 34, 3)], outside=[(24, 34, 95)]))


def test_places_are_followed_from_slice_to_slice():
    """Many patches in a slice, of different sizes, each one place."""
    centres = [(y, x) for y in (12, 36, 60) for x in (14, 40, 66, 88)]
    y, x = np.indices((72, 104))
    plane = np.full((72, 104), -1.0, np.float32)
    for number, (row, column) in enumerate(centres):
        radius = np.hypot(y - row, x - column)
        plane[abs(radius - 5 - number % 4) < 2] = 1
    seeds = find_seeds(np.repeat(plane[None], 9, axis=0))
    assert {(seed[1], seed[2]) for seed in seeds} == set(centres)
