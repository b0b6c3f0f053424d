"""The truth on the page *Evaluate*: an annotation, or a file, maybe brought."""

from pathlib import Path

import streamlit as st

from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from deepsxt_core.workspace.truths import keep_truth, known_truths
from shared import components, server_files, snapshot, widgets

Truth = Path | KeptAnnotation
"""What is true: a file, or an annotation as it is now."""


def choose(tomogram: Tomogram, source: Result | KeptAnnotation) -> Truth | None:
    """Let the user choose an annotation, or choose or bring a file, as the truth for a source."""
    known: list[Truth] = [*known_truths(tomogram)]
    chosen = st.session_state.get(f"brought_{tomogram.id}")
    if chosen is not None and Path(chosen) not in known:
        known.append(Path(chosen))
    known += [kept for kept in snapshot.annotations(tomogram) if kept.id != source.id]
    truth = None
    if known:
        truth = st.selectbox(
            "Truth",
            known,
            index=known.index(Path(chosen)) if chosen else 0,
            format_func=_name,
            help="A mask or labels of this tomogram, where every value but 0 is membrane; or an "
            "annotation, of which what is not judged counts for neither side.",
        )
    with st.expander("Another truth" if known else "Bring a truth", expanded=not known):
        for upload in components.label_zone(f"truth_{tomogram.id}"):
            with widgets.errors_shown():
                _bring(tomogram, keep_truth(tomogram, upload.id))
        path = server_files.choose(f"truth_file_{tomogram.id}", "Take", ":material/dns:")
        if path is not None:
            _bring(tomogram, path)
    return truth


def _name(truth: Truth) -> str:
    """Return what a truth is called."""
    return truth.name if isinstance(truth, Path) else f"Annotation · {truth.name}"


def _bring(tomogram: Tomogram, path: Path) -> None:
    st.session_state[f"brought_{tomogram.id}"] = str(path)
    st.rerun()
