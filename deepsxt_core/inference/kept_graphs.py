"""Models as graphs of OpenVINO, kept in the user's folder for caches.

Making a graph takes Keras and its backend, whose import takes longer than scoring a slice. Each
model is translated once, and known again by the hash of its files.
"""

import hashlib
import logging
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import written_beside

if TYPE_CHECKING:
    from deepsxt_core.network.models import Model

logger = logging.getLogger(__name__)

MOST_KEPT = 16
"""Graphs that are kept; older ones are deleted."""

# The modules that decide what a graph computes.
_MADE_BY = ("../network/architecture.py", "openvino_graph.py")


def graph_of(model: "Model") -> Any:
    """Return the graph of the score of a model, (n, slices seen, y, x) to (n, classes, y, x)."""
    from deepsxt_core.inference.openvino_runtime import read_graph

    place = _place(model.info.sha256())
    if place.is_file():
        try:
            return read_graph(place)
        except RuntimeError as error:
            logger.info("The graph %s is damaged and made again: %s", place, error)
    from deepsxt_core.inference.openvino_graph import network_graph
    from deepsxt_core.network.architecture import score_network

    graph = network_graph(score_network(model.network))
    try:
        _keep(graph, place)
    except (OSError, RuntimeError, DeepSXTError) as error:
        logger.info("The graph of the model is not kept: %s", error)
    return graph


def _place(sha256: str) -> Path:
    digest = hashlib.sha256(f"{sha256} {version('openvino')}".encode())
    for name in _MADE_BY:
        digest.update((Path(__file__).parent / name).read_bytes())
    return settings.cache_folder() / "graphs" / f"{digest.hexdigest()}.xml"


def _keep(graph: Any, place: Path) -> None:
    from deepsxt_core.inference.openvino_runtime import write_graph

    place.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(place) as beside:
        write_graph(graph, beside)
        # The weights come first: who sees the graph sees them.
        beside.with_suffix(".bin").replace(place.with_suffix(".bin"))
    newest_last = sorted(place.parent.glob("*.xml"), key=lambda path: path.stat().st_mtime)
    for old in newest_last[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".bin").unlink(missing_ok=True)
