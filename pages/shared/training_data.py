"""The choice of training data: files of one's own, a kept data set, a folder of the server."""

from contextlib import ExitStack
from pathlib import Path

import streamlit as st

from deepsxt_core import settings
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.training.kept_sets import add_files, list_sets, remove_set
from deepsxt_core.training.pairing import LABEL_MARKS
from deepsxt_core.training.published_sets import SUFFIX
from deepsxt_core.training.reading import DataParams
from deepsxt_core.workspace import Workspace, data_roots, uploads
from deepsxt_core.workspace.annotations import KeptAnnotation, train_on
from shared import components, inputs, snapshot, texts, widgets

_UPLOAD, _KEPT, _SERVER = "Upload", "In the workspace", "On this server"
_ANNOTATED = "Annotations"
_POLARITIES = {"Automatic": None, "Dark": False, "Bright": True}
_SUFFIXES = (".tif", ".tiff", ".mrc", ".rec", ".h5", ".hdf5", ".nii", ".nrrd", ".npy", SUFFIX)


def data_card() -> Path | None:
    """Let the user choose the data; return its folder."""
    with st.container(border=True, key="data"):
        st.markdown("**Labelled slices**")
        kept = list_sets()
        roots = [root for root in settings.data_roots() if root.is_dir()]
        annotated = [each for one in Workspace().tomograms() for each in snapshot.annotations(one)]
        ways = [_UPLOAD] + [_KEPT] * bool(kept) + [_SERVER] * bool(roots)
        ways += [_ANNOTATED] * bool(annotated)
        way: str | None = ways[0]
        if len(ways) > 1:
            if st.session_state.get("data_way") not in ways:
                st.session_state["data_way"] = _KEPT if kept else _UPLOAD
            way = st.segmented_control(
                "Where the data is",
                ways,
                required=True,
                key="data_way",
                label_visibility="collapsed",
            )
        if way in (_UPLOAD, _ANNOTATED):
            _upload() if way == _UPLOAD else _annotated(annotated)
            return None
        return _kept_set(kept) if way == _KEPT else _server_set(roots)


def _upload() -> None:
    files = components.file_zone(
        "data_files", "Drop images NAME.tif with labels NAME.labels.tif", _SUFFIXES, multiple=True
    )
    names = ", ".join(texts.escaped(file.name) for file in files)
    st.caption(
        f":material/check: {names}" if files else "Images, and labels beside them.",
        help="Labels are 0 outside and above 0 on membranes; 128 marks what nobody has judged. "
        "Images without labels are welcome: the network learns to repaint them. Tomograms with "
        "label volumes and the .npz data sets of the published software work too.",
    )
    name = st.text_input("Name of the data set", placeholder="my cells", key="data_name")
    st.button(
        f"Keep {len(files)} files" if files else "Keep",
        icon=":material/save:",
        width="stretch",
        disabled=not files or not name.strip(),
        help="They stay in the workspace, to train on and to add to.",
        on_click=_keep,
        args=(name, files),
    )


@widgets.errors_shown()
def _keep(name: str, files: list) -> None:
    # Before the page is drawn: the choice above can then follow.
    with ExitStack() as stack:
        opened = [(file.name, stack.enter_context(file.path.open("rb"))) for file in files]
        kept = add_files(name, opened)
    for file in files:
        uploads.discard(Workspace(), file.id)
    st.session_state["data_kept"] = kept.name
    st.session_state["data_way"] = _KEPT


