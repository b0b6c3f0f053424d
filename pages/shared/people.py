"""Who is signed in, asked in the same way for pages and routes; the page of who is not.

The login is Streamlit's: it keeps what the provider says of somebody in a cookie that it signs.
"""

import html
import json
from collections.abc import Mapping
from contextlib import suppress

import streamlit as st
from streamlit import config
from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from deepsxt_core import access, settings
from deepsxt_core.access import Access
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.people import entry, guests
from deepsxt_core.people.registry import People
from deepsxt_core.workspace import Tomogram
from shared import texts, widgets

_LEAST_SECRET = 32
_DAYS = 14


def prepare_login() -> None:
    """Have Streamlit read how people sign in, where several use the server.

    Raises
    ------
    InvalidParameterError
        If that is not told, or not well enough.
    """
    path = settings.login_file()
    if path is None:
        return
    config.set_option("secrets.files", [str(path)])
    origin = get_origin_from_redirect_uri()
    if origin is None or len(get_cookie_secret()) < _LEAST_SECRET:
        raise InvalidParameterError(
            f"'{path}' needs [auth] with a redirect_uri, and a cookie_secret of at least "
            f"{_LEAST_SECRET} letters. See docs/server.md."
        )


def claims_in(cookies: Mapping[str, str]) -> entry.Claims | None:
    """Return what the login says of somebody; None without one that this server has signed."""

    def one(name: str) -> bytes | None:
        value = cookies.get(name)
        secret = get_cookie_secret()
        if value is None or not secret:
            return None
        return decode_signed_value(secret, name, value.encode("latin-1", errors="replace"))

    found = get_cookie_with_chunks(one, USER_COOKIE_NAME)
    try:
        claims = json.loads(found) if found else None
    except ValueError:
        return None
    if not isinstance(claims, dict) or claims.get("is_logged_in") is not True:
        return None
    # As Streamlit does: a cookie of the same secret at another address is none of ours.
    return claims if claims.get("origin") == get_origin_from_redirect_uri() else None


def who(cookies: Mapping[str, str]) -> Access | None:
    """Return what somebody may do, from the cookies of a request."""
    folder = settings.people_folder()
    if folder is None:
        return None
    place = cookies.get(entry.PLACE_COOKIE, "")
    return entry.access_for(People(folder), claims_in(cookies), place)


def who_looks() -> Access | None:
    """Return what whoever looks at the page that is drawn just now may do."""
    if settings.people_folder() is None or get_script_run_ctx(suppress_warning=True) is None:
        return None
    return who(st.context.cookies)


def enter() -> Access | None:
    """Let somebody in, or end the page; None where there is one user alone."""
    folder = settings.people_folder()
    if folder is None:
        return None
    known = who_looks()
    if known is None:
        _sign_in()
        st.stop()
    if known.person:
        People(folder).remember(known.person, known.name)
    return known


def _sign_in() -> None:
    claims = claims_in(st.context.cookies)
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


access.ask(who_looks)
