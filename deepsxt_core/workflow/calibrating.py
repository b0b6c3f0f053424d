"""Teach a model what its scores mean: a temperature and a bias, fitted on labelled images."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deepsxt_core import access
from deepsxt_core.errors import ModelError, TrainingDataError
from deepsxt_core.evaluation.calibration import (
    BINNING,
    Calibration,
    CalibrationCurve,
    curve,
    fit,
    left_out,
)
from deepsxt_core.evaluation.precision_recall import ScoreHistogram
from deepsxt_core.inference import Predictor, SegmentParams
from deepsxt_core.network.calibrations import write_calibration
from deepsxt_core.network.library import installed_folder
from deepsxt_core.network.models import Model
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.training.datasets import Source, TrainingSet
from deepsxt_core.training.label_values import IGNORED
from deepsxt_core.volume import Score


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration has come to.

    Attributes
    ----------
    calibration : Calibration
        Fitted on all images.
    before : CalibrationCurve
        Of the scores as they are.
    after : CalibrationCurve or None
        Of each image by what was fitted on the others; None where there is one image alone, or
        membranes are in one alone.
    """

    calibration: Calibration
    before: CalibrationCurve
    after: CalibrationCurve | None

    def report(self) -> dict[str, Any]:
        """Return all numbers, ready for JSON."""
        return asdict(self.calibration) | {
            "binning": BINNING,
            "before": self.before.error,
            "after": self.after and self.after.error,
            "voxels": int(self.before.voxels.sum()),
        }


def calibrate(model: Model, data: TrainingSet, progress: Progress | None = None) -> Calibrated:
    """Fit a calibration of a model on labelled images, and keep it with the model.

    Parameters
    ----------
    model : Model
        One of the workspace.
    data : TrainingSet
    progress : Progress, optional

    Raises
    ------
    ModelError
        If the model was not installed in the workspace, or scores several classes.
    InvalidParameterError
        If the labels mark nothing, or everything.
    """
    if model.info.folder.resolve() != installed_folder(model.info.name).resolve():
        raise ModelError(
            f"The model {model.info.name!r} is not in this workspace, so its calibration cannot be "
            "kept. Export it and import it under another name."
        )
    if len(model.config.classes) > 1:
        raise ModelError(
            f"The model {model.info.name!r} scores {', '.join(model.config.classes)}; a model of "
            "one class alone can be calibrated."
        )
    access.require_write()
    found = fitted(histograms(model, data.sources, progress), _told(data))
    write_calibration(model.info.folder, found.calibration)
    return found


def _told(data: TrainingSet) -> str:
    names = [source.name for source in data.sources if source.labelled]
    slices = data.counts()["labelled_slices"]
    return f"{slices} labelled slices of {len(names)} images: {', '.join(names[:5])}" + (
        " and others" if len(names) > 5 else ""
    )


def fitted(parts: Sequence[ScoreHistogram], fitted_on: str) -> Calibrated:
    """Fit a calibration on parts of a data set, and judge it by leaving each of them out.

    Raises
    ------
    InvalidParameterError
        If there is no membrane, or nothing else.
    """
    whole = sum(parts, ScoreHistogram.empty())
    with_membranes = sum(bool(part.membrane.any()) for part in parts)
    return Calibrated(
        fit(whole, fitted_on), curve(whole), left_out(parts) if with_membranes > 1 else None
    )


def histograms(
    model: Model, sources: Sequence[Source], progress: Progress | None = None
) -> list[ScoreHistogram]:
    """Return how often each score code occurs on and off the membranes, for each labelled image.

    Images are scored as they are by default, at their own pixels; what nobody has judged is left
    out.

    Raises
    ------
    TrainingDataError
        If no image is labelled.
    """
    labelled = [source for source in sources if source.labelled]
    if not labelled:
        raise TrainingDataError("None of the images is labelled, so nothing can be calibrated.")
    progress = progress or NoProgress()
    progress.stage("Scoring", sum(len(source.labelled) for source in labelled), "slice")
    predictor = Predictor.of(model, SegmentParams(), None)
    found = []
    for source in labelled:
        counts = ScoreHistogram.empty()
        for z in source.labelled:
            labels = source.read_labels(z)
            run = source.read_run(z, predictor.context)
            codes = Score.encode(predictor.score(run, (predictor.context,) * 2)[0])
            judged = labels != IGNORED
            counts += ScoreHistogram.of(codes[judged], labels[judged] == 1)
            progress.advance()
        found.append(counts)
    return found
