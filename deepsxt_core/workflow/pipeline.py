"""One function per thing a user does. The app, the command line and notebooks call these."""

from deepsxt_core.annotation import Annotation, judged
from deepsxt_core.evaluation import EvaluateParams, Evaluation, compare
from deepsxt_core.preprocessing import measured_only
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces, trace_processes
from deepsxt_core.surface import reconstruct as _reconstruct
from deepsxt_core.surface.measure.classes import class_contacts
from deepsxt_core.surface.measure.error_bars import with_error_bars
from deepsxt_core.surface.measure.flags import flagged
from deepsxt_core.surface.measure.tables import Measurements
from deepsxt_core.surface.measure.uncertainty import UncertaintyParams
from deepsxt_core.volume import Mask, Score, Volume

Source = Score | Mask | Annotation
"""What surfaces are made of: of an annotation, the objects that have a class."""


def reconstruct(
    score_or_mask: Source,
    params: ReconstructParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
) -> Surfaces:
    """Reconstruct closed surfaces; see `deepsxt_core.surface.reconstruct`.

    Voxels of the void and single absurd ones of the tomogram count for no mean grey value.
    """
    return _reconstruct(
        _taken(score_or_mask),
        params or ReconstructParams(),
        progress or NoProgress(),
        tomogram=tomogram and measured_only(tomogram),
    )


def measure(
    source: Source,
    params: ReconstructParams | None = None,
    processes: ProcessParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
    surfaces: Surfaces | None = None,
    uncertainty: UncertaintyParams | None = None,
) -> Measurements:
    """Measure all objects, with error bars, and the thin processes among them.

    Parameters
    ----------
    source : Score, Mask or Annotation
    params : ReconstructParams, optional
    processes : ProcessParams, optional
    progress : Progress, optional
    tomogram : Volume, optional
        What was segmented, for the mean grey value in each object.
    surfaces : Surfaces, optional
        What `reconstruct` has made of `source` with `params`, where it is at hand.
    uncertainty : UncertaintyParams, optional
    """
    params, progress = params or ReconstructParams(), progress or NoProgress()
    source = _taken(source)
    if surfaces is None:
        surfaces = reconstruct(source, params, progress, tomogram=tomogram)
    traced = trace_processes(surfaces, processes, progress)
    found, counts = with_error_bars(surfaces, source, params, progress, uncertainty)
    return Measurements(
        surfaces, flagged(found, surfaces, source), traced, class_contacts(surfaces), counts
    )


def evaluate(
    prediction: Source,
    truth: Mask | Annotation,
    params: EvaluateParams | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare a segmentation with the truth; see `deepsxt_core.evaluation.compare`.

    Objects of an annotation that are not judged count for neither side.
    """
    known = judged(truth) if isinstance(truth, Annotation) else truth
    return compare(_taken(prediction), known, params, progress)


def _taken(source: Source) -> Score | Mask:
    return judged(source) if isinstance(source, Annotation) else source
