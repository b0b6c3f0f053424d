"""Where tomograms come from: the user's computer, the sample, folders of the server."""

import streamlit as st

from deepsxt_core.workspace import Workspace
from shared import components, server_files, state, widgets


def choose_source() -> None:
    """Let the user upload a file, take the sample, or a file of the server."""
    left, right = widgets.split(3, 2)
    with left:
        arrived = components.library_zone()
        if len(arrived) == 1:
            _open(arrived[0])
        elif arrived:
            st.toast(f"{len(arrived)} tomograms have arrived.", icon=":material/check:")
    with right:
        with st.container(border=True, key="sample"):
            st.markdown("**No tomogram at hand?**")
            st.caption("A simulated cell with known membranes, made in a few seconds.")
            if st.button("Open the sample", icon=":material/science:", width="stretch"):
                with widgets.errors_shown(), st.spinner("Preparing the sample …"):
                    _open(Workspace().add_sample().id)
        path = server_files.choose("server", "Open", ":material/dns:")
        if path is not None:
            with widgets.errors_shown():
                _open(Workspace().add_file(path).id)


def _open(tomogram_id: str) -> None:
    state.open_tomogram(tomogram_id)
    st.rerun()
