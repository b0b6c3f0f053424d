"""``deepsxt models``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from deepsxt_core.cli.opening import native_stderr_silenced
from deepsxt_core.cli.options import Outcome, command
from deepsxt_core.errors import ModelError
from deepsxt_core.network import (
    CATALOGUE,
    ModelInfo,
    NetworkConfig,
    export_model,
    find_model,
    import_model,
    install,
    list_models,
    open_model,
    remove_model,
)
from deepsxt_core.network.calibrations import calibration_text, read_calibration
from deepsxt_core.progress import Progress
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.reading import DataParams

APP = App(name="models")


@APP.command(name="list")
@command
def list_them() -> Outcome:
    """List the models, installed or not."""
    models = list_models()
    names = {info.name for info in models}
    available = [entry for entry in CATALOGUE.values() if entry.name not in names]
    lines = [f"{info.name:24} {', '.join(info.classes()):24} {info.folder}" for info in models]
    lines += [f"{entry.name:24} to install: {entry.size_mb} MB" for entry in available]
    return Outcome(
        lines,
        {
            "models": [
                {
                    "name": info.name,
                    "folder": str(info.folder),
                    "classes": list(info.classes()),
                }
                for info in models
            ],
            "available": [{"name": entry.name, "size_mb": entry.size_mb} for entry in available],
        },
    )


@APP.command(name="install")
@command
def install_one(
    name: Annotated[str, Parameter(help="One of " + ", ".join(CATALOGUE) + ".")],
    /,
    *,
    progress: Progress,
) -> Outcome:
    """Download a model."""
    if name not in CATALOGUE:
        raise ModelError(f"{name!r} is not in the catalogue: {', '.join(CATALOGUE)}.")
    return _installed(install(CATALOGUE[name], progress))


@APP.command(name="import")
@command
def import_one(
    file: Path,
    /,
    *,
    config: Annotated[Path | None, Parameter(metavar="JSON")] = None,
    name: str | None = None,
) -> Outcome:
    """Add a model from a file.

    Parameters
    ----------
    file
        .h5, .weights.h5, .keras or .zip.
    config
        Of its network; left out, the published one.
    name
        Left out, it is made from that of the file.
    """
    network = NetworkConfig.from_json(config) if config else None
    with native_stderr_silenced():
        info = import_model(file, config=network, name=name)
    return _installed(info)


def _installed(info: ModelInfo) -> Outcome:
    return Outcome(
        [f"Installed {info.name} in {info.folder}"],
        {"name": info.name, "folder": str(info.folder), "sha256": info.sha256()},
    )


@APP.command(name="export")
@command
def export_one(name: str, file: Annotated[Path, Parameter(metavar="FILE.zip")], /) -> Outcome:
    """Write a model as a zip file."""
    path = export_model(name, file)
    return Outcome([f"Wrote {path}"], {"file": str(path)})


@APP.command
@command
def calibrate(name: str, data: Path, /, *, reading: DataParams, progress: Progress) -> Outcome:
    """Fit what the scores of a model mean, on labelled images that it has not learnt from.

    Parameters
    ----------
    name
        Of an installed model, which keeps the calibration.
    data
        Folder of NAME.tif with NAME.labels.tif.
    """
    from deepsxt_core.workflow.calibrating import calibrate as fit

    with native_stderr_silenced():
        model = open_model(name)
        found = fit(model, open_training_set(data, reading, progress), progress)
    after = "not told by one image" if found.after is None else f"{found.after.error:.4f}"
    return Outcome(
        [
            f"Calibrated {model.info.name}: temperature {found.calibration.temperature:.3f}, bias "
            f"{found.calibration.bias:+.3f}, on {found.calibration.fitted_on}",
            f"Expected calibration error {found.before.error:.4f} as scored, {after} on images "
            "left out of the fit in turn",
        ],
        {"name": model.info.name, **found.report()},
    )


@APP.command
@command
def remove(name: str, /) -> Outcome:
    """Delete an installed model."""
    remove_model(name)
    return Outcome([f"Removed {name}"], {"name": name})


@APP.command
@command
def info(name: str, /) -> Outcome:
    """Show the card of a model."""
    found = find_model(name)
    calibrated = read_calibration(found.folder)
    return Outcome(
        [
            found.card,
            f"Classes {', '.join(found.classes())}",
            calibration_text(calibrated),
            f"SHA-256 {found.sha256()}",
        ],
        {
            "calibration": calibrated and asdict(calibrated),
            "name": found.name,
            "folder": str(found.folder),
            "card": found.card,
            "classes": list(found.classes()),
            "sha256": found.sha256(),
        },
    )
