"""Whether membranes are bright, by the grey values under labels."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from deepsxt_core.network import MEMBRANE_ALONE
from deepsxt_core.preprocessing import suggest_invert
from deepsxt_core.training.class_table import of_class

if TYPE_CHECKING:
    from deepsxt_core.training.datasets import Source

_SLICES = 5
_BACKGROUND_PX = 20.0


def membranes_are_bright(source: "Source") -> bool:
    """Compare labelled membranes with their surroundings; by the grey values where there is none.

    Measured against the local mean, because a slice is brighter here and darker there. Of other
    classes nothing is taken: a nucleus or a vesicle may be brighter than what lies around it.
    """
    labelled = [z for z, px in zip(source.labelled, source.membrane_px, strict=True) if px]
    names = MEMBRANE_ALONE if source.table is None else source.table.names
    if not labelled or MEMBRANE_ALONE[0] not in names:
        return suggest_invert(source.image, source.intensity.void)
    contrast = 0.0
    for i in np.unique(np.linspace(0, len(labelled) - 1, _SLICES).round().astype(int)):
        image = source.read_image(labelled[i])
        membrane = of_class(source.read_labels(labelled[i]), names.index(MEMBRANE_ALONE[0]))
        contrast += float((image - ndimage.gaussian_filter(image, _BACKGROUND_PX))[membrane].sum())
    return contrast > 0
