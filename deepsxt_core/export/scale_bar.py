"""How long a scale bar is, and what it is labelled with."""

from pathlib import Path

import numpy as np
from PIL import ImageFont


def scale_bar_length(width_px: int, pixel_nm: float | None) -> tuple[float, str]:
    """Return the length in pixels, and the label, of a bar of about a fifth of the width.

    The length is 1, 2 or 5 times a power of ten, in nm or µm; in pixels where the pixel size is
    not known.
    """
    unit = pixel_nm or 1.0
    target = max(width_px * unit / 5, 1e-9)
    decade = 10.0 ** np.floor(np.log10(target))
    length = decade * max(step for step in (1, 2, 5) if step * decade <= target)
    if pixel_nm is None:
        return length, f"{length:g} px"
    label = f"{length / 1000:g} µm" if length >= 1000 else f"{length:g} nm"
    return length / unit, label


def label_font(size_px: int) -> ImageFont.FreeTypeFont:
    """Return the font that matplotlib brings; Pillow's own lacks the letter µ."""
    import matplotlib

    return ImageFont.truetype(
        Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size_px
    )
