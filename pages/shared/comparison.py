"""What a result is compared with in the slices, and the slices in which it differs most."""

from pathlib import Path
from typing import Any

import streamlit as st

from deepsxt_core.evaluation import EvaluateParams, PixelCounts
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Mask, Score
from deepsxt_core.web import planes
from deepsxt_core.web.differences import distances_address
from deepsxt_core.web.judged_planes import judged_address
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from deepsxt_core.workspace.differences import comparable_surfaces
from deepsxt_core.workspace.truths import Compared, shown_truths, truth_id, truth_name
from shared import objects, snapshot, texts, widgets
from shared.truths import Truth

_ROWS_SHOWN_PX = 420


def comparable(tomogram: Tomogram, chosen: Result | None) -> list[dict[str, Any]]:
    """Return what of a tomogram can be compared in the viewer of planes, as that takes it.

    Parameters
    ----------
    tomogram : Tomogram
    chosen : Result, optional
        The result that is shown: a truth that fits several lies where that one does.
    """
    places: dict[tuple[Any, ...], str] = {}
    for each in sorted(snapshot.results(tomogram, "scores"), key=lambda score: score != chosen):
        place = (each.region.crop, each.region.bin, *each.run.get("z", ()))
        places.setdefault(place, each.id)
    scores = [
        (score.id, widgets.score_label(score), planes.display_address(tomogram, score.id), "score")
        for score in snapshot.results(tomogram, "scores")
    ]
    annotations = [
        (kept.id, kept.name, judged_address(tomogram, kept.id), "annotation")
        for kept in snapshot.annotations(tomogram)
    ]
    evaluations = snapshot.results(tomogram, "evaluations")
    truths = []
    for path, score in shown_truths(tomogram, [*places.values()]).items():
        ignored = _ignored(evaluations, path)
        address = planes.truth_address(tomogram, path, score, ignored)
        truths.append((truth_id(path), path.name, address, "truth"))
    names = ("id", "name", "address", "kind")
    return [dict(zip(names, values, strict=True)) for values in (*scores, *annotations, *truths)]


def other_surfaces(tomogram: Tomogram, surface: Result) -> list[dict[str, str]]:
    """Return what the distance of a surface can be measured to, as its 3D view takes it."""
    found = [
        (each.id, _surface_name(tomogram, each))
        for each in comparable_surfaces(surface, snapshot.results(tomogram, "surfaces"))
    ]
    score, evaluations = surface.identity.get("score"), snapshot.results(tomogram, "evaluations")
    for path in shown_truths(tomogram, [score] if score else ()):
        found.append((truth_name(path, _ignored(evaluations, path)), path.name))
    return [
        {"id": other, "name": name, "address": distances_address(tomogram, surface, other)}
        for other, name in found
    ]


def _surface_name(tomogram: Tomogram, surface: Result) -> str:
    annotated = surface.run.get("annotation")
    if annotated is not None:
        return f"Annotation · {annotated.get('name', '')}"
    scores = snapshot.results(tomogram, "scores")
    score = next((each for each in scores if each.id == surface.made_from), None)
    if score is None:
        return "Labels of the file"
    params = surface.params(ReconstructParams)
    return f"Above {texts.thresholds(params.threshold, params.low)} · {widgets.score_label(score)}"


def _ignored(evaluations: list[Result], truth: Path) -> int | None:
    """Return the label that the newest evaluation with a truth has ignored."""
    newest = next((each for each in evaluations if each.run["truth"] == str(truth)), None)
    return None if newest is None else newest.params(EvaluateParams).ignore_label


def worst_slices(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth, evaluation: Result
) -> None:
    """Show how well each slice agrees, the worst first, and lead to it in *Review*."""
    counted = evaluation.run["report"].get("slices")
    if counted is None:
        st.caption("Evaluate again to see how well each slice agrees.")
        return
    found = _found(tomogram, source)
    _, height, width = found.volume.shape
    first = _first_slice(found)
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
            "link": st.column_config.LinkColumn("Review", display_text="Show", width="small"),
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


def worst_objects(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth, evaluation: Result
) -> None:
    """Show the objects that agree least, and lead to each in *Review*."""
    told = evaluation.run["report"].get("objects")
    if told is None:
        st.caption("Evaluate again to see which objects agree least.")
        return
    query = _query(tomogram, source, truth, evaluation)
    kinds: tuple[tuple[str, str, Truth | Result], ...] = (
        ("missed", f"Least found of {told['true']:,}", truth),
        ("nowhere", f"{told['invented']:,} not in the truth", source),
    )
    st.markdown(
        "**Object by object**, the worst first",
        help="Objects of an annotation are its own, those of others connected parts.",
    )
    for tab, (kind, _, side) in zip(st.tabs([each[1] for each in kinds]), kinds, strict=True):
        with tab:
            _objects_table(tomogram, told[kind], source, side, query, kind)


def _objects_table(
    tomogram: Tomogram,
    objects_told: list[dict[str, Any]],
    source: Result | KeptAnnotation,
    side: Truth | Result,
    query: dict[str, str],
    kind: str,
) -> None:
    if not objects_told:
        st.caption("There are none.")
        return
    first = _first_slice(_found(tomogram, source))
    rows = []
    for one in objects_told:
        z, y, x = one["voxel"]
        at = source.region.in_whole((z + first, y, x))
        asked = query | {"at": ",".join(f"{index:.0f}" for index in at)}
        if one["id"] is not None and isinstance(side, KeptAnnotation):
            asked |= {"annotation": side.id, objects.OBJECT: str(one["id"])}
        rows.append(
            {
                "link": widgets.base_address() + objects.address(asked),
                "name": one["name"] or None,
                "share": one["shared"] / one["voxels"],
                "voxels": one["voxels"],
                "slice": round(at[0]) + 1,
            }
        )
    shown = ["link", *(["name"] if any(row["name"] for row in rows) else [])]
    st.dataframe(
        rows,
        height=min(_ROWS_SHOWN_PX, 35 * (len(rows) + 1) + 3),
        hide_index=True,
        column_order=[*shown, *(["share"] if kind == "missed" else []), "voxels", "slice"],
        column_config={
            "link": st.column_config.LinkColumn("Review", display_text="Show", width="small"),
            "name": "Object",
            "share": st.column_config.ProgressColumn(
                "Found", format="percent", min_value=0, max_value=1, help="Share of its voxels."
            ),
            "voxels": st.column_config.NumberColumn("Voxels", format="localized"),
            "slice": st.column_config.NumberColumn("Slice", format="%d"),
        },
        key=f"worst_objects_{kind}",
    )


def _found(tomogram: Tomogram, source: Result | KeptAnnotation) -> Score | Mask:
    return Compared.of(tomogram, source.id if isinstance(source, Result) else source).found


def _first_slice(found: Score | Mask) -> int:
    """Return the slice of its region that a result begins with."""
    return found.first_slice if isinstance(found, Score) else 0


def _query(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth, evaluation: Result
) -> dict[str, str]:
    """Return what shows in *Review* what was compared, without the place."""
    other = truth.id if isinstance(truth, KeptAnnotation) else truth_id(truth)
    query = {"t": tomogram.id, "compare": other}
    if isinstance(source, KeptAnnotation):
        return query | {"compare_from": source.id}
    threshold = evaluation.params(EvaluateParams).threshold
    return query | {"score": source.id, "threshold": f"{threshold:.2f}"}
