"""A review: what is planned and judged is kept, undone and repeated, and counts as it is now."""

import numpy as np
import pytest

from deepsxt_core.annotation import (
    Brush,
    Delete,
    EditClass,
    EditObjects,
    Erase,
    Judge,
    Paint,
    PlanReview,
    create_annotation,
    open_annotation,
    replay,
)
from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.review_plan import OBJECTS, UNITS, Tiles
from deepsxt_core.annotation.review_state import next_to_judge, review_state
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Geometry
from deepsxt_core.volume import Score, Volume
from tests.annotation.conftest import bodies

WHOLE_SLICES = PlanReview(tile_px=4096)
SPOT = Brush(points=[(20, 10, 10)], radius=4, plane="xy")


def judged(annotation, units, queue="random", verdict="right"):
    annotation.apply(Judge(units=list(units), verdict=verdict, queue=queue))


def values(annotation):
    state = review_state(annotation)
    return {one.name: (one.low, one.value, one.high) for one in state.estimates}


@pytest.fixture
def planned(annotate):
    annotation = annotate(bodies())
    annotation.apply(WHOLE_SLICES)
    return annotation


def test_tiles_cover_each_voxel_once():
    box = Box(2, 3, 4, 5, 73, 94)
    tiles = Tiles(box, 32)
    covered = np.zeros((6, 80, 100), int)
    for unit in range(len(tiles)):
        z, y, x = tiles[unit].within(Box.whole(covered.shape))
        covered[z, y, x] += 1
    assert (covered[2:5, 3:73, 4:94] == 1).all()
    assert covered.sum() == box.voxels
    places = np.array([(2, 3, 4), (4, 72, 93), (4, 72, 92), (0, 3, 4)])
    assert tiles.at(places).tolist() == [0, len(tiles) - 1]


def test_the_plan_holds_what_the_machine_has_found(planned):
    plan = planned.objects.review.plan
    labels = bodies()[5:65]  # what was scored
    assert (plan.first, plan.end) == ((5, 0, 0), (65, 80, 90))
    assert list(plan.voxels) == (labels > 0).sum(axis=(1, 2)).tolist()
    assert [each[:2] for each in plan.objects] == [
        (n, int((labels == n).sum())) for n in np.unique(labels[labels > 0]).tolist()
    ]


def test_of_a_cropped_score_the_tiles_are_those_that_were_scored(tmp_path, grey, codes):
    labels = bodies()
    create_annotation(tmp_path / "a", Volume.from_array(grey), Volume.from_array(labels))
    place = Geometry(first_voxel=(0, 8, 16))
    part = Volume.from_array(codes[:40, 8:72, 16:80]).with_geometry(place)
    annotation = open_annotation(
        tmp_path / "a", tomogram=Volume.from_array(grey), score=Score(part, first_slice=10)
    )
    annotation.apply(PlanReview(tile_px=32))
    plan = annotation.objects.review.plan
    assert (plan.first[1:], plan.end[1:]) == ((8, 16), (72, 80))
    for unit in (0, 3, 57, len(plan.tiles) - 1):
        inside = labels[plan.tiles[unit].within(Box.whole(labels.shape))]
        assert plan.voxels[unit] == np.count_nonzero(inside)


def test_a_review_of_all_gives_the_truth_without_an_interval(planned):
    planned.apply(Erase(stroke=Brush(points=[(30, 40, 50)], radius=3, plane="xy")))
    planned.apply(Paint(object=9, stroke=Brush(points=[(20, 10, 10)], radius=4)))
    judged(planned, range(60))
    ids = [number for number, *_ in planned.objects.review.plan.objects]
    planned.apply(Judge(objects=ids, verdict="right", queue="random"))
    now, then = ((labels > 0)[5:65] for labels in (planned.labels.read(0, 70), bodies()))
    true = {
        "volume": now.sum() * 20 * 10 * 10 / 1e9,
        "count": len(ids) + 1,
        "precision": (now & then).sum() / then.sum(),
        "recall": (now & then).sum() / now.sum(),
        "f1": 2 * (now & then).sum() / (now.sum() + then.sum()),
    }
    found = values(planned)
    for name, truth in true.items():
        np.testing.assert_allclose(found[name], truth, rtol=1e-9, err_msg=name)
    assert review_state(planned).tiles.corrected == (now != then).any(axis=(1, 2)).sum() == 6


