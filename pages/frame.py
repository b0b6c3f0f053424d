"""The frame around all pages: page settings, navigation, what is open now."""

from pathlib import Path

import streamlit as st

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workspace import Workspace
from shared import job_blocks, manual, people, snapshot, state, steps, texts

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

_GUESTS = ("slices", "surface", "measure", "export")
_TOOLS = {
    "evaluate": ("Evaluate", ":material/fact_check:"),
    "batch": ("Batch", ":material/library_add_check:"),
    "jobs": ("Jobs", ":material/work_history:"),
    "train": ("Train", ":material/school:"),
    "models": ("Models", ":material/model_training:"),
    "system": ("System", ":material/monitor_heart:"),
    "help": ("Help", ":material/menu_book:"),
}

is_guest = state.is_guest()
with snapshot.taken():
    if is_guest and "t" not in st.session_state:
        state.open_tomogram(next((each.id for each in Workspace().tomograms()), None))
    tomogram = state.tomogram()
    known_steps = steps.steps(tomogram)
    pages = {
        name: st.Page(
            f"{name}.py",
            title=step.title,
            icon=step.icon,
            help=step.note,
            default=name == ("slices" if is_guest else "open"),
        )
        for name, step in known_steps.items()
        if not is_guest or name in _GUESTS
    }
    tools = {
        name: st.Page(f"{name}.py", title=title, icon=icon)
        for name, (title, icon) in _TOOLS.items()
        if not is_guest or name == "help"
    }
    # Without sections: Streamlit 1.67 puts those between a list and its items, which screen readers
    # then do not count as a list.
    page = st.navigation([*pages.values(), *tools.values()], expanded=True)
    with st.sidebar:
        if tomogram is not None:
            with st.container(border=True, gap="xsmall", key="open_now"):
                st.caption("Open now")
                name = texts.escaped(tomogram.name)
                short = texts.escaped(texts.shortened(tomogram.name, 60))
                st.markdown(f"**{short}**", help=None if short == name else name)
                coming = None if is_guest else steps.coming(known_steps)
                if coming is not None:
                    st.caption(f"Next step: {coming.title}")
        job_blocks.jobs_panel()
        if known is not None:
            people.panel(known, tomogram)
        if page != tools["help"]:
            here = next(name for name, each in (pages | tools).items() if each == page)
            manual.link(here, tools["help"])

    page.run()
