"""Films: views that are kept, what a film of them takes, and how it is made in the background."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.export.film import Estimate
from deepsxt_core.export.film_files import FilmFormat
from deepsxt_core.export.film_plan import FilmParams, Pace, frame_counts, sweep
from deepsxt_core.export.shots import KeyFrame, PlaneShot, SurfaceShot
from deepsxt_core.io.pyramid import AXES, PLANE_NAMES
from deepsxt_core.parameters import parsed
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, Tomogram, Workspace, films
from deepsxt_core.workspace.key_frames import (
    add_key_frame,
    key_frames,
)
from shared import components, job_blocks, key_frame_list, snapshot, state, texts, widgets
from shared.components import Download

_WIDTHS = (480, 640, 960, 1280, 1920)
_SWEEP = "film_sweep"
_OPEN = "film_open"
_TOLD = "film_kept"
_PROBLEM = "film_problem"
_SEEN = "film_measured"


def _take(tomogram: Tomogram, told: Mapping[str, Any] | None, surface_id: str | None) -> None:
    """Keep a view that a viewer has handed over, or begin a film through all planes like it."""
    if told is None:
        return
    try:
        if "plane" in told:
            shot = parsed(PlaneShot, told["plane"], "The view")
            if told["kind"] == "sweep":
                st.session_state[_SWEEP] = (tomogram.id, shot)
                st.session_state[_OPEN] = True
                return
            frame = KeyFrame(plane=shot)
        else:
            content = {**told["surface"], "surface": surface_id}
            frame = KeyFrame(surface=parsed(SurfaceShot, content, "The view"))
        add_key_frame(tomogram, frame)
    except DeepSXTError as error:
        st.session_state[_TOLD] = texts.escaped(str(error))
        return
    st.session_state[_TOLD] = f"Key frame {len(key_frames(tomogram))} is kept."


def keeper(
    tomogram: Tomogram, key: str, redraw: str, surface_id: str | None = None
) -> Callable[[], None]:
    """Return what a viewer calls when somebody wants a view in a film.

    Parameters
    ----------
    key : str
        Of the viewer.
    redraw : str
        What is set in the session for the page to be drawn anew, as its button counts the views.
    surface_id : str, optional
        Which surface the viewer shows.
    """

    def keep() -> None:
        _take(tomogram, st.session_state[key].film, surface_id)
        st.session_state[redraw] = True

    return keep


def button(row: DeltaGenerator, tomogram: Tomogram) -> None:
    """Offer the films of a tomogram; a film that a viewer asked for opens by itself."""
    if _TOLD in st.session_state:
        st.toast(st.session_state.pop(_TOLD), icon=":material/movie:")
    count = len(key_frames(tomogram))
    label = f"Film ({count})" if count else "Film"
    help = "Key frames that you added, and the films made of this tomogram."
    if row.button(label, icon=":material/movie:", help=help, key="film_button"):
        st.session_state.pop(_SWEEP, None)
        _dialog(tomogram)
    elif st.session_state.pop(_OPEN, False):
        _dialog(tomogram)


@st.dialog("Film", width="large")
@widgets.errors_shown()
def _dialog(tomogram: Tomogram) -> None:
    if state.is_guest():
        st.caption("You look as a guest: films that are here can be had, and none made.")
        _made(tomogram)
        return
    tomogram_id, shot = st.session_state.get(_SWEEP, (None, None))
    if shot is not None and tomogram_id == tomogram.id:
        frames, pace = _through(tomogram, shot)
    else:
        frames, pace = key_frame_list.chosen(tomogram)
    if frames:
        _offer(tomogram, frames, pace)
    _made(tomogram)


def _through(tomogram: Tomogram, shot: PlaneShot) -> tuple[tuple[KeyFrame, ...], Pace]:
    """Let the user choose planes and a length."""
    last = snapshot.volume(tomogram).shape[AXES.index(shot.axis)]
    st.markdown(f"**Through {PLANE_NAMES[shot.axis]}**, each plane as the one in sight")
    left, right = st.columns(2)
    first, end = 1, last
    if last > 1:
        first, end = left.slider("Planes", 1, last, (1, last))
    seconds = right.slider("Length (s)", 1, 60, 8, key="film_seconds")
    return sweep(shot, first - 1, end - 1, float(seconds)), "even"


def _offer(tomogram: Tomogram, frames: tuple[KeyFrame, ...], pace: Pace) -> None:
    """Let the user choose how the film is drawn, say what it takes, and make it."""
    usual = FilmParams()
    for name, value in (("film_width", usual.width_px), ("film_rate", usual.frames_per_s)):
        st.session_state.setdefault(name, value)
    row = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    format = row.segmented_control(
        "Format", get_args(FilmFormat), default=usual.format, required=True,
        format_func=str.upper, key="film_format",
    )  # fmt: skip
    width = row.selectbox("Width (px)", _WIDTHS, key="film_width", width=130)
    rate = row.selectbox("Frames a second", (6, 8, 12, 24, 30), key="film_rate", width=150)
    caption = row.checkbox("Caption", usual.caption, key="film_caption")
    params = FilmParams(
        format=format or usual.format, width_px=width, frames_per_s=rate, caption=caption,
        pace=pace,
    )  # fmt: skip
    if not _is_to_be_measured(tomogram, frames, params):
        return
    with st.spinner("Drawing a first frame to see how long it takes …"):
        expected, first = _expected(tomogram, tomogram.id, frames, params)
    _tell(expected, first)
    request = jobs.FilmRequest(frames=frames, params=params)
    st.button(
        "Make the film", type="primary", icon=":material/movie:", on_click=_submit,
        args=(tomogram, request),
    )  # fmt: skip
    if _PROBLEM in st.session_state:
        st.error(st.session_state.pop(_PROBLEM), icon=":material/error:")


def _is_to_be_measured(
    tomogram: Tomogram, frames: tuple[KeyFrame, ...], params: FilmParams
) -> bool:
    """Return whether a first frame is to be drawn; of surfaces it takes seconds, and is asked."""
    wanted = (tomogram.id, frames, params)
    if all(frame.surface is None for frame in frames) or st.session_state.get(_SEEN) == wanted:
        return True
    count = sum(frame_counts(frames, params))
    st.caption(f"{count:,} frames. A first one of each kind tells how long they take.")
    asked = st.button("Draw a first frame", type="primary", icon=":material/timer:")
    if asked:
        st.session_state[_SEEN] = wanted
    return asked


def _submit(tomogram: Tomogram, request: jobs.FilmRequest) -> None:
    try:
        jobs.submit(Workspace(), request, tomogram=tomogram.id)
    except DeepSXTError as error:
        st.session_state[_PROBLEM] = texts.escaped(str(error))


@st.cache_data(max_entries=16, ttl="1h", show_spinner=False)
def _expected(
    _tomogram: Tomogram,
    tomogram_id: str,  # noqa: ARG001
    frames: tuple[KeyFrame, ...],
    params: FilmParams,
) -> tuple[Estimate, Image.Image]:
    return films.expected(_tomogram, frames, params)


def _tell(expected: Estimate, first: Image.Image) -> None:
    """Say what a film takes, and offer smaller ones."""
    width, height = expected.size
    picture, words = st.columns([1, 2], vertical_alignment="center")
    picture.image(first, caption="First frame", width="stretch")
    words.markdown(
        f"**{expected.frames:,} frames** of {width} × {height} pixels, about "
        f"**{texts.duration_text(expected.seconds)}** in the background, as measured on the first."
    )
    smaller = max((each for each in _WIDTHS if each < width), default=None)
    row = words.container(horizontal=True)
    if smaller is not None:
        left = texts.duration_text(expected.seconds * (smaller / width) ** 2)
        row.button(
            f"Smaller: {smaller} px, about {left}",
            key="film_smaller",
            on_click=lambda: st.session_state.update(film_width=smaller),
        )
    fewer = {30: 12, 24: 12, 12: 6, 8: 6}.get(st.session_state["film_rate"])
    if fewer is not None:
        left = texts.duration_text(expected.seconds * fewer / st.session_state["film_rate"])
        row.button(
            f"Fewer: {fewer} a second, about {left}",
            key="film_fewer",
            on_click=lambda: st.session_state.update(film_rate=fewer),
        )


def _made(tomogram: Tomogram) -> None:
    """Show films at work, and those that are there."""
    last = job_blocks.last_job(tomogram, "film")
    if last is not None and last.active:
        _progress(last.id)
    elif last is not None and last.state != "done":
        job_blocks.job_ending(last)
    made = snapshot.results(tomogram, "films")
    if made:
        st.markdown("**Films of this tomogram**")
        links(tomogram, made, key="films")


@st.fragment(run_every=1.0)
@widgets.errors_shown()
def _progress(job_id: str) -> None:
    job = snapshot.job(job_id)
    if not job.active:
        st.rerun(scope="app")
    job_blocks.job_line(job)


def links(tomogram: Tomogram, made: list[Result], *, key: str) -> None:
    """Offer films as downloads."""
    components.downloads(
        [
            Download(
                label=f"{each.run['file'].rpartition('.')[2].upper()}",
                note=f"{each.run['frames']:,} frames, {texts.size_text(each.run['bytes'])}, "
                f"{texts.ago_text(each.finished)}",
                address=routes.download_address(tomogram, "films", each.id, each.run["file"]),
            )
            for each in made
        ],
        key=key,
    )
