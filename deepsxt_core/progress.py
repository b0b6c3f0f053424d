"""How long work reports where it is, and learns that it should stop."""

from typing import Protocol


class Progress(Protocol):
    """Receives the advance of one piece of work, stage after stage.

    The owner of the work calls `stage` once per stage, then `advance` after each unit.
    Either may raise `CancelledError`: that is how a user's wish to stop arrives.
    """

    def stage(self, name: str, total: int, unit: str) -> None:
        """Begin a stage of `total` units, for example ``stage("Segmenting", 300, "slice")``."""

    def advance(self, n: int = 1) -> None:
        """Report that `n` more units of the current stage are finished."""


class NoProgress:
    """Discards all reports; the default where nobody watches."""

    def stage(self, name: str, total: int, unit: str) -> None:
        """Discard."""

    def advance(self, n: int = 1) -> None:
        """Discard."""


class Renamed:
    """Puts what is worked on before the name of each stage.

    Parameters
    ----------
    progress : Progress
    name : str
    """

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._name = name

    def stage(self, name: str, total: int, unit: str) -> None:
        """Begin a stage."""
        self._progress.stage(f"{self._name}: {name}", total, unit)

    def advance(self, n: int = 1) -> None:
        """Count `n` more units of the stage."""
        self._progress.advance(n)
