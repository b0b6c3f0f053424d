"""What a batch will do, seen on three slices before it starts, and what it will take."""

import numpy as np
import streamlit as st

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.jobs.previewing import TRIED, Preview, TriedSlice, spread
from deepsxt_core.jobs.trial import desk
from deepsxt_core.web import routes
from deepsxt_core.web.pictures import grey_codes, overlay, with_scale_bar
from deepsxt_core.workflow.batch_outlook import batch_estimate
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.subjects import TomogramSubject
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.glance import version_of
from shared import texts, widgets

_REFRESH_S = 0.7
_KEY = "batch_preview"


def preview_card(tomograms: list[Tomogram], recipe: Recipe) -> float | None:
    """Let the user try a recipe; return the seconds for a megapixel and rotation, once known."""
    if recipe.source != "network":
        return None
    by_id = {tomogram.id: tomogram for tomogram in tomograms}
    taken = [by_id[each] for each in spread(list(by_id))]
    wish = (recipe.to_toml(), [(tomogram.id, version_of(tomogram)) for tomogram in taken])
    before, preview = st.session_state.get(_KEY, (None, None))
    if preview is not None and before != wish:
        # It is of another recipe, or of other tomograms.
        preview.cancel()
        preview = st.session_state.pop(_KEY) and None
    with st.container(border=True, key="batch_preview_card"):
        title, action = st.columns([3, 2], vertical_alignment="center")
        title.markdown("**Try it first**", help=f"One slice each of up to {TRIED} tomograms.")
        if preview is not None and preview.is_at_work:
            _at_work(preview, _threshold(recipe))
        else:
            if action.button(
                "Try",
                icon=":material/play_arrow:",
                width="stretch",
                key="try_batch",
                disabled=not taken,
            ):
                st.session_state[_KEY] = wish, Preview(taken, recipe, desk)
                st.rerun()
            if preview is not None:
                _pictures(preview, _threshold(recipe))
    return None if preview is None else preview.seconds_per_megapixel()


@st.fragment(run_every=_REFRESH_S)
@widgets.errors_shown()
def _at_work(preview: Preview, threshold: float) -> None:
    if not preview.is_at_work:
        st.rerun(scope="app")
    done = len(preview.tried)
    st.progress(done / preview.count, text=f"Asking the network … {done} of {preview.count}")
    if st.button("Cancel", icon=":material/close:", key="cancel_try"):
        preview.cancel()
        st.rerun(scope="app")
    _pictures(preview, threshold)


def _threshold(recipe: Recipe) -> float:
    return recipe.reconstruct.threshold if recipe.reconstruct else 0.0


def _pictures(preview: Preview, threshold: float) -> None:
    if not preview.tried:
        st.caption("Stopped before anything was tried.")
        return
    for place, tried in zip(st.columns(TRIED), preview.tried, strict=False):
        with place:
            _picture(tried, threshold)


def _picture(tried: TriedSlice, threshold: float) -> None:
    name = texts.escaped(texts.shortened(tried.tomogram.name))
    if tried.scores is None:
        st.error(f"**{name}**: {texts.escaped(tried.problem)}", icon=":material/error:")
        return
    with widgets.errors_shown():
        survey = routes.slice_source(tried.tomogram, tried.params.region).survey
        volume = tried.tomogram.volume(tried.params.region)
        grey = grey_codes(volume.read(tried.z, tried.z + 1)[0], survey.low, survey.high)
        picture = overlay(grey, tried.scores, threshold)
        size = volume.voxel_size_nm
        found = np.mean(tried.scores > threshold)
        note = f"{name}, slice {tried.z + 1}: {found:.1%} counts as membrane."
        picture = with_scale_bar(picture, size.x if size else None)
        st.image(picture, caption=note, width="stretch", output_format="JPEG")


def estimate_line(tomograms: list[Tomogram], recipe: Recipe, pace: float | None) -> None:
    """Tell what the batch will take."""
    folder = Workspace().folder
    subjects = [TomogramSubject(folder, tomogram.id) for tomogram in tomograms]
    try:
        expected = batch_estimate(subjects, recipe, folder, seconds_per_megapixel=pace)
    except DeepSXTError:
        return  # the button tells it
    parts = []
    if expected.seconds is not None:
        parts.append(f"about {texts.duration_text(expected.seconds)} if nothing of it is there yet")
    else:
        parts.append("how long it takes is known after a try")
    several = "" if expected.tomograms == 1 else "s"
    parts.append(f"{expected.slices:,} slices of {expected.tomograms} tomogram{several}")
    free = texts.size_text(expected.free_bytes)
    parts.append(f"up to {texts.size_text(expected.disk_bytes)} of disk ({free} free)")
    text = " · ".join(parts)
    st.caption(texts.escaped(text[0].upper() + text[1:]))
    unknown = len(subjects) - expected.tomograms
    if unknown:
        st.caption(f"Of {unknown} nothing can be told: they cannot be opened, or lack that range.")
