"""The front-end pieces of our own: a drop zone, viewers of planes and surfaces, download links.

Each is a Streamlit component whose script is an ES module that `deepsxt_core.web.routes` hands out
under ``/ui``; they talk to the server's own routes and tell Streamlit only what it must know.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.geometry import Region
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.measure.columns import QUANTITIES
from deepsxt_core.surface.surfaces import PALETTE, ObjectRow
from deepsxt_core.web import annotations, notes, own_pages, planes, routes
from deepsxt_core.workspace import Result, Tomogram, Workspace, uploads
from deepsxt_core.workspace.display import grey_display
from deepsxt_core.workspace.uploads import Upload
from shared import surface_addresses

_FRONT_END = Path(__file__).parents[2] / "frontend"
_SUMMED = {"volume", "area", "voxels", "faces"}  # quantities of which a sum says something
_LOAD = """
export default async (component) =>
  (await import(new URL("ui/{name}/{name}.js", document.baseURI))).default(component);
"""


def component(name: str, html: str | None = None, styles: Sequence[str] = ()) -> Any:
    """Return the component of a folder of the front end, which styles of others may dress."""
    return st.components.v2.component(
        f"deepsxt_{name}",
        html=html or (_FRONT_END / name / f"{name}.html").read_text(encoding="utf-8"),
        css="\n".join(
            (_FRONT_END / style).read_text(encoding="utf-8")
            for style in (*styles, f"{name}/{name}.css")
        ),
        js=_LOAD.format(name=name),
    )


_upload = component("upload")
_viewer = component("viewer", styles=["shared/controls.css"])
_planes = component("planes", styles=["shared/controls.css", "planes/editing/editing.css"])
_surface = component("surface", styles=["shared/controls.css"])
_downloads = component("downloads", html='<div class="downloads"></div>')


_LABEL_SUFFIXES = (
    *(".tif", ".tiff", ".mrc", ".rec", ".h5", ".hdf5", ".am", ".nii", ".nrrd"),
    *(".npy", ".npz", ".em", ".zip", ".gz"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A link to a file on the server.

    Attributes
    ----------
    label, note, title : str
        On the button, small beside it, and as its tooltip.
    address : str
        Relative to the app's root.
    """

    label: str
    address: str
    note: str = ""
    title: str = ""


def library_zone() -> list[str]:
    """Show the drop zone for files and folders; return the ids of tomograms that have arrived."""
    data = {"limit": settings.max_upload_bytes(), "token": own_pages.token(), "multiple": True}
    return (_upload(key="upload", data=data, on_opened_change=_nothing).opened or "").split()


def file_zone(
    key: str, prompt: str, suffixes: Sequence[str], *, multiple: bool = False
) -> list[Upload]:
    """Show a drop zone for other files; return those that have arrived and were not taken yet.

    They are streamed to the disk of the server. Who takes one calls `uploads.discard` then.

    Parameters
    ----------
    prompt : str
        The words that invite to drop a file.
    suffixes : sequence of str
        Endings of names, for the dialog that chooses files.
    multiple : bool
        Whether several may wait; otherwise the latest alone.
    """
    data = {
        "limit": settings.max_upload_bytes(),
        "token": own_pages.token(),
        "prompt": prompt,
        "formats": ", ".join(suffixes),
        "accept": ",".join(suffixes),
        "multiple": multiple,
        "kind": "file",
    }
    arrived = (_upload(key=key, data=data, on_opened_change=_nothing).opened or "").split()
    waiting = st.session_state.setdefault(f"{key}_waiting", [])
    known = [*waiting, *(each for each in arrived if each not in waiting)]
    if arrived and not multiple:
        known = arrived[-1:]
    found = []
    for upload_id in known:
        with suppress(DeepSXTError):
            found.append(uploads.whole(Workspace(), upload_id))
    st.session_state[f"{key}_waiting"] = [upload.id for upload in found]
    return found


def label_zone(key: str) -> list[Upload]:
    """Show a drop zone for a mask or labels, which never become a tomogram; see `file_zone`."""
    return file_zone(key, "Drop a mask or label file here", _LABEL_SUFFIXES)


def slice_preview(
    tomogram: Tomogram,
    shape: tuple[int, int, int],
    voxel_size_nm: Sequence[float] | None,
    *,
    key: str,
) -> None:
    """Show the slices of a tomogram of that shape, as they are.

    Raises
    ------
    VolumeError
        If the file of the tomogram cannot be read.
    """
    source = routes.slice_source(tomogram)
    _viewer(
        key=key,
        data={
            "id": tomogram.id,
            "slices": source.address,
            "range": [source.survey.low, source.survey.high],
            "shape": list(shape),
            "voxel": None if voxel_size_nm is None else list(voxel_size_nm),
        },
    )


