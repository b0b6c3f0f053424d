"""The server: Streamlit with the pages, and our own routes beside it.

Start it with ``streamlit run app.py`` or ``deepsxt app``.
"""

from pathlib import Path

import streamlit as st

from deepsxt_core.io.scratch import sweep_scratch
from deepsxt_core.web import routes

PAGES = Path(__file__).resolve().parent / "pages"

# What an app that was killed had unpacked.
sweep_scratch()

app = st.App(PAGES / "frame.py", routes=routes.routes(PAGES / "shared" / "frontend"))
