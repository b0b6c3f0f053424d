"""The models at hand: what each was trained on, and how to get others."""

import tempfile
from pathlib import Path

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.network import (
    CATALOGUE,
    CatalogueEntry,
    ModelInfo,
    NetworkConfig,
    export_model,
    import_model,
    list_models,
    remove_model,
)
from deepsxt_core.network.calibrations import calibration_text, read_calibration
from deepsxt_core.settings import workspace_folder
from deepsxt_core.workspace import Workspace, uploads
from shared import components, job_blocks, snapshot, texts, widgets


def model_card(info: ModelInfo) -> None:
    """Draw one installed model."""
    with st.container(border=True, key=f"model_{info.name}"):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(f"**{texts.escaped(info.name)}**", width="stretch")
        own = workspace_folder() in info.folder.resolve().parents
        row.download_button(
            "Export",
            data=lambda: _archive(info.name),
            file_name=f"{info.name}.zip",
            mime="application/zip",
            icon=":material/download:",
            key=f"export_{info.name}",
            on_click="ignore",
            help="One zip file that can be imported elsewhere.",
        )
        if own and row.button("Remove", icon=":material/delete:", key=f"remove_{info.name}"):
            confirm_removal(info.name)
        if not own:
            st.caption("Comes with the program.")
        st.caption(f"Finds {texts.escaped(', '.join(info.classes()))}.")
        with st.expander("Card", icon=":material/info:"):
            st.markdown(texts.card(info.card) or "It has no card.")
            st.caption(texts.escaped(calibration_text(read_calibration(info.folder))))
            st.caption(f"SHA-256 {info.sha256()}")


def _archive(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return export_model(name, Path(folder) / "model.zip").read_bytes()


@st.dialog("Remove this model?")
def confirm_removal(name: str) -> None:
    """Ask before a model is deleted."""
    st.write(f"The model **{texts.escaped(name)}** is deleted. Results made with it stay.")
    if st.button(
        "Remove",
        type="primary",
        icon=":material/delete:",
        key="really",
        on_click=widgets.errors_shown()(remove_model),
        args=(name,),
    ):
        st.rerun()


def wish(entry: CatalogueEntry) -> jobs.InstallRequest:
    """Return the request that downloads a model."""
    return jobs.InstallRequest(name=entry.name)


def last_download(entry: CatalogueEntry) -> jobs.Job | None:
    """Return the latest job that downloads a model, or None."""
    return next((job for job in snapshot.known_jobs() if job.request == wish(entry)), None)


def catalogue_card(entry: CatalogueEntry) -> None:
    """Offer a model that can be downloaded."""
    with st.container(border=True, key=f"offer_{entry.name}"):
        st.markdown(f"**{texts.escaped(entry.name)}**")
        st.caption(entry.summary)
        job = last_download(entry)
        if job is not None and job.active:
            job_blocks.job_progress(job.id)
        elif st.button(
            "Try again" if job and job.state == "failed" else f"Download {entry.size_mb} MB",
            icon=":material/cloud_download:",
            width="stretch",
            key=f"download_{entry.name}",
        ):
            with widgets.errors_shown():
                jobs.submit(Workspace(), wish(entry))
                st.rerun()
        if job is not None and job.state == "failed":
            st.error(texts.escaped(job.status.error or ""), icon=":material/error:")
        st.caption(f"By hand: fetch [the file]({entry.url}) and import it below.")


def import_card() -> None:
    """Let the user add a model file."""
    with st.container(border=True, key="import"):
        st.markdown("**Import a model**")
        st.caption(
            "A weight file of the published software, .weights.h5 or .keras of Keras 3, or a model "
            "exported here."
        )
        suffixes = [".h5", ".hdf5", ".keras", ".zip"]
        arrived = components.file_zone("model_file", "Drop a model file here", suffixes)
        uploaded = arrived[-1] if arrived else None
        if uploaded is not None:
            size = texts.size_text(uploaded.size)
            st.caption(f":material/check: {texts.escaped(uploaded.name)}, {size}")
        config = st.file_uploader(
            "Configuration (JSON)",
            type=["json"],
            help="Of the network that the weights belong to, in the published layout. Not needed "
            "for a model exported here, nor for the published network.",
        )
        if (
            st.button(
                "Import", icon=":material/upload:", width="stretch", disabled=uploaded is None
            )
            and uploaded is not None
        ):
            with widgets.errors_shown(), tempfile.TemporaryDirectory() as folder:
                read = None
                if config is not None:
                    config_path = Path(folder) / "network.json"
                    config_path.write_bytes(config.getbuffer())
                    read = NetworkConfig.from_json(config_path)
                with st.spinner("Checking that the weights fit …", show_time=True):
                    info = import_model(uploaded.path, config=read)
                uploads.discard(Workspace(), uploaded.id)
                st.toast(f"{texts.escaped(info.name)} is imported.", icon=":material/check_circle:")
                st.rerun()


widgets.header("Models", "A model is a network with its weights and a card that says what it can.")
left, right = widgets.split(6, 5)
installed = list_models()
with left:
    for info in installed:
        model_card(info)
    if not installed:
        st.caption("No model is installed yet.")
with right:
    names = {info.name for info in installed}
    for entry in CATALOGUE.values():
        if entry.name not in names:
            catalogue_card(entry)
    import_card()
