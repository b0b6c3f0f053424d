"""Files of a surface that take a job: prepared on a button, then offered as a download."""

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.export.report import REPORT_NAME
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, ResultKind, Tomogram, Workspace
from deepsxt_core.workspace.annotations import annotation_of
from shared import components, job_blocks, snapshot, texts, widgets
from shared.components import Download


def bundle_card(tomogram: Tomogram, surface: Result) -> None:
    """Offer all that belongs to a surface as one file."""
    st.markdown("**Everything in one file**")
    st.caption(
        "A zip with a preview of the tomogram, mask, objects, meshes, measurements and settings, "
        "all in one place in space, for Fiji and ChimeraX. Its README tells what is what."
    )
    request = jobs.BundleRequest(surface=surface.id)
    _file(tomogram, surface, "bundles", request, BUNDLE_NAME, "ZIP", "folder_zip")


def report_card(tomogram: Tomogram, surface: Result) -> None:
    """Offer a page that tells the analysis to somebody who does not have this program."""
    st.markdown("**Report**")
    st.caption(
        "One HTML page with pictures, numbers, what was looked at, and how it was made. It needs "
        "neither this program nor the internet to be read."
    )
    request = jobs.ReportRequest(surface=surface.id)
    _file(tomogram, surface, "reports", request, REPORT_NAME, "HTML", "summarize")


def _is_outdated(tomogram: Tomogram, surface: Result, made: Result) -> bool:
    """Return whether a file tells of an annotation that has been edited or reviewed since."""
    then = made.identity.get("annotation")
    kept = annotation_of(tomogram, surface) if then else None
    return kept is not None and kept.version().digest != then


def _file(
    tomogram: Tomogram,
    surface: Result,
    results: ResultKind,
    request: jobs.BundleRequest | jobs.ReportRequest,
    name: str,
    form: str,
    icon: str,
) -> None:
    """Offer the file that `request` makes, how far it is, or a button that makes it."""
    kind = request.kind
    found = [made for made in snapshot.results(tomogram, results) if made.made_from == surface.id]
    if found:
        link = Download(
            label=kind.capitalize(),
            note=f"{form}, {texts.size_text(found[0].run['bytes'])}",
            address=routes.download_address(tomogram, results, found[0].id, name),
        )
        components.downloads([link], key=f"{kind}_file")
        if not _is_outdated(tomogram, surface, found[0]):
            return
        st.caption("The annotation has been edited or reviewed since.")
    running = job_blocks.active_job(tomogram, kind)
    if running is not None:
        job_blocks.job_progress(running.id)
        return
    if st.button(f"Prepare the {kind}", icon=f":material/{icon}:"):
        with widgets.errors_shown():
            jobs.submit(Workspace(), request, tomogram=tomogram.id)
            st.rerun()
    last = job_blocks.last_job(tomogram, kind)
    if last is not None and last.request == request:
        job_blocks.job_ending(last)
