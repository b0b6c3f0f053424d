"""What can be asked for as a job about annotations."""

from dataclasses import dataclass, field
from typing import ClassVar

from deepsxt_core.annotation import ORGANELLE, SourceParams
from deepsxt_core.annotation.body_operations import LEAST_CONFIDENCE
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.jobs.kinds import Checked, JobKind
from deepsxt_core.parameters import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotateRequest(Checked):
    """Make an annotation, of a score or of a label file.

    Attributes
    ----------
    tomogram : str
        Its id.
    name : str
        Of the annotation.
    wish : str
        Differs from request to request: the same can be wanted twice.
    score : str or None
        Id of the result whose parts above the threshold become objects.
    labels : str or None
        Path of the label file.
    params : SourceParams

    Raises
    ------
    InvalidParameterError
        If there are neither a score nor labels, or both.
    """

    kind: ClassVar[JobKind] = "annotate"
    tomogram: str
    name: str
    wish: str
    score: str | None = None
    labels: str | None = None
    params: SourceParams = field(default_factory=SourceParams)

    def __post_init__(self) -> None:
        checked(self)
        if (self.score is None) == (self.labels is None):
            raise InvalidParameterError(
                "An annotation is made either of a score or of a label file. Choose one of them."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeRequest(Checked):
    """Add every body that is found to an annotation, as machine-made objects.

    Attributes
    ----------
    tomogram, annotation : str
        Their ids.
    wish : str
        Differs from request to request: the same can be wanted twice.
    least_confidence : float
        Bodies that are less sure are left out.
    class_name : str
        Of the new objects.
    """

    kind: ClassVar[JobKind] = "propose"
    tomogram: str
    annotation: str
    wish: str
    least_confidence: float = LEAST_CONFIDENCE
    class_name: str = ORGANELLE
