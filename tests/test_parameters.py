import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.parameters import Limits, checked, declared, declared_field, parsed, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """Inside.

    Attributes
    ----------
    low, high : int
        Ends of
        a range.
    """

    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Of each kind one."""

    name: str
    width: Annotated[float, Limits(least=0, below=10, unit="px")] = 0.5
    count: Annotated[int | None, Limits(above=0)] = None
    mode: Literal["fast", 4] = "fast"
    bright: bool | None = None
    shape: Annotated[tuple[int, int], Limits(least=2)] = (2, 3)
    groups: tuple[tuple[int, ...], ...] = ()
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None

    def __post_init__(self) -> None:
        checked(self)


def test_a_field_declares_type_range_unit_choices_and_help():
    width = declared_field(Sample, "width")
    assert (width.type, width.default, width.limits.unit) == (float, 0.5, "px")
    assert width.allowed == "a number of at least 0 and below 10 (px)"
    assert declared_field(Sample, "mode").choices == ("fast", 4)
    assert declared_field(Sample, "count").optional
    assert [each.help for each in declared(Inner)] == ["Ends of a range."] * 2


def test_values_become_what_is_declared():
    made = Sample(name="a", width=3, shape=[4, np.int64(5)], groups=[[1, 2], [3]])
    assert (made.width, type(made.width)) == (3.0, float)
    assert made.shape == (4, 5)
    assert type(made.shape[1]) is int
    assert made.groups == ((1, 2), (3,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"name": 3},
        {"width": "1"},
        {"width": True},
        {"width": math.nan},
        {"width": math.inf},
        {"width": 10**400},
        {"width": 10},
        {"count": 1.5},
        {"count": 2.0},
        {"count": True},
        {"count": 0},
        {"mode": "slow"},
        {"mode": 4.0},
        {"bright": "false"},
        {"bright": 1},
        {"bright": "auto"},
        {"shape": (4, 5, 6)},
        {"shape": (1, 5)},
        {"shape": "45"},
        {"groups": [1, 2]},
        {"groups": [[1, "2"]]},
        {"inner": {"low": 1}},
        {"inner": None},
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_says_name_allowed_and_value(wrong):
    (name,) = wrong
    with pytest.raises(InvalidParameterError, match=rf"^{name} must be .*: got .*\.$"):
        Sample(**{"name": "a", **wrong})


def test_what_was_written_reads_back():
    made = Sample(name="a", groups=((1, 2),), maybe=Inner(high=4), bright=False)
    content = plain(made)
    assert content["groups"] == [[1, 2]]
    assert content["maybe"] == {"low": 0, "high": 4}
    assert parsed(Sample, content, "The job") == made


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"name": "a", "wide": 1}, "The job: 'wide' is not known. Known are name, width, count"),
        ({}, "The job: name is missing."),
        ({"name": "a", "width": -1}, "The job: width must be a number of at least 0 and below 10"),
        ({"name": "a", "inner": {"low": 0.5}}, "The job, inner: low must be a whole number: got"),
        ({"name": "a", "inner": 3}, "The job, inner must hold names with values: got 3."),
        ({"name": "a", "inner": None}, "The job, inner must hold names with values: got None."),
        ([1], "The job must hold names with values: got [1]."),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_name(content, sentence):
    with pytest.raises(InvalidParameterError) as raised:
        parsed(Sample, content, "The job")
    assert str(raised.value).startswith(sentence)
