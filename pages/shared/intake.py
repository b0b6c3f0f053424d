"""Where tomograms come from: the user's computer, the sample, folders of the server."""

import streamlit as st

from deepsxt_core import settings
from deepsxt_core.workspace import Workspace, data_roots
from shared import components, state, widgets


def choose_source() -> None:
    """Let the user upload a file, take the sample, or a file of the server."""
    left, right = widgets.split(3, 2)
    with left:
        arrived = components.upload_zone()
        if arrived:
            _open(arrived)
    with right:
        with st.container(border=True, key="sample"):
            st.markdown("**No tomogram at hand?**")
            st.caption("A simulated cell with known membranes, made in a few seconds.")
            if st.button("Open the sample", icon=":material/science:", width="stretch"):
                with widgets.errors_shown(), st.spinner("Preparing the sample …"):
                    _open(Workspace().add_sample().id)
        _server_files()


def _server_files() -> None:
    roots = [root for root in settings.data_roots() if root.is_dir()]
    if not roots:
        return
    with st.container(border=True, key="server"):
        st.markdown("**On this server**")
        root = roots[0]
        if len(roots) > 1:
            root = st.selectbox("Folder", roots, format_func=lambda each: each.name)
        names = data_roots.list_files(root)
        name = st.selectbox(
            "File", names, index=None, placeholder=f"{len(names)} files", key="server_file"
        )
        if (
            st.button("Open", disabled=name is None, icon=":material/dns:", width="stretch")
            and name
        ):
            with widgets.errors_shown():
                _open(Workspace().add_file(data_roots.find_file(root, name)).id)


def _open(tomogram_id: str) -> None:
    state.open_tomogram(tomogram_id)
    st.rerun()
