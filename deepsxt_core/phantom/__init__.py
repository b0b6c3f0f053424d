"""Simulated cryo soft X-ray slices and tomograms with known membranes."""

from deepsxt_core.phantom.anatomy import Filopodium
from deepsxt_core.phantom.materials import Label
from deepsxt_core.phantom.params import PRESETS, PhantomParams
from deepsxt_core.phantom.sample import sample_tomogram
from deepsxt_core.phantom.simulation import CLASSES, Phantom, simulate, simulate_slices
from deepsxt_core.phantom.slice_canvas import SliceParams
from deepsxt_core.phantom.slices import draw_slice
from deepsxt_core.phantom.specimen import Organelle

__all__ = [
    "CLASSES",
    "PRESETS",
    "Filopodium",
    "Label",
    "Organelle",
    "Phantom",
    "PhantomParams",
    "SliceParams",
    "draw_slice",
    "sample_tomogram",
    "simulate",
    "simulate_slices",
]
