"""What a page says when a result is not of today, or its record cannot be read."""

from collections.abc import Sequence

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Result, ResultKind, Tomogram
from deepsxt_core.workspace.annotations import edits_since
from shared import texts

_NAMES: dict[ResultKind, str] = {
    "scores": "score",
    "surfaces": "surface",
    "measurements": "measurement",
    "bundles": "bundle",
    "reports": "report",
    "evaluations": "evaluation",
    "films": "film",
}
_REMEDIES: dict[str, str] = {
    "scores": "Surfaces and files that are made now have today's.",
    "surfaces": "Make the surface again for today's.",
    "measurements": "Make the surface again for today's.",
    "bundles": "Make the surface again for today's.",
    "reports": "Make the surface again for today's.",
    "evaluations": "Evaluate again for today's.",
    "films": "Make it again for today's.",
}


def size_correction(tomogram: Tomogram, result: Result) -> None:
    """Say that the voxel size was corrected since a result was made, if it was."""
    try:
        sizes = tomogram.size_correction(result)
    except DeepSXTError as error:
        st.warning(texts.escaped(str(error)), icon=":material/straighten:")
        return
    if sizes is None:
        return
    then, now = (texts.voxel_text(size) for size in sizes)
    kind = result.folder.parent.name
    st.warning(
        f"The voxel size of the tomogram has been corrected since this was made: it was {then} "
        f"and is {now}. What is shown and exported here keeps the size that it was made with. "
        + _REMEDIES[kind],
        icon=":material/straighten:",
    )


def not_of_today(
    tomogram: Tomogram, surface: Result, threshold: float | None, low: float | None = None
) -> list[str]:
    """Return why a surface is not what would be made now, in sentences.

    Parameters
    ----------
    threshold, low : float or None
        Those which are shown now; None where there is none.
    """
    told = []
    try:
        edits = edits_since(tomogram, surface)
    except DeepSXTError as error:
        told.append(str(error))
    else:
        if edits is not None:
            told.append(
                f"Made before {edits} edit{'' if edits == 1 else 's'}; make the surface again."
            )
    then = surface.params(ReconstructParams)
    if threshold is not None:
        made, now = texts.thresholds(then.threshold, then.low), texts.thresholds(threshold, low)
        if made != now:
            told.append(f"Made at the threshold {made}, not at {now}; make the surface again.")
    return told


def old(told: Sequence[str]) -> None:
    """Show why a surface is not what would be made now, if so."""
    if told:
        st.caption(f":orange[:material/history: {texts.escaped(' '.join(told))}]")


def damaged_results(tomograms: Sequence[Tomogram], *kinds: ResultKind) -> None:
    """Show a line for each result whose record this version cannot read."""
    for tomogram in tomograms:
        for kind in kinds:
            for result_id, wrong in tomogram.damaged_results(kind):
                name = texts.escaped(texts.shortened(tomogram.name, 40))
                st.caption(
                    f":material/broken_image: A {_NAMES[kind]} of **{name}** ({result_id}) is left "
                    f"out. {texts.escaped(wrong)}"
                )


def unreadable_request(job: jobs.Job) -> None:
    """Say that what a job was asked for cannot be read by this version, if so."""
    if isinstance(job.request, jobs.UnreadableRequest):
        st.caption(f":material/broken_image: {texts.escaped(job.request.problem)}")
