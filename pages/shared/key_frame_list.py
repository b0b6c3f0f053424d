"""The list of views that a film is to come by, to be put in order."""

import dataclasses
from functools import partial

import streamlit as st

from deepsxt_core.export.film_plan import Pace
from deepsxt_core.export.shots import KeyFrame, SurfaceShot
from deepsxt_core.export.surface_shots import one_turn
from deepsxt_core.io.pyramid import AXES, PLANE_NAMES
from deepsxt_core.numerals import number_text
from deepsxt_core.workspace import Tomogram
from deepsxt_core.workspace.key_frames import key_frames, move_key_frame, replace_key_frame
from shared import snapshot


def chosen(tomogram: Tomogram) -> tuple[tuple[KeyFrame, ...], Pace]:
    """Show the views that are kept; let the user put them in order."""
    frames = key_frames(tomogram)
    if not frames:
        st.info(
            "No key frames yet. In *Review* or *Surface*, set a view and choose "
            "**Add this view as key frame** in the panel *Picture*; the film moves from one to the "
            "next. **Film through z** in *Review* needs none.",
            icon=":material/movie:",
        )
        return (), "eased"
    st.caption("The film moves from view to view, in the seconds beside each. The last one stays.")
    for place, frame in enumerate(frames):
        _row(tomogram, place, frame, len(frames))
    alone = frames[0].surface if len(frames) == 1 else None
    if alone is not None and st.toggle("Turn once around it", key="film_turn"):
        return one_turn(alone, frames[0].seconds), "even"
    return frames, "eased"


def _row(tomogram: Tomogram, place: int, frame: KeyFrame, count: int) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(f"**{place + 1}**", width=24)
    row.markdown(_about(tomogram, frame), width="stretch")
    name, key = f"Seconds of key frame {place + 1}", f"film_seconds_{place}_{frame.seconds}"

    def retime() -> None:
        seconds = st.session_state[key]
        replace_key_frame(tomogram, place, dataclasses.replace(frame, seconds=seconds))

    row.number_input(
        name, 0.0, 60.0, frame.seconds, 0.5, "%.1f", width=120, label_visibility="collapsed",
        key=key, help=name, on_change=retime,
    )  # fmt: skip
    acts = (
        ("arrow_upward", "Earlier", place == 0, partial(move_key_frame, by=-1)),
        ("arrow_downward", "Later", place == count - 1, partial(move_key_frame, by=1)),
        ("delete", "Remove", False, partial(replace_key_frame, frame=None)),
    )
    for icon, act, is_off, change in acts:
        row.button(
            act, icon=f":material/{icon}:", help=f"Key frame {place + 1}", disabled=is_off,
            type="tertiary", key=f"film_{icon}_{place}", on_click=change, args=(tomogram, place),
        )  # fmt: skip


def _about(tomogram: Tomogram, frame: KeyFrame) -> str:
    """Return what a key frame shows, in one line."""
    shot = frame.shot
    if isinstance(shot, SurfaceShot):
        unit = "voxels" if snapshot.volume(tomogram).voxel_size_nm is None else "µm"
        seen = "" if shot.is_parallel else ", perspective"
        return f"Surface, {number_text(2 * shot.half, digits=3)} {unit} in height{seen}"
    words = f"{PLANE_NAMES[shot.axis]}, slice {shot.index + 1}"
    if shot.view is not None:
        shape = snapshot.volume(tomogram).shape
        rows, columns = (n for n, axis in zip(shape, AXES, strict=True) if axis != shot.axis)
        r0, c0, r1, c1 = shot.view
        share = max((r1 - r0) / rows, (c1 - c0) / columns)
        words += "" if share > 0.99 else f", {share:.0%} of it"
    parts = [words]
    if shot.first is not None:
        parts.append("compared" if shot.other is not None else "with the result")
    if shot.annotation is not None:
        parts.append("objects")
    return " · ".join(parts)
