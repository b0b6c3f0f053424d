"""Where the 3D view finds what it shows."""

from functools import partial
from typing import Any

import streamlit as st

from deepsxt_core.geometry import Region
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.view import COARSE_FACES
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.downloads import MEASUREMENTS_FILE
from shared import snapshot
from shared.state import LABELS


def files(tomogram: Tomogram, surface: Result, faces: int) -> dict[str, Any]:
    """Return where the view finds what it shows, and the query of its page."""
    coarse, full = routes.view_addresses(tomogram, surface)
    at = partial(routes.download_address, tomogram, "surfaces", surface.id)
    score_id = surface.identity.get("score")
    source = "annotation" if "annotation" in surface.identity else "score"
    return {
        "query": {
            "t": tomogram.id,
            source: surface.made_from or LABELS,
            "surface": surface.id,
        },
        "levels": [full] if faces <= COARSE_FACES else [coarse, full],
        "picture": at(f"picture-{st.context.theme.type or 'light'}.png"),
        "measurements": at(MEASUREMENTS_FILE),
        "live": score_id
        and routes.download_address(tomogram, "scores", score_id, routes.COARSE_FILE),
    }


def slices(tomogram: Tomogram, region: Region, surface: Result, unit: Unit) -> dict[str, Any]:
    """Return where the slices are, and their place in space."""
    # Of the size that the surfaces were made with: it may have been corrected since.
    size = surface.voxel_size_nm
    volume = snapshot.volume(tomogram, region).with_voxel_size(size)
    known = unit == "µm" and size is not None
    return {
        "url": routes.slice_source(tomogram, region).address,
        "shape": list(volume.shape),
        "edges": [edge / 1000 for edge in size or ()] if known else [1, 1, 1],
        "first": [at / 1000 for at in volume.origin_nm] if known else volume.first_voxel,
    }
