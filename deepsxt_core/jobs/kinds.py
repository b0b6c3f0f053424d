"""The kinds of jobs, and what all requests have in common."""

from typing import Literal

from deepsxt_core.parameters import checked

JobKind = Literal[
    "segment",
    "reconstruct",
    "measure",
    "install",
    "bundle",
    "report",
    "train",
    "evaluate",
    "batch",
    "annotate",
    "propose",
    "film",
]


class Checked:
    """Checks the types of all fields."""

    __slots__ = ()

    def __post_init__(self) -> None:
        checked(self)
