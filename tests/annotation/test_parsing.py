import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.annotation import (
    OPERATIONS,
    Brush,
    Click,
    CopySlice,
    Delete,
    EditClass,
    EditObjects,
    Erase,
    FillBox,
    FillSlice,
    Grow,
    Interpolate,
    Judge,
    Limits,
    Merge,
    MergeResult,
    Paint,
    PlanReview,
    Polygon,
    Propose,
    RemoveClass,
    RunStroke,
    Shrink,
    Smooth,
    Split,
    operation_from_json,
    operation_to_json,
)
from deepsxt_core.errors import InvalidParameterError

RUNS = RunStroke(plane="xz", runs=[(1, 2, 3, 4)])
EXAMPLES = [
    Paint(object=3, stroke=Brush(points=[(1, 2.5, 3)], radius=4, unit="nm", plane="xy", snap=2)),
    Paint(object=3, stroke=RUNS, limits=Limits(score=(-0.5, 1), overwrite="empty")),
    Erase(stroke=Polygon(plane="yz", index=4, corners=[(0, 0), (0, 9.5), (9, 9)])),
    Erase(stroke=RUNS, limits=Limits(overwrite="only", only=[4, 5], grey=(3, 70))),
    FillSlice(object=1, seed=(1, 2, 3), plane="xy"),
    FillBox(object=1, seed=(1, 2, 3), first=(0, 0, 0), end=(9, 9, 9)),
    Click(object=2, inside=[(1, 2, 3)], outside=[(4, 5, 6), (7, 8, 9)], class_name="vesicle"),
    Propose(least_confidence=0.25),
    CopySlice(object=1, plane="xz", source=3, target=4),
    Interpolate(object=65_535, plane="xz", first=3, last=9),
    Delete(objects=[1, 2]),
    Merge(objects=[2, 1]),
    Split(object=1, seeds=[(1, 2, 3), (4, 5, 6)]),
    Grow(object=1, radius=2),
    Shrink(object=1, radius=2.5, unit="nm"),
    Smooth(object=1, radius=2, limits=Limits()),
    MergeResult(
        source="other.tif", threshold=0.25, low=-0.5, separate=True, min_voxels=9, class_name="m"
    ),
    EditObjects(objects=[1], name="Zellkern ä", colour="#00ff00", state="doubtful", locked=False),
    EditClass(name="a", colour="#123456", rename="b"),
    RemoveClass(name="a"),
    PlanReview(class_name="a", threshold=0.25, tile_px=64, seed=3),
    Judge(units=[3, 4], objects=[5], verdict="doubtful", queue="random"),
]


def test_there_is_an_example_of_each_operation():
    assert {example.kind for example in EXAMPLES} == set(OPERATIONS)


@pytest.mark.parametrize("operation", EXAMPLES, ids=lambda operation: operation.kind)
def test_an_operation_reads_back(operation):
    line = json.dumps(operation_to_json(operation))
    assert "\n" not in line
    assert operation_from_json(line) == operation


def test_runs_come_as_bytes_too():
    content = np.array(RUNS.runs, "<u4").tobytes()
    assert RunStroke.from_bytes("xz", content) == RUNS
    for wrong in (content[:-1], b"", np.array([1, 2, 3, 2**31], "<u4").tobytes()):
        with pytest.raises(InvalidParameterError):
            RunStroke.from_bytes("xz", wrong)


PAINT = operation_to_json(EXAMPLES[0])
BRUSH = PAINT["stroke"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        7,
        "paint",
        {},
        {"kind": ["paint"]},
        {"kind": "explode"},
        {**PAINT, "object": 0},
        {**PAINT, "object": 65_536},
        {**PAINT, "object": True},
        {**PAINT, "object": 1.0},
        {**PAINT, "object": "1"},
        {**PAINT, "object": None},
        {**PAINT, "more": 1},
        {"kind": "paint", "object": 1},
        {**PAINT, "stroke": None},
        {**PAINT, "stroke": []},
        {**PAINT, "stroke": {**BRUSH, "kind": "axe"}},
        {**PAINT, "stroke": {**BRUSH, "radius": -1}},
        {**PAINT, "stroke": {**BRUSH, "radius": float("nan")}},
        {**PAINT, "stroke": {**BRUSH, "radius": 10**400}},
        {**PAINT, "stroke": {**BRUSH, "radius": "2"}},
        {**PAINT, "stroke": {**BRUSH, "unit": "um"}},
        {**PAINT, "stroke": {**BRUSH, "points": []}},
        {**PAINT, "stroke": {**BRUSH, "points": [[1, 2]]}},
        {**PAINT, "stroke": {**BRUSH, "points": [[1, 2, float("inf")]]}},
        {**PAINT, "stroke": {**BRUSH, "points": [[0, 0, 0], [1, 0, 0]]}},
        {**PAINT, "stroke": {**BRUSH, "points": [[0, 0, 0]] * 100_001}},
        {**PAINT, "stroke": {"kind": "runs", "plane": "xy", "runs": [[0, 0, -1, 4]]}},
        {**PAINT, "stroke": {"kind": "runs", "plane": "xy", "runs": [[0, 0, 0, 0]]}},
        {**PAINT, "stroke": {"kind": "runs", "plane": "zx", "runs": [[0, 0, 0, 1]]}},
        {**PAINT, "stroke": {"kind": "polygon", "plane": "xy", "index": 0, "corners": [[0, 0]]}},
        {**PAINT, "limits": {"score": [0.5, 0.2]}},
        {**PAINT, "limits": {"score": [0, 2]}},
        {**PAINT, "limits": {"overwrite": "only"}},
        {**PAINT, "limits": {"overwrite": "all", "only": [1]}},
        {**PAINT, "limits": 3},
        {"kind": "delete", "objects": []},
        {"kind": "delete", "objects": [1, 1]},
        {"kind": "merge", "objects": [1]},
        {"kind": "split", "object": 1, "seeds": [[0, 0, 0]]},
        {"kind": "edit objects", "objects": [1], "name": "a\nb"},
        {"kind": "edit objects", "objects": [1], "name": " "},
        {"kind": "edit objects", "objects": [1], "name": "a" * 201},
        {"kind": "edit objects", "objects": [1], "colour": "red"},
        {"kind": "edit objects", "objects": [1], "state": "new"},
        {"kind": "merge result", "source": "a\0b"},
    ],
)
def test_what_is_no_operation_is_refused(content):
    with pytest.raises(InvalidParameterError):
        operation_from_json(content)


@pytest.mark.parametrize("line", ["", "{", "[" * 100_000, '{"kind": "paint"} {}', "\0"])
def test_what_is_no_json_is_refused(line):
    with pytest.raises(InvalidParameterError):
        operation_from_json(line)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_field_that_holds_anything_is_taken_or_refused(example, data):
    content = operation_to_json(example)
    name = data.draw(st.sampled_from(sorted(content)))
    content[name] = data.draw(anything)
    try:
        operation = operation_from_json(content)
    except InvalidParameterError:
        return
    assert operation_from_json(operation_to_json(operation)) == operation
