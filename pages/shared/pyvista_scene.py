"""A PyVista scene beside our own 3D view: volume rendering and slice planes, shown by stpyvista.

This is the only module that may import stpyvista, which is under the GPL 3 (docs/dependencies.md).
Its component alone is taken: its own way to make a page from a plotter forks the server without a
limit. The page comes from `deepsxt_core.workspace.scenes` instead, made within limits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from deepsxt_core.errors import DrawingError
from deepsxt_core.export.scene_params import Dense, SceneParams, VolumeChoice
from deepsxt_core.numerals import number_text
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.scenes import scene_file
from shared import snapshot, sources, texts, widgets
from shared.sources import Source

_HEIGHT_PX = 620
_VOLUMES: dict[VolumeChoice, str] = {"score": "Score", "tomogram": "Tomogram", "none": "Nothing"}
_DENSE: dict[Dense, str] = {"dark": "Dark", "bright": "Bright"}


@dataclass(frozen=True, slots=True)
class _Made:
    """A page (HTML), or a picture (PNG) instead with the reason; neither if both failed."""

    page: str | None
    picture: bytes | None
    reason: str | None


def card(tomogram: Tomogram, source: Source, surface: Result) -> None:
    """Offer the scene of a surface; nothing is made before it is asked for."""
    with st.expander("PyVista scene: volume, slice planes, scale", icon=":material/view_in_ar:"):
        _scene(tomogram, source, surface)


@st.fragment
@widgets.errors_shown()
def _scene(tomogram: Tomogram, source: Source, surface: Result) -> None:
    volume = snapshot.volume(tomogram, sources.region(source))
    score = source if isinstance(source, Result) else None
    key = f"pyvista_{surface.id}"
    asked = _form(volume, score, surface, key)
    if asked is not None:
        st.session_state[key] = asked
    params = st.session_state.get(key)
    if params is None:
        return
    size = surface.run["recipe"]["voxel_size_nm"]
    if tuple(size or ()) != tuple(volume.voxel_size_nm or ()):
        st.caption(
            "The voxel size has been corrected since this surface was made. The scene has the one "
            "that the surface was made with."
        )
    with st.spinner("Making the scene: some seconds, at most some minutes.", show_time=True):
        component, unusable = _component()
        wanted = (str(surface.folder), tomogram.source.stat().st_mtime_ns, params, unusable)
        made = _made(tomogram, surface, *wanted)
    _show(made, component, params, key)
    if made.reason:
        st.button(
            "Try again",
            icon=":material/refresh:",
            key=f"{key}_again",
            on_click=_made.clear,
            args=(tomogram, surface, *wanted),
        )


def _form(volume: Volume, score: Result | None, surface: Result, key: str) -> SceneParams | None:
    """Let the user choose what to show; return it when it is asked for."""
    usual = SceneParams()
    likely: Dense = "bright" if score is None or score.run.get("inverted") else "dark"
    with st.form(key=f"{key}_form", border=False):
        names = [name for name in _VOLUMES if score is not None or name != "score"]
        with st.container(horizontal=True, gap="large"):
            shown = st.segmented_control(
                "Volume",
                names,
                default=names[0],
                required=True,
                format_func=_VOLUMES.__getitem__,
                help="Drawn as a cloud: of the score, what lies above the threshold; of the "
                "tomogram, the fifth of most matter. Large ones are averaged to "
                f"{usual.max_voxels / 1e6:g} million voxels.",
            )
            dense = st.segmented_control(
                "Much matter is",
                list(_DENSE),
                default=likely,
                required=True,
                format_func=_DENSE.__getitem__,
                help="In the tomogram. " + texts.TERMS["polarity"],
            )
        with st.container(horizontal=True, gap="large"):
            planes = st.checkbox("Slice planes", usual.planes, help="Three, of the tomogram.")
            surfaces = st.checkbox(
                "Surfaces",
                usual.surfaces,
                help=f"Thinned to {usual.max_faces:,} triangles for display.",
            )
            scale = st.checkbox(
                "Axes and scale bar", usual.scale, help="In µm, or voxels if their size is unknown."
            )
        opacity = st.slider(
            "Opacity of the volume",
            0.02,
            1.0,
            usual.opacity,
            0.02,
            width=200,
            help="Of what scores highest, or has most matter.",
        )
        places = _places(volume)
        if not st.form_submit_button("Draw the scene", icon=":material/view_in_ar:"):
            return None
    return SceneParams(
        volume=shown or "none",
        planes=planes,
        plane_at=places,
        surfaces=surfaces,
        scale=scale,
        opacity=opacity,
        score_from=surface.run["params"]["threshold"],
        dense=dense or "dark",
        theme=st.context.theme.type or "light",
    )


def _places(volume: Volume) -> tuple[float, float, float]:
    """Let the user choose where the planes stand; return fractions along (z, y, x)."""
    chosen = []
    names = (("z", "slice"), ("y", "row"), ("x", "column"))
    with st.container(horizontal=True, gap="large"):
        for place, (axis, name) in enumerate(names):
            last = volume.shape[place] - 1
            if last == 0:
                chosen.append(0.0)
                continue
            text = f"{axis} ({name})"
            if volume.voxel_size_nm is not None:
                text += f", {number_text(volume.voxel_size_nm[place])} nm each"
            at = st.slider(text, 0, last, last // 2, help=f"Where the plane across {axis} stands.")
            chosen.append(at / last)
    z, y, x = chosen
    return z, y, x


@st.cache_data(max_entries=4, ttl="10m", show_spinner=False)
def _made(
    _tomogram: Tomogram,
    _surface: Result,
    surface_folder: str,  # noqa: ARG001
    changed_ns: int,  # noqa: ARG001
    params: SceneParams,
    unusable: str | None,
) -> _Made:
    """Return the scene; what does not begin with ``_`` is what it is kept by.

    `unusable` is why a page cannot be shown, if so.
    """
    reason = unusable
    if reason is None:
        try:
            return _Made(scene_file(_tomogram, _surface, params).read_text("utf-8"), None, None)
        except DrawingError as error:
            reason = str(error)
    try:
        picture = scene_file(_tomogram, _surface, params, "picture").read_bytes()
    except DrawingError as error:
        return _Made(None, None, f"{reason} {error}")
    return _Made(None, picture, reason)


def _show(made: _Made, component: Callable[..., Any] | None, params: SceneParams, key: str) -> None:
    if made.page is not None and component is not None:
        # What `stpyvista.stpyvista` hands over for its backend "trame".
        data = {
            "_html": made.page,
            "backend": "trame",
            "height": _HEIGHT_PX,
            "width": "stretch",
            "use_container_width": True,
        }
        component(key=f"{key}_view", data=data)
        st.caption(_about(params, len(made.page)))
        return
    if made.picture is not None:
        st.image(made.picture, alt="The scene, drawn by the server", width="stretch")
    st.warning(texts.escaped(made.reason or ""), icon=":material/image:")


def _component() -> tuple[Callable[..., Any] | None, str | None]:
    """Return the component of stpyvista, or why there is none.

    Imported when it is needed, as that takes seconds.
    """
    try:
        from stpyvista import _stpv_component
    except (ImportError, StreamlitAPIException) as error:
        return None, f"A picture instead of the scene: stpyvista cannot be loaded ({error})."
    return _stpv_component, None


def _about(params: SceneParams, size_bytes: int) -> str:
    parts = ["Drag to turn, with Shift to move, scroll to come closer"]
    if params.volume == "score":
        parts.append(f"score above {params.score_from:.2f}")
    elif params.volume == "tomogram":
        parts.append(f"the {_DENSE[params.dense].lower()} fifth of the tomogram")
    parts.append(texts.size_text(size_bytes))
    return " · ".join(parts)
