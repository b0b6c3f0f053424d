"""What a result is compared with in the slices, and the slices in which it differs most."""

from typing import Any

import streamlit as st

from deepsxt_core.evaluation import EvaluateParams, PixelCounts
from deepsxt_core.volume import Score
from deepsxt_core.web import planes
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from deepsxt_core.workspace.truths import Compared, shown_truths, truth_id
from shared import objects, snapshot, widgets
from shared.truths import Truth

_ROWS_SHOWN_PX = 420


def comparable(tomogram: Tomogram) -> list[dict[str, Any]]:
    """Return the results and the truths of a tomogram, as the viewer of planes takes them."""
    scores = [
        (score.id, widgets.score_label(score), planes.display_address(tomogram, score.id), False)
        for score in snapshot.results(tomogram, "scores")
    ]
    truths = [
        (truth_id(path), path.name, planes.truth_address(tomogram, path), True)
        for path in shown_truths(tomogram)
    ]
    names = ("id", "name", "address", "isTruth")
    return [dict(zip(names, values, strict=True)) for values in (*scores, *truths)]


def worst_slices(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth, evaluation: Result
) -> None:
    """Show how well each slice agrees, the worst first, and lead to it in *Slices*."""
    counted = evaluation.run["report"].get("slices")
    if counted is None:
        st.caption("Evaluate again to see how well each slice agrees.")
        return
    found = Compared.of(tomogram, source.id if isinstance(source, Result) else source).found
    first = found.first_slice if isinstance(found, Score) else 0
    _, height, width = found.volume.shape
    query = _query(tomogram, source, truth, evaluation)
    rows: list[dict[str, Any]] = []
    for z, counts in enumerate((PixelCounts(**each) for each in counted), first):
        at = source.region.in_whole((z, height // 2, width // 2))
        place = ",".join(f"{index:.0f}" for index in at)
        rows.append(
            {
                "link": widgets.base_address() + objects.address(query | {"at": place}),
                "slice": round(at[0]) + 1,
                "f1": counts.scores().f1,
                "wrong": counts.false_positive,
                "missed": counts.false_negative,
                "differ": counts.false_positive + counts.false_negative,
            }
        )
    st.markdown("**Slice by slice**, the worst first", help="At the threshold of the evaluation.")
    st.dataframe(
        sorted(rows, key=lambda row: (row["f1"], -row["differ"])),
        height=min(_ROWS_SHOWN_PX, 35 * (len(rows) + 1) + 3),
        hide_index=True,
        column_config={
            "link": st.column_config.LinkColumn("Slices", display_text="Show", width="small"),
            "slice": st.column_config.NumberColumn("Slice", format="%d"),
            "f1": st.column_config.ProgressColumn(
                "F1", format="%.3f", min_value=0, max_value=1, help="Harmonic mean of both shares."
            ),
            "wrong": st.column_config.NumberColumn("Wrongly marked", format="localized"),
            "missed": st.column_config.NumberColumn("Missed", format="localized"),
            "differ": st.column_config.NumberColumn("Both", format="localized"),
        },
        key="worst_slices",
    )


def _query(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth, evaluation: Result
) -> dict[str, str]:
    """Return what shows in *Slices* what was compared, without the place."""
    if isinstance(source, KeptAnnotation):
        return {"t": tomogram.id, "annotation": source.id}
    threshold = evaluation.params(EvaluateParams).threshold
    query = {"t": tomogram.id, "score": source.id, "threshold": f"{threshold:.2f}"}
    if isinstance(truth, KeptAnnotation):
        return query | {"annotation": truth.id}
    shown = truth in shown_truths(tomogram)
    return query | ({"compare": truth_id(truth)} if shown else {})
