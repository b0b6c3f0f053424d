"""What of the documentation is about which page, and how it is shown."""

from collections.abc import Callable

import streamlit as st

from deepsxt_core.web import manual
from shared.components import component

ABOUT = {
    "open": "formats",
    "segment": "network",
    "slices": "annotation",
    "surface": "surfaces",
    "measure": "uncertainty",
    "evaluate": "evaluation",
    "batch": "batch",
    "jobs": "workspace",
    "train": "training",
    "models": "own-weights",
    "system": "install",
    "help": manual.INDEX,
}
"""The document about each page, by the name of its script."""

_shown = component("manual", html='<div class="manual"></div>')


def document(
    html: str, *, key: str, followed: Callable[[str], None], name: str = "", section: str = ""
) -> None:
    """Show HTML of `deepsxt_core.web.manual`.

    Parameters
    ----------
    followed : callable
        Called with `key` before the page runs again, when somebody has clicked on a link to
        another document; it is in ``st.session_state[key].followed`` then.
    name, section : str
        The document that it is, if it is one, and the anchor to scroll to.
    """
    data = {"html": html, "name": name, "section": section}
    _shown(key=key, data=data, on_followed_change=lambda: followed(key))


def link(page: st.Page, help_page: st.Page) -> None:
    """Draw the way from a page to the document about it."""
    name = ABOUT[page.url_path or "open"]
    st.page_link(
        help_page,
        label=f"Help: {manual.documents()[name]}",
        icon=":material/help:",
        query_params={"doc": name},
    )
