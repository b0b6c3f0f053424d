"""The network, its configuration, its weights, and the models on disk.

Importing this package loads neither Keras nor TensorFlow; building a network does.
"""

from typing import TYPE_CHECKING

from deepsxt_core.network.catalogue import CATALOGUE, CatalogueEntry, install
from deepsxt_core.network.config import MEMBRANE_ALONE, NetworkConfig
from deepsxt_core.network.library import (
    export_model,
    import_model,
    new_model_folder,
    remove_model,
)
from deepsxt_core.network.models import (
    DEFAULT_MODEL,
    Model,
    ModelInfo,
    find_installed,
    find_model,
    list_models,
    load_model,
    open_model,
    save_model,
)

if TYPE_CHECKING:
    from deepsxt_core.network.architecture import build_network, score_network
    from deepsxt_core.network.legacy_weights import load_legacy_weights

__all__ = [
    "CATALOGUE",
    "DEFAULT_MODEL",
    "MEMBRANE_ALONE",
    "CatalogueEntry",
    "Model",
    "ModelInfo",
    "NetworkConfig",
    "build_network",
    "export_model",
    "find_installed",
    "find_model",
    "import_model",
    "install",
    "list_models",
    "load_legacy_weights",
    "load_model",
    "new_model_folder",
    "open_model",
    "remove_model",
    "save_model",
    "score_network",
]


def __getattr__(name: str) -> object:
    if name in ("build_network", "score_network"):
        from deepsxt_core.network import architecture

        return getattr(architecture, name)
    if name == "load_legacy_weights":
        from deepsxt_core.network.legacy_weights import load_legacy_weights

        return load_legacy_weights
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
