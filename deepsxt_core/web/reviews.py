"""What a browser learns about the review of an annotation: how far it is, and what comes next."""

from collections.abc import Mapping
from typing import Any

from deepsxt_core.annotation import Annotation, extent_of
from deepsxt_core.annotation.review_plan import OBJECTS, QUEUES, UNITS, Review
from deepsxt_core.annotation.review_state import next_to_judge, review_state
from deepsxt_core.errors import InvalidParameterError


def review_told(annotation: Annotation, query: Mapping[str, str]) -> dict[str, Any]:
    """Return where the review stands, and what comes next of a kind and queue that are asked for.

    Returns
    -------
    dict
        ``state`` as `ReviewState.to_json`, None without a plan; ``next`` with ``kind``,
        ``number``, ``box`` and ``voxel``, None at the end.

    Raises
    ------
    InvalidParameterError
        If there is no such kind or queue.
    """
    kind, queue = query.get("kind", UNITS), query.get("queue", QUEUES[0])
    if kind not in (UNITS, OBJECTS) or queue not in QUEUES:
        raise InvalidParameterError(
            f"A review has the kinds {UNITS} and {OBJECTS} and the queues {' and '.join(QUEUES)}: "
            f"got {kind!r:.40} and {queue!r:.40}."
        )
    review, state = annotation.objects.review, review_state(annotation)
    if review is None or state is None:
        return {"state": None, "next": None}
    return {"state": state.to_json(), "next": _next(annotation, review, kind, queue)}


def _next(annotation: Annotation, review: Review, kind: str, queue: str) -> dict[str, Any] | None:
    number = next_to_judge(review, kind, queue)
    if number is None:
        return None
    if kind == UNITS:
        box = review.plan.tiles[number]
        voxel: Any = [(a + b) // 2 for a, b in zip(box.first, box.end, strict=True)]
        return {"kind": kind, "number": number, "box": box, "voxel": voxel}
    extent = extent_of(annotation, number)
    return {"kind": kind, "number": number, "box": extent.box, "voxel": extent.voxel}
