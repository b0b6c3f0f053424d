"""Operations of a review: plan it, and say what was seen."""

from dataclasses import dataclass
from typing import ClassVar

from deepsxt_core.annotation.checks import (
    Checked,
    given,
    index,
    maybe,
    object_id,
    one_of,
    real,
    several,
    text,
    whole,
)
from deepsxt_core.annotation.review_plan import QUEUES, VERDICTS


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReview(Checked):
    """Begin a review: what is there now is what the machine has found; an older one ends.

    Attributes
    ----------
    class_name : str, optional
        Review the objects of this class; None are those of all classes.
    threshold : float
        Of the score: near it, looking pays.
    tile_px : int, optional
        Edge of the tiles that slices are looked at in; None takes the smallest of 128, 256, …
        that makes at most 20,000 of them.
    seed : int
        Of the random order.
    """

    kind: ClassVar[str] = "plan review"
    class_name: str | None = given(maybe(text), None)
    threshold: float = given(real(-1, 1), 0.0)
    tile_px: int | None = given(maybe(whole(16, 1 << 14)), None)
    seed: int = given(whole(0, 1 << 32), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge(Checked):
    """Say of tiles or objects what was seen, or take that back.

    A tile is *right* once all that is wrong in it has been corrected, and all that was missed has
    been drawn, as a whole. An object that is *wrong* is deleted.

    Attributes
    ----------
    units : tuple of int
        Tiles of the plan.
    objects : tuple of int
        Ids of objects of the plan.
    verdict : str or None
        *right*, *wrong* (of objects alone), *doubtful*; None is as before anybody looked.
    queue : str
        Where they came from: the *random* sample, or *targeted* where looking pays.
    """

    kind: ClassVar[str] = "judge"
    units: tuple[int, ...] = given(several(index, 0, 1000), ())
    objects: tuple[int, ...] = given(several(object_id, 0, 1000), ())
    verdict: str | None = given(maybe(one_of(*VERDICTS)))
    queue: str = given(one_of(*QUEUES))
