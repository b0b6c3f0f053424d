"""The row above the planes: which annotation is open, and how one begins."""

import secrets
from pathlib import Path

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.annotation import ORGANELLE, SourceParams
from deepsxt_core.annotation.body_operations import LEAST_CONFIDENCE
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json
from deepsxt_core.web.annotations import annotation_address
from deepsxt_core.web.desks import close_desk
from deepsxt_core.workspace import Result, Tomogram, Workspace
from deepsxt_core.workspace.annotation_files import LABEL_FILES, TABLE_FILE
from deepsxt_core.workspace.annotations import (
    KeptAnnotation,
    add_annotation,
    annotations,
    remove_annotation,
    rename_annotation,
)
from deepsxt_core.workspace.results import RUN_NAME
from deepsxt_core.workspace.truths import keep_truth, known_truths
from shared import components, job_blocks, state, texts, training_data, widgets
from shared.components import Download

_FILE_NOTES = {
    "labels.tif": "ImageJ, napari, any program",
    "labels.mrc": "IMOD, ChimeraX, Amira",
    "labels.nrrd": "3D Slicer, ITK",
    "labels.nii": "ITK-SNAP",
    "labels.h5": "ilastik",
    TABLE_FILE: "Number, name, class, colour and state of each object",
}
_FROM_RESULT, _FROM_FILE, _EMPTY = "The shown result", "A label file", "Nothing"


def annotation_bar(tomogram: Tomogram, result: Result | None) -> None:
    """Let the user choose, begin, rename and delete annotations of a tomogram."""
    running = job_blocks.active_job(tomogram, "annotate")
    if running is not None:
        st.session_state["annotation_job"] = running.id
        job_blocks.job_progress(running.id)
        return
    _open_what_was_made()
    known = annotations(tomogram)
    with st.container(horizontal=True, vertical_alignment="bottom", key="annotation_bar"):
        if known:
            _choose(known, state.annotation(tomogram))
        with st.popover(
            "New annotation" if known else "Start an annotation",
            icon=":material/edit:",
            type="secondary" if known else "primary",
            help="Objects that you can correct by hand. The result itself stays as it is.",
        ):
            _begin(tomogram, result)
        chosen = state.annotation(tomogram)
        if chosen is not None:
            with st.popover("Download", icon=":material/download:"):
                _files(chosen)
            with st.popover("Propose all", icon=":material/auto_awesome:"):
                _propose(tomogram, chosen)
            st.button(
                "Teach the model",
                icon=":material/school:",
                on_click=_teach,
                args=(chosen,),
                help="Makes a data set to train on: of a review, its tiles alone; what nobody has "
                "looked at counts for neither side. The page Train goes on from there.",
            )
            with st.popover("Rename or delete", icon=":material/more_horiz:"):
                _change(chosen)
    if st.session_state.pop("teach_now", False):
        st.switch_page("train.py")
    proposing = job_blocks.active_job(tomogram, "propose")
    if proposing is not None:
        st.session_state["propose_job"] = proposing.id
        job_blocks.job_progress(proposing.id)
    elif st.session_state.get("propose_job"):
        _tell_proposed(st.session_state.pop("propose_job"))


def _choose(known: list[KeptAnnotation], chosen: KeptAnnotation | None) -> None:
    names = {kept.id: f"{kept.name} · {kept.created:%Y-%m-%d %H:%M}" for kept in known}
    st.session_state["chosen_annotation"] = None if chosen is None else chosen.id
    st.selectbox(
        "Annotation",
        [None, *names],
        key="chosen_annotation",
        format_func=lambda each: "None is open" if each is None else names[each],
        on_change=lambda: state.choose_annotation(st.session_state["chosen_annotation"]),
    )


def _begin(tomogram: Tomogram, result: Result | None) -> None:
    sources = [_FROM_FILE, _EMPTY] if result is None else [_FROM_RESULT, _FROM_FILE, _EMPTY]
    source = st.radio("It begins with", sources, key="annotation_source")
    labels, params = None, SourceParams()
    if source == _FROM_RESULT:
        low = state.low_threshold()
        params = SourceParams(threshold=state.threshold(), low=low, min_voxels=_least_voxels())
        faint = "" if low is None else f", with what is connected to it above {low:.2f},"
        st.caption(
            f"Each connected part above the threshold {state.threshold():.2f}{faint} is an object."
        )
    elif source == _FROM_FILE:
        labels = _label_file(tomogram)
        params = SourceParams(separate=st.checkbox("Each connected part is an object"))
    name = st.text_input("Name", value=_free_name(tomogram), max_chars=200)
    ready = source != _FROM_FILE or labels is not None
    if st.button("Begin", type="primary", icon=":material/edit:", disabled=not ready):
        with widgets.errors_shown():
            if source == _EMPTY:
                beside = None if result is None else result.id
                state.choose_annotation(add_annotation(tomogram, name, beside=beside).id)
                st.rerun()
            request = jobs.AnnotateRequest(
                tomogram=tomogram.id,
                name=name,
                wish=secrets.token_hex(8),
                score=result.id if result is not None and source == _FROM_RESULT else None,
                labels=None if labels is None else str(labels),
                params=params,
            )
            job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
            st.session_state["annotation_job"] = job.id
            st.rerun()


