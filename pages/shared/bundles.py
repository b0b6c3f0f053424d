"""The export bundle on the page: prepared by a job, then offered as a download."""

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, Tomogram, Workspace
from shared import components, job_blocks, snapshot, texts, widgets
from shared.components import Download


def bundle_card(tomogram: Tomogram, surface: Result) -> None:
    """Offer all that belongs to a surface as one file."""
    st.markdown("**Everything in one file**")
    st.caption(
        "A zip with a preview of the tomogram, mask, objects, meshes, measurements and settings, "
        "all in one place in space, for Fiji and ChimeraX. Its README tells what is what."
    )
    found = [each for each in snapshot.results(tomogram, "bundles") if each.made_from == surface.id]
    if found:
        link = Download(
            label="Bundle",
            note=f"ZIP, {texts.size_text(found[0].run['bytes'])}",
            address=routes.download_address(tomogram, "bundles", found[0].id, BUNDLE_NAME),
        )
        components.downloads([link], key="bundle_file")
        return
    running = job_blocks.active_job(tomogram, "bundle")
    if running is not None:
        job_blocks.job_progress(running.id)
        return
    if st.button("Prepare the bundle", icon=":material/folder_zip:"):
        with widgets.errors_shown():
            request = jobs.BundleRequest(surface=surface.id)
            jobs.submit(Workspace(), request, tomogram=tomogram.id)
            st.rerun()
    last = job_blocks.last_job(tomogram, "bundle")
    if last is not None and last.request == jobs.BundleRequest(surface=surface.id):
        job_blocks.job_ending(last)
