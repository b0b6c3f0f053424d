"""Segment cryo soft X-ray tomograms and turn their membranes into surfaces.

Everything exported here is loaded when it is first used: importing the package loads neither
TensorFlow nor VTK.
"""

from importlib import import_module

_EXPORTS = {
    "Mask": "volume",
    "Score": "volume",
    "Volume": "volume",
    "VoxelSize": "volume",
    "DeepSXTError": "errors",
    "open_volume": "io",
    "open_score": "io",
    "Model": "network",
    "NetworkConfig": "network",
    "build_network": "network",
    "list_models": "network",
    "load_legacy_weights": "network",
    "load_model": "network",
    "open_model": "network",
    "save_model": "network",
    "SegmentParams": "inference",
    "predict_slice": "inference",
    "EvaluateParams": "evaluation",
    "ReconstructParams": "surface",
    "Surfaces": "surface",
    "create_annotation": "annotation",
    "open_annotation": "annotation",
    "evaluate": "workflow.pipeline",
    "preview_slice": "workflow.preview",
    "reconstruct": "workflow.pipeline",
    "segment": "workflow.segmentation",
    "write_mask": "export.volumes",
    "write_surfaces": "export.meshes",
    "Progress": "progress",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"deepsxt_core.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
