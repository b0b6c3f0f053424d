"""What can be asked for as a job about films."""

from dataclasses import dataclass, field
from typing import ClassVar

from deepsxt_core.export.film_plan import FilmParams
from deepsxt_core.export.shots import KeyFrame
from deepsxt_core.jobs.kinds import Checked, JobKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmRequest(Checked):
    """Draw a film.

    Attributes
    ----------
    frames : tuple of KeyFrame
        The views that it comes by.
    params : FilmParams
    """

    kind: ClassVar[JobKind] = "film"
    frames: tuple[KeyFrame, ...]
    params: FilmParams = field(default_factory=FilmParams)
