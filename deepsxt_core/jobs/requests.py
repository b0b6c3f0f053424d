"""What can be asked for as a job: one class per step.

A new kind is a class here, a line in `REQUESTS`, its name in `kinds.JobKind`, and a task in
`deepsxt_core.jobs.tasks`.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs.annotation_requests import AnnotateRequest, ProposeRequest
from deepsxt_core.jobs.film_requests import FilmRequest
from deepsxt_core.jobs.kinds import Checked, JobKind
from deepsxt_core.parameters import checked
from deepsxt_core.surface import ProcessParams, ReconstructParams, UncertaintyParams
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.reading import DataParams
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace.annotations import AnnotationVersion


def _one_of_both(
    result: str | None, annotation: AnnotationVersion | None, *, needed: bool = False
) -> None:
    given = (result is not None) + (annotation is not None)
    if given > 1 or given < needed:
        raise InvalidParameterError("Choose either a result or an annotation.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest(Checked):
    """Score a tomogram.

    Attributes
    ----------
    model : str
        Name or folder.
    params : SegmentParams
    """

    kind: ClassVar[JobKind] = "segment"
    model: str
    params: SegmentParams = field(default_factory=SegmentParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructRequest(Checked):
    """Make surfaces.

    Attributes
    ----------
    score : str or None
        Id of the result to start from; None for the labels that the tomogram's file holds.
    params : ReconstructParams
    annotation : AnnotationVersion or None
        What to start from instead.

    Raises
    ------
    InvalidParameterError
        If there are both a score and an annotation.
    """

    kind: ClassVar[JobKind] = "reconstruct"
    score: str | None
    params: ReconstructParams = field(default_factory=ReconstructParams)
    annotation: AnnotationVersion | None = None

    def __post_init__(self) -> None:
        checked(self)
        _one_of_both(self.score, self.annotation)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest(Checked):
    """Measure surfaces, with error bars and thin processes.

    Attributes
    ----------
    surface : str
        Id of the result to measure.
    params : ProcessParams
    uncertainty : UncertaintyParams
    """

    kind: ClassVar[JobKind] = "measure"
    surface: str
    params: ProcessParams = field(default_factory=ProcessParams)
    uncertainty: UncertaintyParams = field(default_factory=UncertaintyParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest(Checked):
    """Put all that belongs to a surface into one file.

    Attributes
    ----------
    surface : str
        Id of the result to bundle.
    """

    kind: ClassVar[JobKind] = "bundle"
    surface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest(Checked):
    """Write a report of surfaces and all that is measured on them.

    Attributes
    ----------
    surface : str
        Id of the result to report.
    params : ProcessParams
        Of thin processes.
    uncertainty : UncertaintyParams
    """

    kind: ClassVar[JobKind] = "report"
    surface: str
    params: ProcessParams = field(default_factory=ProcessParams)
    uncertainty: UncertaintyParams = field(default_factory=UncertaintyParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest(Checked):
    """Compare a score or an annotation with the truth.

    Attributes
    ----------
    score : str or None
        Id of the result to compare; None for an annotation.
    truth : str or None
        Path of the file with the truth; None where that is an annotation.
    params : EvaluateParams
    annotation : AnnotationVersion or None
        What to compare instead of a score.
    true_annotation : AnnotationVersion or None
        The truth, instead of a file.

    Raises
    ------
    InvalidParameterError
        If there is not one thing to compare, and one truth.
    """

    kind: ClassVar[JobKind] = "evaluate"
    score: str | None
    truth: str | None
    params: EvaluateParams = field(default_factory=EvaluateParams)
    annotation: AnnotationVersion | None = None
    true_annotation: AnnotationVersion | None = None

    def __post_init__(self) -> None:
        checked(self)
        _one_of_both(self.score, self.annotation, needed=True)
        _one_of_both(self.truth, self.true_annotation, needed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest(Checked):
    """Download a model of the catalogue.

    Attributes
    ----------
    name : str
        Of the model.
    """

    kind: ClassVar[JobKind] = "install"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest(Checked):
    """Train a model.

    Attributes
    ----------
    name : str
        Of the new model.
    data : str
        Folder of images and labels.
    base : str
        The model to start from, or to compare with.
    fresh : bool
        Whether to start from fresh weights.
    params : TrainingParams
    reading : DataParams
        How the data is read.
    """

    kind: ClassVar[JobKind] = "train"
    name: str
    data: str
    base: str
    fresh: bool = False
    params: TrainingParams = field(default_factory=TrainingParams)
    reading: DataParams = field(default_factory=DataParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest(Checked):
    """Apply one recipe to many tomograms of the workspace.

    Attributes
    ----------
    tomograms : tuple of str
        Their ids.
    recipe : Recipe

    Raises
    ------
    InvalidParameterError
        If there is no tomogram.
    """

    kind: ClassVar[JobKind] = "batch"
    tomograms: tuple[str, ...]
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        checked(self)
        if not self.tomograms:
            raise InvalidParameterError("A batch needs at least one tomogram. Choose some.")


JobRequest = (
    SegmentRequest
    | ReconstructRequest
    | MeasureRequest
    | BundleRequest
    | ReportRequest
    | EvaluateRequest
    | InstallRequest
    | TrainRequest
    | BatchRequest
    | AnnotateRequest
    | ProposeRequest
    | FilmRequest
)

REQUESTS: dict[str, Any] = {
    request_type.kind: request_type
    for request_type in (
        SegmentRequest,
        ReconstructRequest,
        MeasureRequest,
        BundleRequest,
        ReportRequest,
        EvaluateRequest,
        InstallRequest,
        TrainRequest,
        BatchRequest,
        AnnotateRequest,
        ProposeRequest,
        FilmRequest,
    )
}
"""The class of each kind."""
