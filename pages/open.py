"""Open a tomogram and see what is in it."""

from dataclasses import replace
from itertools import permutations
from typing import Literal

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core.errors import DatasetChoiceError
from deepsxt_core.geometry import doubts
from deepsxt_core.io import list_datasets
from deepsxt_core.io.readers.choosing import PartParams, split_axes, with_axes
from deepsxt_core.parameters import declared_field
from deepsxt_core.preprocessing import suggest_invert, suggested_region
from deepsxt_core.preprocessing.validity import VoidRule
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.web import routes
from deepsxt_core.web.pictures import Survey
from deepsxt_core.workspace import Tomogram, Workspace
from shared import (
    checks,
    components,
    history,
    intake,
    library,
    reconstruction,
    snapshot,
    sources,
    state,
    steps,
    texts,
    widgets,
)

_EDGES_NM = (0.01, 100_000.0)
_BAR_COLOUR = "#179d8f"
_SIZE_CHOICES = {"file": "From the file", "cubic": "Cubic", "axes": "Per axis"}
_POLARITIES = {"Automatic": None, "Dark": False, "Bright": True}


def show(tomogram: Tomogram) -> None:
    """Show what is in the open tomogram and let the user put its facts right."""
    try:
        volume = snapshot.volume(tomogram)
    except DatasetChoiceError:
        _choose_dataset(tomogram)
        return
    size = volume.voxel_size_nm
    doubtful = doubts(size) if size and tomogram.voxel_size_nm is None else ()
    for warning in volume.warnings:
        if warning in doubtful:
            continue  # asked about beside the voxel size
        st.warning(texts.escaped(warning), icon=":material/info:")
    source = routes.slice_source(tomogram)
    left, right = widgets.split(3, 2)
    with left:
        components.slice_preview(tomogram, volume.shape, volume.voxel_size_nm, key="preview")
    labels = widgets.labels_seen(volume)
    with right:
        _facts(volume)
        _axes(tomogram, volume)
        if labels:
            _labels(tomogram, labels)
        _voxel_size(tomogram, volume)
        if not labels:
            _polarity(tomogram, volume)
            checks.void_card(tomogram)
        _histogram(source.survey)
    if labels:
        return
    report = checks.health_card(volume, source.survey, checks.void_rule(tomogram))
    checks.crop_card(tomogram, volume, source.survey, suggested_region(report, volume))


def _labels(tomogram: Tomogram, labels: set[float]) -> None:
    """Offer to go on to the surfaces at once."""
    with st.container(border=True, key="labels"):
        st.markdown("**These look like labels, not like grey values**")
        st.caption(
            "They need no segmentation. Each value above 0, or each body, becomes a surface."
        )
        outside = reconstruction.usual_params(labels).outside
        if outside:
            st.caption(
                f":material/info: No voxel is 0; {outside} is taken for what lies outside of all "
                "objects, unless you set another value on *Surface*."
            )
        if st.button(
            "Make surfaces",
            type="primary",
            icon=":material/deployed_code:",
            width="stretch",
            help="Starts with the usual settings; the next page shows how far it is, and lets you "
            "change them.",
        ):
            state.choose_annotation(None)
            state.choose_score(state.LABELS)
            sources.reconstruct(tomogram, None, reconstruction.usual_params(labels))
            st.switch_page("surface.py")


def _choose_dataset(tomogram: Tomogram) -> None:
    candidates = list_datasets(tomogram.source)
    with st.container(border=True):
        st.markdown("**This file holds several volumes. Which one is the tomogram?**")
        chosen = st.radio(
            "Volume",
            [name for name, _, _ in candidates],
            captions=[f"{' × '.join(map(str, shape))}, {dtype}" for _, shape, dtype in candidates],
            format_func=texts.escaped,
            label_visibility="collapsed",
        )
        if st.button("Use this volume", type="primary", icon=":material/check:"):
            tomogram.update(dataset=chosen)
            st.rerun()


def _facts(volume: Volume) -> None:
    with st.container(border=True, horizontal=True, gap="medium", key="facts"):
        st.metric("Voxels (x × y × z)", texts.shape_text(volume.shape), width="content")
        st.metric("Size", texts.extent_text(volume), width="content")
        st.metric("File", f"{volume.format}, {volume.dtype}", width="content")


def _axes(tomogram: Tomogram, volume: Volume) -> None:
    """Let the user say how the axes of the file run, where it says it wrongly or not at all."""
    name, axes = split_axes(tomogram.dataset)
    if volume.shape[0] == 1 and axes is None:
        return
    now = None if axes is None else "".join(axis.removeprefix("+") for axis in axes)
    with st.expander("Axes of the file", icon=":material/3d_rotation:", expanded=axes is not None):
        known = ["".join(order) for order in permutations("zyx")]
        choices = [None, *known, *([now] if now not in (None, *known) else [])]
        chosen = st.selectbox(
            "Sections, rows and columns run along",
            choices,
            index=choices.index(now),
            format_func=lambda each: "As the file says" if each is None else ", ".join(each),
            help=declared_field(PartParams, "axes").help,
            key=f"axes_{tomogram.id}",
        )
        if chosen != now:
            tomogram.update(dataset=with_axes(name, chosen))
            st.rerun()


