"""The few quantities that people are shown of an object first."""

import math
from collections.abc import Mapping
from typing import Any

from deepsxt_core.numerals import number_text
from deepsxt_core.surface.measure.columns import PARTS, QUANTITIES

ERROR_OF = {
    name: f"{name}_error" for name in ("volume", "area", "equivalent_diameter", "mean_thickness")
}
"""The quantity that is the error bar of another one."""

KEY_QUANTITIES = tuple(
    quantity
    for quantity in QUANTITIES
    if quantity.name
    in (
        "volume",
        "enclosed_volume",
        "area",
        "equivalent_diameter",
        "mean_thickness",
        "sphericity",
        "elongation",
        "gap",
        "mean_grey_value",
    )
)
"""In the order of the tables."""


ROTATIONS_UNKNOWN = "rotations: not known"
"""A score is the mean over rotations; how far they disagree, it does not keep."""


def parts_text(values: Mapping[str, Any], quantity: str, ending: str = "") -> str:
    """Return the known parts of an error bar in words, empty where there are none.

    Parameters
    ----------
    values : mapping
        Columns of the table of objects, or totals: the parts are found by their names.
    ending : str
        Of the columns, such as ``"_um3"``.
    """
    known = [
        f"{title} {number_text(value, digits=2)}"
        for part, (title, _) in PARTS.items()
        if (value := values.get(f"{quantity}_error_{part}{ending}")) is not None
        and math.isfinite(value)
    ]
    return ", ".join(known)
