"""One function per thing a user does. The app, the command line and notebooks call these."""

from deepsxt_core.evaluation import EvaluateParams, Evaluation, compare
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces, trace_processes
from deepsxt_core.surface import reconstruct as _reconstruct
from deepsxt_core.surface.measure.error_bars import with_error_bars
from deepsxt_core.surface.measure.tables import Measurements
from deepsxt_core.volume import Mask, Score, Volume


def reconstruct(
    score_or_mask: Score | Mask,
    params: ReconstructParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
) -> Surfaces:
    """Reconstruct closed surfaces; see `deepsxt_core.surface.reconstruct`."""
    return _reconstruct(
        score_or_mask, params or ReconstructParams(), progress or NoProgress(), tomogram=tomogram
    )


def measure(
    source: Score | Mask,
    params: ReconstructParams | None = None,
    processes: ProcessParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
    surfaces: Surfaces | None = None,
) -> Measurements:
    """Measure all objects, with error bars, and the thin processes among them.

    Parameters
    ----------
    source : Score or Mask
    params : ReconstructParams, optional
    processes : ProcessParams, optional
    progress : Progress, optional
    tomogram : Volume, optional
        What was segmented, for the mean grey value in each object.
    surfaces : Surfaces, optional
        What `reconstruct` has made of `source` with `params`, where it is at hand.
    """
    params, progress = params or ReconstructParams(), progress or NoProgress()
    if surfaces is None:
        surfaces = reconstruct(source, params, progress, tomogram=tomogram)
    traced = trace_processes(surfaces, processes, progress)
    return Measurements(surfaces, with_error_bars(surfaces, source, params, progress), traced)


def evaluate(
    prediction: Score | Mask,
    truth: Mask,
    params: EvaluateParams | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare a segmentation with the truth; see `deepsxt_core.evaluation.compare`."""
    return compare(prediction, truth, params, progress)