def _voxel_size(tomogram: Tomogram, volume: Volume) -> None:
    in_file = volume if tomogram.voxel_size_nm is None else _as_in_file(tomogram)
    stated = in_file.voxel_size_nm
    confirmed = tomogram.voxel_size_nm
    key = f"voxel_{tomogram.id}"
    current = "file" if confirmed is None else "cubic" if len(set(confirmed)) == 1 else "axes"
    with st.container(border=True, key="voxel"):
        choice = st.segmented_control(
            "Voxel size",
            list(_SIZE_CHOICES),
            default=current,
            required=True,
            format_func=_SIZE_CHOICES.__getitem__,
            help=texts.TERMS["voxel size"],
            key=key,
        )
        start = confirmed or stated
        if choice == "file":
            size = None
            st.caption(
                f"{texts.voxel_text(stated)} (x × y × z)"
                if stated
                else "The file does not say. Lengths are in pixels until you set a size."
            )
        elif choice == "cubic":
            edge = _edge("Edge (nm)", start and start.x, f"{key}_edge", st.container())
            size = VoxelSize.isotropic(edge) if edge else confirmed
        else:
            x, y, z = (
                _edge(f"{axis} (nm)", start and getattr(start, axis), f"{key}_{axis}", column)
                for axis, column in zip("xyz", st.columns(3), strict=True)
            )
            size = VoxelSize(z, y, x) if x and y and z else confirmed
        if confirmed is None and stated is not None and choice == "file":
            for doubt in doubts(stated):
                st.warning(texts.escaped(doubt), icon=":material/straighten:")
            if doubts(stated) and st.button(
                "It is right", icon=":material/check:", help="Keeps this size and asks no more."
            ):
                tomogram.update(voxel_size_nm=stated)
                st.session_state.pop(key, None)
                st.rerun()
        if size != confirmed:
            tomogram.update(voxel_size_nm=size)
            st.rerun()


def _edge(label: str, value: float | None, key: str, where: DeltaGenerator) -> float | None:
    low, high = _EDGES_NM
    # A size beyond the limits is the very one that is to be corrected: nothing is proposed then.
    start = value if value is not None and low <= value <= high else None
    return where.number_input(label, low, high, start, format="%.4g", key=key, placeholder="nm")


def _as_in_file(tomogram: Tomogram) -> Volume:
    return replace(tomogram, voxel_size_nm=None).volume()


def _polarity(tomogram: Tomogram, volume: Volume) -> None:
    with st.container(border=True, key="polarity"):
        names = {invert: name for name, invert in _POLARITIES.items()}
        choice = st.segmented_control(
            "Membranes are",
            list(_POLARITIES),
            default=names[tomogram.invert],
            required=True,
            help=texts.TERMS["polarity"],
            key=f"polarity_{tomogram.id}",
        )
        invert, void = _POLARITIES[choice], checks.void_rule(tomogram)
        if invert is None:
            found = "bright: the values will be inverted" if _looks_bright(volume, void) else "dark"
            st.caption(f"They look {found}.")
        if invert != tomogram.invert:
            tomogram.update(invert=invert)
            st.rerun()


@st.cache_data(
    max_entries=32,
    show_spinner=False,
    hash_funcs={Volume: lambda each: (each.path, each.dataset, each.path.stat().st_mtime_ns)},
)
def _looks_bright(volume: Volume, void: VoidRule) -> bool:
    return suggest_invert(volume, void)


def _histogram(survey: Survey) -> None:
    with st.container(border=True, key="histogram"):
        st.caption("Grey values")
        centres = (survey.edges[:-1] + survey.edges[1:]) / 2
        figure = go.Figure(
            go.Bar(
                x=centres,
                y=survey.counts,
                marker={"color": _BAR_COLOUR, "line": {"width": 0}},
                hovertemplate="%{x:.4~r}<extra></extra>",
            )
        )
        figure.update_layout(
            height=130,
            margin={"l": 0, "r": 0, "t": 4, "b": 0},
            bargap=0,
            yaxis={"visible": False},
            xaxis={"showgrid": False},
        )
        st.plotly_chart(figure, config={"displayModeBar": False}, key="grey_values")
        if survey.finite_fraction < 1:
            st.caption(f"{1 - survey.finite_fraction:.2%} of the values are NaN or infinite.")


tomogram = state.tomogram()
if tomogram is None:
    widgets.header(
        "Open a tomogram",
        "Its membranes are found, shown slice by slice, and turned into a surface.",
    )
    if not Workspace().tomograms():
        st.page_link(
            "help.py",
            label="New here? The tutorial goes from the sample to a figure in ten minutes.",
            icon=":material/school:",
            query_params={"doc": "tutorial"},
        )
    intake.choose_source()
    library.show()
else:
    has_labels = steps.holds_labels(tomogram)
    aim = "make surfaces of it" if has_labels else "segment it"
    row = widgets.header(tomogram.name, f"Check what was read, then {aim}.")
    if row.button("Open another", icon=":material/folder_open:"):
        state.open_tomogram(None)
        st.rerun()
    kind: Literal["primary", "secondary"] = "secondary" if has_labels else "primary"
    if row.button("Segment", type=kind, icon=":material/arrow_forward:"):
        st.switch_page("segment.py")
    with widgets.errors_shown():
        show(tomogram)
    history.show(tomogram)