def _least_voxels() -> int:
    return int(
        st.number_input(
            "Smallest object (voxels)",
            min_value=1,
            value=20,
            help="Smaller parts are noise as a rule, and are left out.",
        )
    )


def _label_file(tomogram: Tomogram) -> Path | None:
    for upload in components.label_zone(f"labels_{tomogram.id}"):
        with widgets.errors_shown():
            keep_truth(tomogram, upload.id)
    known = known_truths(tomogram)
    if widgets.labels_seen(tomogram.volume()):
        known = [tomogram.source, *known]
    return st.selectbox("File", known, format_func=lambda path: path.name) if known else None


def _free_name(tomogram: Tomogram) -> str:
    taken = {kept.name for kept in annotations(tomogram)}
    numbers = range(1, len(taken) + 2)
    return next(name for n in numbers if (name := f"Annotation {n}") not in taken)


def _open_what_was_made() -> None:
    """Open the annotation of the job that has just ended, or say why there is none."""
    job_id = st.session_state.pop("annotation_job", None)
    if job_id is None:
        return
    try:
        job = jobs.read_job(Workspace(), job_id)
    except DeepSXTError:
        return
    folder = jobs.job_folder(Workspace(), job)
    made = (read_json(folder / RUN_NAME) or {}).get("annotation") if folder else None
    if job.state == "done" and made is not None:
        state.choose_annotation(made)
    else:
        job_blocks.job_ending(job)


def _files(chosen: KeptAnnotation) -> None:
    address = annotation_address(chosen.tomogram, chosen.id)
    st.caption("The number of the object at each voxel, as of now, and what the numbers stand for.")
    components.downloads(
        [
            Download(
                label="Table" if name == TABLE_FILE else "Labels",
                note=name.rpartition(".")[2].upper(),
                address=f"{address}/files/{name}",
                title=_FILE_NOTES[name],
            )
            for name in (*LABEL_FILES, TABLE_FILE)
        ],
        key=f"files_{chosen.id}",
    )


def _propose(tomogram: Tomogram, chosen: KeptAnnotation) -> None:
    """Let the user have all bodies of a tomogram proposed, as objects of one class."""
    st.caption(
        "Every enclosed body becomes a machine-made object. It takes minutes; the review then "
        "goes through them by key."
    )
    class_name = st.text_input("Class", ORGANELLE, max_chars=200, key="propose_class")
    confidence = st.slider(
        "Least confidence",
        0.0,
        1.0,
        LEAST_CONFIDENCE,
        0.05,
        help="Less sure bodies are left out; most of those below 0.7 are no organelles.",
    )
    busy = job_blocks.active_job(tomogram, "propose") is not None
    if st.button("Propose", type="primary", disabled=busy or chosen.score is None):
        with widgets.errors_shown():
            request = jobs.ProposeRequest(
                tomogram=tomogram.id,
                annotation=chosen.id,
                wish=secrets.token_hex(8),
                least_confidence=confidence,
                class_name=class_name,
            )
            close_desk(chosen)  # a tab that edits gets it back with its next change
            st.session_state["propose_job"] = jobs.submit(
                Workspace(), request, tomogram=tomogram.id
            ).id
            st.rerun()
    if chosen.score is None:
        st.caption("This annotation knows no result. Begin one with the result that is shown.")


@widgets.errors_shown()
def _teach(chosen: KeptAnnotation) -> None:
    training_data.keep_annotated(chosen.name, [chosen])
    st.session_state["teach_now"] = True


def _tell_proposed(job_id: str) -> None:
    """Say what has come of the proposals."""
    try:
        job = jobs.read_job(Workspace(), job_id)
    except DeepSXTError:
        return
    folder = jobs.job_folder(Workspace(), job)
    made = (read_json(folder / RUN_NAME) or {}).get("objects") if folder else None
    if job.state == "done" and made is not None:
        st.toast(f"{made} bodies are proposed.", icon=":material/auto_awesome:")
    else:
        job_blocks.job_ending(job)


def _change(chosen: KeptAnnotation) -> None:
    name = st.text_input("Name", chosen.name, max_chars=200, key=f"name_{chosen.id}")
    if st.button("Rename", disabled=name == chosen.name):
        rename_annotation(chosen, name)
        st.rerun()
    if st.button(
        "Delete for good",
        icon=":material/delete:",
        help="With all that was drawn, and its journal. Surfaces made of it stay.",
    ):
        with widgets.errors_shown():
            close_desk(chosen)
            remove_annotation(chosen)
            state.choose_annotation(None)
            st.toast(texts.escaped(f"'{chosen.name}' is deleted."), icon=":material/delete:")
            st.rerun()
