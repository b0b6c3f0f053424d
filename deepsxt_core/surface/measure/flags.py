"""What must be known beside the numbers of an object: what was measured, and what is not seen."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepsxt_core.surface.measure.quantities import ObjectQuantities
from deepsxt_core.surface.sources import is_of_membranes
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.volume import Labels, Mask, Score

MEMBRANE, BODY = "membrane", "body"

_CLOSE = 0.25


def flagged(
    found: Sequence[ObjectQuantities], surfaces: Surfaces, source: Score | Mask
) -> tuple[ObjectQuantities, ...]:
    """Return the same rows with their flags.

    What is made of a score of membranes, or of the class *membrane*, is a membrane; objects of
    other classes are bodies with their membrane. A mask does not say.
    """
    is_cut = _cut(surfaces, source)
    rows = []
    for row in found:
        tag = source.tags.get(row.object) if isinstance(source, Labels) else None
        measured = None
        if isinstance(source, Score):
            measured = MEMBRANE if is_of_membranes(source) else BODY
        if tag is not None:
            measured = MEMBRANE if tag.class_name == MEMBRANE else BODY
        rows.append(
            replace(
                row,
                measured=measured,
                cut_by_border=is_cut[row.object],
                capped=None if tag is None else tag.is_capped,
                state=None if tag is None else tag.state,
            )
        )
    return tuple(rows)


def _cut(surfaces: Surfaces, source: Score | Mask) -> dict[int, bool]:
    """Return whether each object goes on beyond the volume: it is closed at the border then."""
    volume = source.placed if isinstance(source, Score) else source.volume
    edges = np.ones(3)
    if surfaces.unit == "µm" and volume.voxel_size_nm is not None:
        edges = np.array(volume.voxel_size_nm) / 1000
    low = (np.array(volume.first_voxel) - 0.5 + _CLOSE) * edges
    high = (np.array(volume.first_voxel) + volume.shape - 0.5 - _CLOSE) * edges
    found = {}
    for row in surfaces.objects:
        bounds = np.array(row.bounds).reshape(3, 2)[::-1]
        found[row.id] = bool((bounds[:, 0] < low).any() or (bounds[:, 1] > high).any())
    return found
