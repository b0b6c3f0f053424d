"""Documents on the pages, and the way to the one that is about a page."""

from collections.abc import Callable

import streamlit as st

from deepsxt_core.web import manual
from shared.components import component

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


def link(page: str, help_page: st.Page) -> None:
    """Draw the way from a page, by the name of its script, to the document about it."""
    name = manual.ABOUT[page]
    st.page_link(
        help_page,
        label=f"Help: {manual.documents()[name]}",
        icon=":material/help:",
        query_params={"doc": name},
    )
