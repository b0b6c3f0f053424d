"""Who is signed in, asked in the same way for pages and for routes.

The login is Streamlit's: it keeps what the provider says of somebody in a cookie that it signs.
"""

import json
from collections.abc import Mapping

import streamlit as st
from streamlit import config
from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from deepsxt_core import access, settings
from deepsxt_core.access import Access
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.people import entry
from deepsxt_core.people.registry import People

_LEAST_SECRET = 32


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


access.ask(who_looks)
