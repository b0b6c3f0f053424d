"""The server: Streamlit with the pages, and our own routes beside it.

Start it with ``deepsxt app``.
"""

import gc
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from deepsxt_core import jobs, settings
from deepsxt_core.io.scratch import sweep_scratch
from deepsxt_core.people.registry import People
from deepsxt_core.web import manual, metrics, routes
from deepsxt_core.web.guard import Guard
from deepsxt_core.workspace import Workspace
from shared import signed_in

PAGES = Path(__file__).resolve().parent / "pages"

signed_in.prepare_login()
# What an app that was killed had unpacked.
sweep_scratch()

of_all = settings.people_folder()
workspaces = People(of_all).workspaces if of_all else lambda: [Workspace()]
figures = metrics.routes(workspaces)
app = st.App(
    PAGES / "frame.py",
    routes=[*figures, *manual.routes(), *routes.routes(PAGES.parent / "frontend")],
    middleware=[
        *([Middleware(metrics.Counted)] if figures else []),
        Middleware(Guard, who=signed_in.who),
    ],
)
# A job that waits has no process of its own that could wait.
jobs.keep_queue_going(workspaces)
# Streamlit collects all garbage after each run of a page, which stops everybody meanwhile: what was
# imported stays, and is not looked at again.
gc.collect()
gc.freeze()
