"""What this installation has, what it lacks, and how to get it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import psutil

from deepsxt_core import settings
from deepsxt_core.child_process import child_environment
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.network import DEFAULT_MODEL, list_models
from deepsxt_core.versions import versions

Level = Literal["ok", "notice", "problem"]

_SURVEY_S = 120.0
# Below it, a tomogram of 1000 x 1000 x 300 voxels has no room for its score and its surfaces.
_LEAST_DISK_BYTES = 5e9
# A training step or the published network take about this much.
_LEAST_MEMORY_BYTES = 4e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was looked at.

    Attributes
    ----------
    topic : str
        Such as ``"Memory"``.
    level : {"ok", "notice", "problem"}
    found : str
        What is there, with units.
    advice : str
        What to do about it; empty where nothing is to be done.
    """

    topic: str
    level: Level = "ok"
    found: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.topic}: {self.found} {self.advice}".rstrip()


def check_up() -> list[Item]:
    """Look at everything that the program needs here.

    What computes is asked in a process of its own, which takes some seconds: neither TensorFlow
    nor OpenVINO is loaded into the caller.
    """
    return [
        _software(),
        *_computes(),
        _memory(),
        *_places(),
        *_models(),
        *_environment(),
    ]


def as_text(items: list[Item]) -> str:
    """Return all as lines that can be pasted into the report of a fault."""
    marks = {"ok": " ", "notice": "!", "problem": "‼"}
    return "\n".join(f"{marks[item.level]} {item}" for item in items)


def _software() -> Item:
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    return Item(topic="Software", found=f"{found}, {sys.platform}.")


def _computes() -> Iterator[Item]:
    """Yield what scores and trains, as a process of its own finds it."""
    try:
        told = _survey()
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        yield Item(
            topic="Device",
            level="problem",
            found=f"The network's software cannot be loaded ({type(error).__name__}).",
            advice="Install DeepSXT anew, as the README says, into an empty environment.",
        )
        return
    cores = f"{os.cpu_count()} cores"
    yield Item(
        topic="Device", found=f"{told['device']} ({told['backend']}), {told['processor']}, {cores}."
    )
    if shutil.which("nvidia-smi") and told["device"] == "CPU":
        yield Item(
            topic="GPU",
            level="notice",
            found="There is an NVIDIA driver, but the network runs on the processor.",
            advice="Install the GPU edition: pip install 'tensorflow[and-cuda]' (Linux).",
        )
    if find_spec("openvino") is None:
        yield Item(
            topic="Engine",
            level="notice",
            found="OpenVINO is not installed: scoring on a processor is slower than it could be.",
            advice="pip install openvino, where there are wheels for this system.",
        )


def _survey() -> dict[str, Any]:
    """Ask `deepsxt_core.inference.survey`, which loads what computes."""
    done = subprocess.run(
        [sys.executable, "-m", "deepsxt_core.inference.survey"],
        env=child_environment(),
        capture_output=True,
        timeout=_SURVEY_S,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _memory() -> Item:
    memory = psutil.virtual_memory()
    little = memory.total < _LEAST_MEMORY_BYTES
    return Item(
        topic="Memory",
        level="notice" if little else "ok",
        found=f"{memory.available / 1e9:.3g} of {memory.total / 1e9:.3g} GB available.",
        advice="Bin tomograms by 2 and take the bundled model; the published one needs more."
        if little
        else "",
    )


def _places() -> Iterator[Item]:
    yield _place("Workspace", settings.workspace_folder(), "Set DEEPSXT_HOME to another folder.")
    yield _place("Temporary files", Path(tempfile.gettempdir()), "Set TMPDIR to another folder.")


def _place(topic: str, folder: Path, advice: str) -> Item:
    existing = next(place for place in (folder, *folder.parents) if place.is_dir())
    free = shutil.disk_usage(existing).free
    found = f"{free / 1e9:.3g} GB free."
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"0")
    except OSError as error:
        found = f"Nothing can be written to {folder}: {error.strerror}."
        return Item(topic=topic, level="problem", found=found, advice=advice)
    if free < _LEAST_DISK_BYTES:
        return Item(topic=topic, level="notice", found=found, advice=f"Make room. {advice}")
    return Item(topic=topic, found=found)


def _models() -> Iterator[Item]:
    models = list_models()
    for model in models:
        try:
            marks = ", ".join(model.classes())
            yield Item(topic="Model", found=f"{model.name} ({marks}), SHA-256 {model.sha256()}.")
        except OSError as error:
            yield Item(
                topic="Model",
                level="problem",
                found=f"{model.name} cannot be read: {error.strerror}.",
                advice="Remove it and import it again.",
            )
    if DEFAULT_MODEL not in [model.name for model in models]:
        yield Item(
            topic="Model",
            level="problem",
            found=f"The bundled model {DEFAULT_MODEL} is missing.",
            advice="Install DeepSXT anew, or import a model on the page Models.",
        )


def _environment() -> Iterator[Item]:
    try:
        settings.check()
    except DeepSXTError as error:
        yield Item(topic="Settings", level="problem", found=str(error))
        return
    roots = len(settings.data_roots())
    parts = [
        f"uploads up to {settings.max_upload_bytes() / 1e9:g} GB",
        f"files for downloads up to {settings.max_exports_bytes() / 1e9:g} GB",
        f"{roots} folder{'' if roots == 1 else 's'} of this server to open from",
        f"reached as {', '.join(sorted(settings.allowed_hosts()))}",
        f"Dask scheduler {settings.scheduler() or 'none'}",
        f"engine {settings.engine()}",
    ]
    yield Item(topic="Settings", found=f"{'; '.join(parts)}.")
