"""The frame around all pages: page settings, navigation, what is open now."""

from pathlib import Path

import streamlit as st

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workspace import Workspace
from shared import job_blocks, manual, people, snapshot, state, texts

ASSETS = settings.assets_folder()
FRONT_END = Path(__file__).parents[1] / "frontend"

st.set_page_config(
    page_title="DeepSXT",
    page_icon=str(ASSETS / "logo_icon.svg"),
    layout="wide",
    initial_sidebar_state="auto",
    menu_items={"About": "**DeepSXT** turns cryo soft X-ray tomograms into surfaces."},
)
st.logo(ASSETS / "logo.svg", size="large", icon_image=ASSETS / "logo_icon.svg")
st.html(FRONT_END / "shared" / "app.css")
known = people.enter()
try:
    settings.check()
except DeepSXTError as error:
    st.error(texts.escaped(str(error)), icon=":material/error:")
    st.stop()
state.restore()

is_guest = state.is_guest()
help_page = st.Page("help.py", title="Help", icon=":material/menu_book:")
page = st.navigation(
    [
        st.Page("slices.py", title="Slices", icon=":material/layers:", default=True),
        st.Page("surface.py", title="Surface", icon=":material/deployed_code:"),
        st.Page("measure.py", title="Measure", icon=":material/straighten:"),
        help_page,
    ]
    if is_guest
    else [
        st.Page("open.py", title="Open", icon=":material/folder_open:", default=True),
        st.Page("segment.py", title="Segment", icon=":material/network_intelligence:"),
        st.Page("slices.py", title="Slices", icon=":material/layers:"),
        st.Page("surface.py", title="Surface", icon=":material/deployed_code:"),
        st.Page("measure.py", title="Measure", icon=":material/straighten:"),
        st.Page("evaluate.py", title="Evaluate", icon=":material/fact_check:"),
        st.Page("batch.py", title="Batch", icon=":material/library_add_check:"),
        st.Page("jobs.py", title="Jobs", icon=":material/work_history:"),
        st.Page("train.py", title="Train", icon=":material/school:"),
        st.Page("models.py", title="Models", icon=":material/model_training:"),
        st.Page("system.py", title="System", icon=":material/monitor_heart:"),
        help_page,
    ]
)

with snapshot.taken():
    if is_guest and "t" not in st.session_state:
        state.open_tomogram(next((each.id for each in Workspace().tomograms()), None))
    tomogram = state.tomogram()
    if tomogram is not None:
        with st.sidebar, st.container(border=True, gap="xsmall", key="open_now"):
            st.caption("Open now")
            st.markdown(f"**{texts.escaped(texts.shortened(tomogram.name, 60))}**")
            finished = {
                "Segmented": snapshot.results(tomogram, "scores"),
                "Surface": snapshot.results(tomogram, "surfaces"),
            }
            for name, results in finished.items():
                icon = (
                    ":green[:material/check_circle:]"
                    if results
                    else ":material/radio_button_unchecked:"
                )
                st.caption(f"{icon} {name}")

    with st.sidebar:
        job_blocks.jobs_panel()
        if known is not None:
            people.panel(known, tomogram)

        if page != help_page:
            manual.link(page, help_page)

    page.run()
