"""From a score or a mask to closed surfaces: smoothing, extraction, instances, the 3D view.

VTK is loaded when a surface is made or read, not by this import. The 3D view has a module of
its own, `deepsxt_core.export.figures`, because it is also run as a program.
"""

from deepsxt_core.surface.extraction import reconstruct, reconstruct_numbered
from deepsxt_core.surface.measure.processes import Process, ProcessParams, trace_processes
from deepsxt_core.surface.measure.quantities import ObjectQuantities, quantify
from deepsxt_core.surface.measure.uncertainty import UncertaintyParams
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.surfaces import ObjectRow, Surfaces

__all__ = [
    "ObjectQuantities",
    "ObjectRow",
    "Process",
    "ProcessParams",
    "ReconstructParams",
    "Surfaces",
    "UncertaintyParams",
    "quantify",
    "reconstruct",
    "reconstruct_numbered",
    "trace_processes",
]
