"""Where a result agrees with the truth, as a picture."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.evaluation.comparison import read_truth
from deepsxt_core.geometry import Region
from deepsxt_core.volume import Mask, Score
from deepsxt_core.web import routes
from deepsxt_core.web.pictures import AGREEMENT_RGB, agreement, grey_codes, with_scale_bar
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from deepsxt_core.workspace.truths import Compared, open_truth
from shared import snapshot, state, widgets
from shared.truths import Truth

_LEGEND = {"right": "right", "wrong": "marked, not true", "missed": "true, not marked"}


@st.fragment
@widgets.errors_shown()
def picture(
    tomogram: Tomogram,
    source: Result | KeptAnnotation,
    truth: Truth,
    params: EvaluateParams,
) -> None:
    """Show where the source agrees with the truth, slice by slice."""
    of = source.id if isinstance(source, Result) else source
    compared = Compared.of(tomogram, of)
    known, found = open_truth(tomogram, compared, truth), compared.found
    first = found.first_slice if isinstance(found, Score) else 0
    depth = found.volume.shape[0]
    z = depth // 2
    if depth > 1:
        z = st.slider("Slice", first + 1, first + depth, first + 1 + z, key="agreement_z")
        z -= first + 1
    labels, ignored = (part[0] for part in read_truth(found, known, params, *_one(z)))
    if isinstance(found, Score):
        marked = found.read_mask(*_one(z), state.threshold())[0]
    else:
        marked = found.read_mask(*_one(z))[0]
    grey = _grey(tomogram, source.region, found, z)
    shown = agreement(grey, marked, labels > 0, ignored)
    size = snapshot.volume(tomogram, source.region).voxel_size_nm
    st.image(
        with_scale_bar(shown, size.x if size else None),
        alt=f"Where result and labels agree on slice {first + z + 1}",
        width="stretch",
        output_format="JPEG",
    )
    st.html(
        " &nbsp; ".join(
            f'<span style="color:rgb{AGREEMENT_RGB[name]}">■</span> <small>{meaning}</small>'
            for name, meaning in _LEGEND.items()
        )
    )


def _one(z: int) -> tuple[int, int]:
    return z, z + 1


def _grey(tomogram: Tomogram, region: Region, found: Score | Mask, z: int) -> NDArray[np.uint8]:
    """Return slice `z` of what is compared as the tomogram shows it."""
    volume = snapshot.volume(tomogram, region)
    survey = routes.slice_source(tomogram, region).survey
    first = 0
    if isinstance(found, Score) and volume.shape[0] > found.volume.shape[0]:
        first = found.first_slice
    return grey_codes(volume.read(*_one(z + first))[0], survey.low, survey.high)
