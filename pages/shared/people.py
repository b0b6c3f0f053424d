"""The page of who is not signed in; for the others, where they are, and links for guests."""

import html
from contextlib import suppress

import streamlit as st
from streamlit.auth_util import get_origin_from_redirect_uri
from streamlit.errors import StreamlitAuthError

from deepsxt_core import settings
from deepsxt_core.access import Access
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.people import entry, guests
from deepsxt_core.people.registry import People
from deepsxt_core.workspace import Tomogram
from shared import signed_in, texts, widgets

_DAYS = 14


def enter() -> Access | None:
    """Let somebody in, or end the page; None where there is one user alone."""
    folder = settings.people_folder()
    if folder is None:
        return None
    known = signed_in.who_looks()
    if known is None:
        _sign_in()
        st.stop()
    if known.person:
        People(folder).remember(known.person, known.name)
    return known


def _sign_in() -> None:
    claims = signed_in.claims_in(st.context.cookies)
    who_is_it = entry.claimed_id(claims)
    with st.container(border=True, key="sign_in"):
        st.markdown("## DeepSXT")
        if claims is None:
            if entry.PLACE_COOKIE in st.context.cookies:
                st.caption("A link that you followed may be over.")
            if st.button("Sign in", type="primary", icon=":material/login:"):
                try:
                    st.login()
                except StreamlitAuthError as error:
                    st.error(texts.escaped(str(error)), icon=":material/error:")
            return
        st.warning(
            "You are signed in and may not work here. Ask who runs this server to let you in, "
            f"and tell this id: `{who_is_it or 'unknown'}`",
            icon=":material/lock:",
        )
        if st.context.cookies.get(entry.PLACE_COOKIE):
            _lead("own", "To my own workspace")
        if st.button("Sign out", icon=":material/logout:"):
            st.logout()


def panel(known: Access, tomogram: Tomogram | None) -> None:
    """Show who is there and where, what else they may work in, and links for guests."""
    people = People(settings.people_folder() or known.folder)
    with st.container(border=True, gap="xsmall", key="people"):
        if known.is_guest:
            st.caption("You look as a guest, and can change nothing.")
            _lead("own", "Leave")
            return
        st.caption(texts.escaped(texts.shortened(known.name, 40)))
        where = known.place or "My workspace"
        st.markdown(f"**{texts.escaped(where)}**" + ("" if known.may_write else " (to look at)"))
        if known.place:
            _lead("own", "My workspace")
        for project in people.projects():
            if (
                known.person in project.members
                and people.project_folder(project.id) != known.folder
            ):
                _lead(project.id, project.name)
        if tomogram is not None and known.may_write:
            with st.popover("Show to a guest", icon=":material/link:", width="stretch"):
                _links(people, tomogram)
        if st.button("Sign out", icon=":material/logout:", width="stretch"):
            st.logout()


def _lead(place: str, label: str) -> None:
    # A link within the page itself: a browser says then that it came from here.
    address = f"{widgets.base_address()}place/{place}"
    st.html(f'<a href="{address}">{html.escape(label)}</a>')


def _links(people: People, tomogram: Tomogram) -> None:
    st.caption(
        "Whoever has the link sees this tomogram with its results as they are now, without notes "
        "and annotations, and can change nothing."
    )
    days = st.number_input("Days", 1, guests.MOST_DAYS, _DAYS, key="guest_days")
    if st.button("Make a link", icon=":material/add_link:", key="invite"):
        with widgets.errors_shown():
            _, token = guests.invite(people, tomogram, float(days))
            st.caption("Copy it now; it is not shown again.")
            st.code(f"{get_origin_from_redirect_uri()}/guest/{token}", language=None)
    for link in guests.links_of(people, tomogram):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.caption(f"A link until {link.until[:10]}")
        if row.button("End", key=f"revoke_{link.id}"):
            with suppress(DeepSXTError):  # It has ended already.
                people.revoke(link.id)
            st.rerun(scope="app")
