"""What the review of an annotation says of the whole tomogram, beside its measurements."""

import streamlit as st

from deepsxt_core.annotation.review_state import ReviewState, review_state
from deepsxt_core.numerals import number_text
from deepsxt_core.review import Estimate
from deepsxt_core.surface import UncertaintyParams
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import texts

_TITLES = {"volume": "Volume", "area": "Area", "count": "Objects", "precision": "Precision"}
_TITLES |= {"recall": "Recall", "f1": "F1"}
_SHARES = {"precision", "recall", "f1"}


def review_note(kept: KeptAnnotation) -> None:
    """Show estimates and coverage, where a review has begun."""
    state = review_state(kept.open())
    if state is None:
        return
    with st.expander("What the review says of the whole tomogram", icon=":material/fact_check:"):
        st.caption(texts.escaped(_coverage(state)))
        if state.tiles.lacking:
            st.caption(
                f"{state.tiles.lacking} more tiles of the random sample, then there are numbers."
            )
            return
        # As the measurement has it, if there is none as it is assumed.
        relative = UncertaintyParams().voxel_size_error if state.unit == "µm" else 0.0
        st.dataframe(
            [
                {
                    "": _TITLES[one.name]
                    + (state.unit_of(one.name) and f" ({state.unit_of(one.name)})"),
                    "Estimate": _shown(one.name, one.value),
                    "95 % interval": _span(one),
                    f"With ± {relative:.1%} of the voxel size": _span(
                        one.with_size_error(relative)
                    ),
                    "Without the review": ""
                    if one.machine is None
                    else _shown(one.name, one.machine),
                }
                for one in state.estimates
                if one.value is not None
            ],
            hide_index=True,
        )


def _span(one: Estimate) -> str:
    return f"{_shown(one.name, one.low)} to {_shown(one.name, one.high)}"


def _coverage(state: ReviewState) -> str:
    parts = []
    for name, seen in (("tiles", state.tiles), ("objects", state.objects)):
        decided = seen.sampled + seen.targeted
        parts.append(f"{decided} of {seen.all:,} {name} decided, {seen.doubtful} doubtful")
    return f"Review of {state.plan.class_name or 'all objects'}: {'; '.join(parts)}."


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if name in _SHARES else number_text(value)
