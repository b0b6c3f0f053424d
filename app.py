"""The server: Streamlit with the pages, and our own routes beside it.

Start it with ``deepsxt app``.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from deepsxt_core.web import routes
from deepsxt_core.web.guard import Guard, inline_scripts

PAGES = Path(__file__).resolve().parent / "pages"
INDEX = Path(st.__file__).parent / "static" / "index.html"

app = st.App(
    PAGES / "frame.py",
    routes=routes.routes(PAGES / "shared" / "frontend"),
    middleware=[Middleware(Guard, scripts=inline_scripts(INDEX.read_text(encoding="utf-8")))],
)
