"""The calibration that a model may carry: a small file beside its weights.

It is no part of the configuration and does not count for the hash of the model: what a model
scores does not depend on it.
"""

from dataclasses import asdict
from pathlib import Path

from deepsxt_core.errors import InvalidParameterError, ModelError
from deepsxt_core.evaluation.calibration import Calibration
from deepsxt_core.files import read_json, write_json
from deepsxt_core.network.models import CALIBRATION_NAME, list_models


def read_calibration(folder: Path) -> Calibration | None:
    """Return the calibration of the model in a folder; None if it is not calibrated.

    Raises
    ------
    ModelError
        If its file is damaged.
    """
    if not (folder / CALIBRATION_NAME).is_file():
        return None
    try:
        return Calibration.from_json(read_json(folder / CALIBRATION_NAME) or {})
    except InvalidParameterError as error:
        raise ModelError(
            f"The {CALIBRATION_NAME} of {folder.name!r} is damaged: {error}"
        ) from error


def calibration_text(calibration: Calibration | None) -> str:
    """Return one sentence for people about a model's calibration."""
    if calibration is None:
        return "Not calibrated: its scores are no probabilities."
    return (
        f"Calibrated: temperature {calibration.temperature:.3f}, bias {calibration.bias:+.3f}, "
        f"fitted on {calibration.fitted_on or 'data that nobody has noted'}."
    )


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Give a model folder its calibration; one that is there already is replaced."""
    write_json(folder / CALIBRATION_NAME, asdict(calibration))


def calibration_of_score(score: Path) -> Calibration | None:
    """Return what the model that made a score carries, if it is in the library, the very same.

    Parameters
    ----------
    score : Path
        Of the score; the record of the segmentation lies beside it.

    Raises
    ------
    ModelError
        If the file of the calibration is damaged.
    """
    made_by = (read_json(score.parent / "run.json") or {}).get("model")
    if not isinstance(made_by, dict):
        return None
    for info in list_models():
        if info.name == made_by.get("name"):
            found = read_calibration(info.folder)
            if found is not None and info.sha256() == made_by.get("sha256"):
                return found
    return None
