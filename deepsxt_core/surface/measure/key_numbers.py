"""The few quantities that people are shown of an object first, and how a number is spelt."""

import math

from deepsxt_core.surface.measure.quantities import QUANTITIES

ERROR_OF = {"volume": "volume_error", "area": "area_error"}
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


def number_text(value: float | None, error: float | None = None) -> str:
    """Return a number of four digits, with its error bar if there is one; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error):
        return f"{value:.4g}"
    return f"{value:.4g} ± {error:.2g}"
