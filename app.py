"""The server: Streamlit with the pages, and our own routes beside it.

Start it with ``streamlit run app.py`` or ``deepsxt app``.
"""

from pathlib import Path

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.web import routes
from deepsxt_core.workspace import Workspace

PAGES = Path(__file__).resolve().parent / "pages"

app = st.App(PAGES / "frame.py", routes=routes.routes(PAGES / "shared" / "frontend"))
# A job that waits has no process of its own that could wait.
jobs.keep_queue_going(Workspace())