def plane_viewer(
    tomogram: Tomogram,
    *,
    key: str,
    score_id: str | None = None,
    threshold: float = 0.0,
    low: float | None = None,
    annotation_id: str | None = None,
    at: Sequence[int] | None = None,
    object_id: int | None = None,
    comparable: Sequence[Mapping[str, Any]] = (),
    comparison: Mapping[str, Any] | None = None,
    on_film: Callable[[], None] | None = None,
) -> tuple[float, float | None, Mapping[str, Any] | None]:
    """Show a tomogram in three planes; return both thresholds and the comparison set in the viewer.

    Parameters
    ----------
    score_id : str, optional
        Of the result to show over it, in its place.
    low : float, optional
        The second threshold, below the first; None for none.
    annotation_id : str, optional
        Of the annotation to show over both, and to edit.
    at, object_id : optional
        The voxel (z, y, x) to go to, and the object to choose, when the viewer appears.
    comparable, comparison
        As `shared.comparison.comparable` and `state.comparison` have them.
    on_film : callable, optional
        Called before the page runs again, when somebody wants a view in a film; it is in
        ``st.session_state[key].film`` then.

    Raises
    ------
    VolumeError
        If the file of the tomogram cannot be read.
    """
    data: dict[str, Any] = {
        "id": tomogram.id,
        "display": planes.display_address(tomogram),
        # A changed file or a corrected voxel size has the planes begin again.
        "version": [grey_display(tomogram).version, tomogram.voxel_size_nm],
        "score": score_id and planes.display_address(tomogram, score_id),
        "threshold": threshold,
        "low": low,
        "annotation": annotation_id and annotations.annotation_address(tomogram, annotation_id),
        "notes": notes.notes_address(tomogram),
        "token": own_pages.token(),
        "at": at,
        "object": object_id,
        "comparable": comparable,
        "comparison": comparison,
    }
    default = {"threshold": threshold, "low": low, "comparison": comparison}
    told = {f"on_{name}_change": _nothing for name in default}
    told["on_film_change"] = on_film or _nothing
    seen = _planes(key=key, data=data, default=default, **told)
    return seen.threshold, seen.low, seen.comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """An object that is pointed out in a surface, and the address of its place in the slices."""

    id: int
    address: str


def surface_view(
    tomogram: Tomogram,
    region: Region,
    surface: Result,
    *,
    unit: Unit,
    rows: Sequence[ObjectRow],
    marked: Sequence[Marked],
    key: str,
    on_chosen: Callable[[], None],
    old: Sequence[str] = (),
    distances: Sequence[Mapping[str, str]] = (),
    threshold: float | None = None,
    low: float | None = None,
    on_threshold: Callable[[], None] | None = None,
    on_film: Callable[[], None] | None = None,
) -> None:
    """Show surfaces in 3D; what is clicked on is in ``st.session_state[key].chosen``.

    Parameters
    ----------
    region : Region
        The part of the tomogram that the surfaces were made from, slices aside.
    marked : sequence of Marked
        The objects to point out.
    on_chosen : callable
        Called before the page runs again, when somebody has clicked on objects.
    old : sequence of str
        Why the surfaces are not of today, in sentences.
    distances : sequence of mapping
        What they can be compared with, as `shared.comparison.other_surfaces` has it.
    threshold : float, optional
        Of the page, for surfaces of a score: the view can follow another one coarsely, and has it
        in ``st.session_state[key].threshold`` then.
    low : float, optional
        The second threshold of the page.
    on_threshold : callable, optional
        Called before the page runs again, when somebody has set another threshold.
    on_film : callable, optional
        As `plane_viewer` has it.

    Raises
    ------
    VolumeError
        If the surface is not complete, or the file of the tomogram cannot be read.
    """
    chosen = [each.id for each in marked]
    _surface(
        key=key,
        data={
            **surface_addresses.files(tomogram, surface, sum(row.faces for row in rows)),
            # Surfaces of two tomograms may have the same id.
            "id": f"{tomogram.id}.{surface.id}",
            "name": Path(tomogram.name).stem,
            "quantities": [
                {"column": each.column(unit), "title": each.heading(unit), "help": each.help}
                for each in QUANTITIES
                if each.name != "object" and not each.is_error
            ],
            "summed": [each.column(unit) for each in QUANTITIES if each.name in _SUMMED],
            "palette": PALETTE.tolist(),
            "chosen": chosen,
            "inSlices": {str(each.id): each.address for each in marked},
            "old": " ".join(old),
            "distances": distances,
            "threshold": threshold,
            "low": low,
            "slices": surface_addresses.slices(tomogram, region, surface, unit),
        },
        default={"chosen": chosen, "threshold": threshold},
        on_chosen_change=on_chosen,
        on_threshold_change=on_threshold or _nothing,
        on_film_change=on_film or _nothing,
    )


def downloads(links: Sequence[Download], *, key: str) -> None:
    """Show links that download files."""
    _downloads(key=key, data=[asdict(link) for link in links])


def _nothing() -> None:
    """Streamlit wants a callback for each state that a component may report."""
