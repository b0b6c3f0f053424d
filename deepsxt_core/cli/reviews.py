"""``deepsxt annotation review``: what a review says about the whole tomogram."""

from pathlib import Path

from deepsxt_core.annotation import open_annotation
from deepsxt_core.annotation.review_state import ReviewState, review_state
from deepsxt_core.cli.options import Outcome, command
from deepsxt_core.errors import AnnotationError
from deepsxt_core.numerals import number_text


@command
def review(folder: Path, /) -> Outcome:
    """Print coverage and estimates of the review of an annotation, with 95 % intervals."""
    state = review_state(open_annotation(folder))
    if state is None:
        raise AnnotationError(
            f"No review of '{folder}' was planned. Begin one on the page Review, or by the "
            'operation {"kind": "plan review"}.'
        )
    return Outcome(_lines(state), state.to_json())


def _lines(state: ReviewState) -> list[str]:
    lines = [f"Review of {state.plan.class_name or 'all objects'}"]
    for name, seen in (("tiles", state.tiles), ("objects", state.objects)):
        lines.append(
            f"  {name:9} {seen.all:,}: {seen.sampled} of the random sample and {seen.targeted} "
            f"targeted decided, {seen.doubtful} doubtful"
        )
    if state.tiles.lacking:
        lines.append(f"  Numbers take {state.tiles.lacking} more tiles of the random sample.")
    for one in state.estimates:
        if one.value is not None and one.low is not None and one.high is not None:
            interval = (
                f"{number_text(one.value)} ({number_text(one.low)} to {number_text(one.high)})"
            )
            lines.append(f"  {one.name:9} {interval} {state.unit_of(one.name)}".rstrip())
    return lines
