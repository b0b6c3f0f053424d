"""The process that makes a file somebody asked for: it carries out one order, and ends.

::

    python -m deepsxt_core.workspace.orders   with {"order": …, "limits": …} on its input

It is started by `deepsxt_core.workspace.making`, and ends with the server, however that dies: its
input is closed then.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deepsxt_core.child_process import OUT_OF_MEMORY
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.io.limited import limit_process
from deepsxt_core.workspace import differences, display, downloads, films, making, scenes
from deepsxt_core.workspace.annotation_files import annotation_file
from deepsxt_core.workspace.annotations import AnnotationVersion, annotation
from deepsxt_core.workspace.library import Workspace
from deepsxt_core.workspace.results import read_result
from deepsxt_core.workspace.tomogram import Tomogram


def make(order: Mapping[str, Any]) -> None:
    """Make the file that was ordered.

    Raises
    ------
    DeepSXTError
        If it cannot be made.
    """
    kind = order["file"]
    asked = {key: order[key] for key in order if key not in ("file", "result", "tomogram")}
    if kind == "display":
        # Nobody waits for it: what people wait for comes first.
        if hasattr(os, "nice"):
            os.nice(10)
        display.build(order)
        return
    if kind == "labels":
        _labels(order)
        return
    if kind == "film":
        films.draw_first(_tomogram(order), order)
        return
    folder = Path(order["result"])
    if kind == "view":
        downloads.view_file(folder, **asked)
        return
    result = read_result(folder)
    if result is None:
        raise DeepSXTError(f"There is no result in '{folder}' any more. Run the step again.")
    if kind == "surface":
        downloads.surface_file(result, **asked)
        return
    tomogram = _tomogram(order)
    made_by: dict[str, Callable[..., object]] = {
        "score": downloads.score_file,
        "instances": downloads.instances_file,
        "distances": differences.distances_file,
        "scene": scenes.draw,
    }
    made_by[kind](tomogram, result, **asked)


def _tomogram(order: Mapping[str, Any]) -> Tomogram:
    workspace, tomogram_id = order["tomogram"]
    return Workspace(Path(workspace)).tomogram(tomogram_id)


def _labels(order: Mapping[str, Any]) -> None:
    version = AnnotationVersion(id=order["annotation"], digest=order["digest"])
    annotation_file(annotation(_tomogram(order), version.id), order["name"], version)


def _end_with_server() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> int:
    """Make the file that a line on the input asks for; return the exit code."""
    making.in_process = True
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    limits = request["limits"]
    limit_process(limits["memory_bytes"], limits["seconds"])
    try:
        make(request["order"])
    except MemoryError:
        return OUT_OF_MEMORY
    except DeepSXTError as error:
        told = {"error": type(error).__name__, "message": str(error)}
        sys.stdout.write("\n" + json.dumps(told) + "\n")
        return making.TOLD
    return 0


if __name__ == "__main__":
    try:
        code = main()
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    # Without waiting for the thread that reads the input.
    os._exit(code)