def _annotated(annotated: list[KeptAnnotation]) -> None:
    by_id = {kept.id: kept for kept in annotated}
    chosen = st.multiselect(
        "Annotations",
        list(by_id),
        format_func=lambda each: f"{by_id[each].tomogram.name} · {by_id[each].name}",
        placeholder=f"{len(by_id)} to choose from",
        key="data_annotations",
        help="Learnt is the class membrane, or all classes where there is none of that name. "
        "What is not judged counts for neither side. Name classes below to learn several.",
    )
    named = st.text_input(
        "Classes",
        placeholder="membrane",
        key="data_annotated_classes",
        help="Names of classes of the annotations, with commas between: membrane, nucleus. The "
        "model then scores each of them.",
    )
    name = st.text_input("Name of the data set", placeholder="my cells", key="data_name")
    st.button(
        "Keep as they are now",
        icon=":material/save:",
        width="stretch",
        disabled=not chosen or not name.strip(),
        help="Tomograms and labels are copied into the workspace: later edits change nothing in "
        "what a model has learnt from. Keep them again under the same name to renew them.",
        on_click=keep_annotated,
        args=(name, [by_id[each] for each in chosen], named),
    )


@widgets.errors_shown()
def keep_annotated(name: str, chosen: list[KeptAnnotation], named: str = "") -> None:
    """Make a data set of annotations as they are now, and choose it; of these classes, if any."""
    classes = [part.strip() for part in named.split(",") if part.strip()]
    table = ",".join(f"{number}={each}" for number, each in enumerate(classes, 1))
    if classes:
        DataParams(classes=table)
    for annotated in chosen:
        st.session_state["data_kept"] = train_on(annotated, name, classes).name
    st.session_state["data_classes"] = table
    st.session_state["data_way"] = _KEPT


def _kept_set(kept: list) -> Path:
    by_name = {each.name: each for each in kept}
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.selectbox("Data set", list(by_name), key="data_kept")
    if row.button("Remove", icon=":material/delete:", key="data_remove"):
        _confirm_removal(name)
    return by_name[name].folder


@st.dialog("Remove this data set?")
def _confirm_removal(name: str) -> None:
    st.write(f"The files of **{texts.escaped(name)}** are deleted. Models trained on it stay.")
    if st.button("Remove", type="primary", icon=":material/delete:", key="data_really"):
        with widgets.errors_shown():
            remove_set(name)
            st.rerun()


def _server_set(roots: list[Path]) -> Path | None:
    root = roots[0]
    if len(roots) > 1:
        root = st.selectbox(
            "Folder of the server", roots, format_func=lambda each: each.name, key="data_root"
        )
    names = data_roots.list_folders(root, {*LABEL_MARKS, SUFFIX})
    name = st.selectbox(
        "Folder with labels",
        names,
        index=None,
        placeholder=f"{len(names)} folders",
        format_func=lambda each: root.name if each == "." else each,
        key="data_folder",
    )
    return None if name is None else data_roots.find_folder(root, name)


def reading_card() -> DataParams:
    """Let the user say how labels and grey values are meant, where it is not plain."""
    with st.expander("How the files are read", icon=":material/rule:"):
        polarity = st.segmented_control(
            "Membranes are",
            list(_POLARITIES),
            default="Automatic",
            required=True,
            help=texts.TERMS["polarity"],
            key="data_polarity",
        )
        ignore = inputs.number(
            DataParams,
            "ignore_label",
            "Label of unjudged pixels",
            placeholder="128 beside 0, 1 and 255",
            key="data_ignore",
        )
        classes = st.text_input(
            "Classes of the labels",
            placeholder="what is above 0 is membrane",
            key="data_classes",
            help="What each value means, where there are several: 1=membrane, 2=nucleus, 3=none. "
            "The model then scores each class.",
        )
        void = inputs.toggle(DataParams, "void", "Leave out what was not measured", key="data_void")
        value = None
        if void:
            value = inputs.number(
                DataParams,
                "void_value",
                "Grey value of what was not measured",
                placeholder="found",
                key="data_void_value",
            )
    try:
        return DataParams(
            ignore_label=ignore,
            invert=_POLARITIES[polarity],
            void=void,
            void_value=value,
            classes=classes.strip() or None,
        )
    except InvalidParameterError as error:
        st.error(texts.escaped(str(error)), icon=":material/error:")
        st.stop()