def test_nothing_is_said_before_enough_was_seen(planned):
    assert values(planned)["volume"] == (None, None, None)
    lacking = review_state(planned).tiles.lacking
    assert lacking == 2 * (max(planned.objects.review.plan.units.stratum) + 1)
    for _ in range(lacking):
        judged(planned, [next_to_judge(planned.objects.review, UNITS, "random")])
    for _ in range(2):
        number = next_to_judge(planned.objects.review, OBJECTS, "random")
        planned.apply(Judge(objects=[number], verdict="right", queue="random"))
    low, value, high = values(planned)["volume"]
    assert low < value < high


def test_what_was_judged_is_undone_repeated_and_kept(planned, tmp_path):
    judged(planned, [3])
    judged(planned, [4], "targeted", "doubtful")
    review = planned.objects.review
    assert (review.of(UNITS).sampled, review.of(UNITS).doubtful) == ({3}, {4})
    kept = review.to_json()
    planned.undo()
    assert planned.objects.review.of(UNITS).doubtful == set()
    planned.redo()
    planned.undo()
    planned.undo()
    assert planned.objects.review.judged == {}
    planned.undo()
    assert planned.objects.review is None
    for _ in range(3):
        planned.redo()
    planned.close()
    replay(planned.path, tmp_path / "again")
    for path in (planned.path, tmp_path / "again"):
        assert open_annotation(path).objects.review.to_json() == kept


def test_a_later_correction_of_a_reviewed_tile_counts(planned):
    judged(planned, range(60))
    before = values(planned)["volume"][1]
    planned.apply(Paint(object=9, stroke=SPOT))
    assert values(planned)["volume"][1] > before
    planned.undo()
    assert values(planned)["volume"][1] == before


def test_a_wrong_object_is_deleted_and_comes_back(planned):
    planned.apply(Judge(objects=[2], verdict="wrong", queue="random"))
    assert list(planned.objects) == [1, 3]
    assert planned.objects.review.judged == {(OBJECTS, 2): ("wrong", "random")}
    planned.undo()
    assert list(planned.objects) == [1, 2, 3]
    assert planned.objects.review.judged == {}


def test_objects_have_the_state_that_they_were_judged(planned):
    planned.apply(EditObjects(objects=[1], state="corrected"))
    planned.apply(Judge(objects=[1, 2], verdict="right", queue="random"))
    planned.apply(Judge(objects=[3], verdict="doubtful", queue="random"))
    states = [row.state for row in planned.objects.values()]
    assert states == ["corrected", "reviewed", "doubtful"]
    planned.apply(Judge(objects=[2], verdict=None, queue="random"))
    assert planned.objects[2].state == "machine-made"


def test_only_objects_of_the_class_are_reviewed(annotate):
    annotation = annotate(bodies())
    annotation.apply(EditClass(name="vesicle"))
    annotation.apply(EditObjects(objects=[3], class_name="vesicle"))
    annotation.apply(PlanReview(class_name="vesicle", tile_px=4096))
    assert [each[0] for each in annotation.objects.review.plan.objects] == [3]
    annotation.apply(EditObjects(objects=[1], class_name="vesicle"))
    judged(annotation, range(60))
    annotation.apply(Judge(objects=[3], verdict="right", queue="random"))
    expected = np.isin(bodies()[5:65], [1, 3]).sum() * 2e-6
    np.testing.assert_allclose(values(annotation)["volume"], expected)
    assert values(annotation)["count"][1] == pytest.approx(2)


def test_a_new_plan_begins_anew(planned):
    judged(planned, [3])
    planned.apply(Delete(objects=[1]))
    planned.apply(PlanReview(tile_px=40))
    assert planned.objects.review.judged == {}
    assert len(planned.objects.review.plan.tiles) == 60 * 4
    planned.undo()
    assert planned.objects.review.judged == {(UNITS, 3): ("right", "random")}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (Judge(units=[60], verdict="right", queue="random"), "no unit 60"),
        (Judge(objects=[8], verdict="right", queue="random"), "no object 8"),
        (Judge(units=[1], verdict="wrong", queue="random"), "not wrong"),
        (PlanReview(class_name="nuclei"), "no class 'nuclei'"),
    ],
)
def test_what_does_not_fit_is_refused(planned, operation, message):
    with pytest.raises(InvalidParameterError, match=message):
        planned.apply(operation)
    assert planned.objects.review.judged == {}


def test_nobody_judges_without_a_plan(annotate):
    with pytest.raises(InvalidParameterError, match="No review"):
        judged(annotate(bodies()), [1])
