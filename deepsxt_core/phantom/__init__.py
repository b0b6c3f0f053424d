"""Simulated cryo soft X-ray slices and tomograms with known membranes."""

from deepsxt_core.phantom.sample import sample_tomogram
from deepsxt_core.phantom.scene import SliceParams
from deepsxt_core.phantom.slices import draw_slice

__all__ = ["SliceParams", "draw_slice", "sample_tomogram"]
