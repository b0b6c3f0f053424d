"""How long work reports where it is, and learns that it should stop."""

from collections.abc import Sequence
from typing import Protocol


class Progress(Protocol):
    """Receives the advance of one piece of work, stage after stage.

    The owner of the work calls `stage` once per stage, then `advance` after each unit.
    Either may raise `CancelledError`: that is how a user's wish to stop arrives.
    """

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """Begin a stage of `total` units, for example ``stage("Segmenting", 300, "slice")``.

        `done` of them were finished by earlier work that is gone on with.
        """

    def advance(self, n: int = 1) -> None:
        """Report that `n` more units of the current stage are finished."""

    def ahead(self, *, times: float = 0.0, seconds: float = 0.0) -> None:
        """Say how long what follows the current stage will take, once that can be told.

        That is `times` as long as the whole of this stage, and so many `seconds`.
        """

    def part(self, number: int, sizes: Sequence[float]) -> None:
        """Begin a part of work that is done part by part, each in stages like the others.

        Parameters
        ----------
        number : int
            From 0.
        sizes : sequence of float
            Of all parts, in any unit; 0 for what takes no time.
        """


class NoProgress:
    """Discards all reports; the default where nobody watches."""

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """Discard."""

    def advance(self, n: int = 1) -> None:
        """Discard."""

    def ahead(self, *, times: float = 0.0, seconds: float = 0.0) -> None:
        """Discard."""

    def part(self, number: int, sizes: Sequence[float]) -> None:
        """Discard."""


class Renamed:
    """Puts what is worked on before the name of each stage.

    Parameters
    ----------
    progress : Progress
    name : str
    then_s : float
        What follows the work that reports here, in seconds.
    """

    def __init__(self, progress: Progress, name: str, then_s: float = 0.0) -> None:
        self._progress = progress
        self._name = name
        self._then_s = then_s

    def then(self, seconds: float) -> "Renamed":
        """Return the same for work that something follows which takes so many seconds."""
        return Renamed(self._progress, self._name, seconds)

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """Begin a stage."""
        self._progress.stage(f"{self._name}: {name}", total, unit, done)
        self.ahead()

    def advance(self, n: int = 1) -> None:
        """Count `n` more units of the stage."""
        self._progress.advance(n)

    def ahead(self, *, times: float = 0.0, seconds: float = 0.0) -> None:
        """Tell what follows the stage."""
        self._progress.ahead(times=times, seconds=seconds + self._then_s)

    def part(self, number: int, sizes: Sequence[float]) -> None:
        """Begin a part."""
        self._progress.part(number, sizes)
