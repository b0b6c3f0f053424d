"""How much of a job is done, and how long the rest takes, told from the pace of its stages.

Start-up and work are told apart: the first unit of a stage also carries what comes once, such as
a network that is compiled for a size, so the pace counts from its end. What follows a stage counts
as well: as the owner of the work says (`Progress.ahead`), else as such jobs usually go.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deepsxt_core.jobs.status import NEVER_FULL

FIRST_UNIT = math.sqrt(2)
"""How much longer than the others the first unit is taken to be while it is the only one: in the
middle between as long and twice as long (1.0 to 1.9 as measured by ``benchmarks/estimates.py``)."""

STARTING_UNITS = ("model", "worker")
"""What a stage that comes once counts, whatever the number of parts."""

UsualStages = Sequence[tuple[str, float]]
"""The stages of a job in their order, and how long they usually take, relative to each other."""


@dataclass(slots=True)
class _Stage:
    """A stage of a job: `total` units, of which `before` were done by an earlier worker."""

    began: float
    unit: str = ""
    total: int = 0
    before: int = 0
    done: int = 0
    first: tuple[float, int] | None = None
    pace: float | None = None
    times: float = 0.0
    seconds: float = 0.0

    def advance(self, n: int, now: float) -> None:
        """Count `n` more units; learn how long one takes, unless it is the only one."""
        self.done += n
        if self.first is not None:
            began, before = self.first
            self.pace = (now - began) / (self.done - before)
            return
        self.first = now, self.done
        if self.total > 1 and self.unit not in STARTING_UNITS:
            mixed = FIRST_UNIT if self.done < self.total else 1.0
            self.pace = (now - self.began) / n / mixed

    @property
    def left_s(self) -> float:
        """What it still takes."""
        return (self.pace or 0.0) * max(self.total - self.done, 0)

    @property
    def after_s(self) -> float:
        """What follows it."""
        return self.times * (self.pace or 0.0) * self.total + self.seconds

    @property
    def kept_s(self) -> float:
        """What the units took that were done before."""
        return (self.pace or 0.0) * self.before


class Outlook:
    """What can be told of one job so far; all moments are seconds of one clock.

    Parameters
    ----------
    now : float
    usual : sequence of (str, float)
        The stages that the job will have, where that is known.

    Attributes
    ----------
    share : float
        How much of the job is done; it never falls and is never 1.
    remaining_s : float or None
        For the rest of the job, from the last event on; None where it cannot be told.
    """

    def __init__(self, now: float, usual: UsualStages = ()) -> None:
        self.share = 0.0
        self.remaining_s: float | None = None
        self._usual, self._place, self._usual_times = tuple(usual), -1, 0.0
        self._sizes: Sequence[float] = (1.0,)
        self._number = 0
        # Of the parts that were worked on.
        self._worked_s = self._worked_size = 0.0
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._stage = _Stage(now)
        self._began, self._has_pace = now, False
        self._starting_s = self._kept_s = 0.0
        rate = self._rate()
        self._expected_s = None if rate is None else rate * self._size

    @property
    def _size(self) -> float:
        return self._sizes[self._number]

    @property
    def pace(self) -> float | None:
        """Seconds per unit of the stage, once it can be told."""
        return self._stage.pace

    @property
    def done(self) -> int:
        """Finished units of the stage."""
        return self._stage.done

    def part(self, number: int, sizes: Sequence[float], now: float) -> None:
        """Begin part `number` of a job whose parts have these sizes."""
        self._close(now)
        if self._has_pace:
            self._worked_s += self._spent_s(now)
            self._worked_size += self._size
        self._sizes, self._number = sizes, number
        self._begin(now)
        self._tell(now)

    def stage(self, name: str, total: int, unit: str, done: int, now: float) -> None:
        """Begin a stage."""
        self._close(now)
        self._usual_times = self._usually_after(name)
        self._stage = _Stage(now, unit, total, done, done, times=self._usual_times)
        self._tell(now)

    def _usually_after(self, name: str) -> float:
        """Return how many times as long as a stage what follows it usually takes."""
        names = [known for known, _ in self._usual]
        if name not in names[self._place + 1 :]:
            return 0.0
        self._place = names.index(name, self._place + 1)
        (_, own), *later = self._usual[self._place :]
        return sum(share for _, share in later) / own

    def advance(self, n: int, now: float) -> None:
        """Count `n` more units of the stage."""
        if n:
            self._stage.advance(n, now)
            self._has_pace |= self._stage.pace is not None
        self._tell(now)

    def ahead(self, times: float, seconds: float, now: float) -> None:
        """Take in what follows the stage: `times` as long as the whole of it, and `seconds`."""
        self._stage.times = max(self._usual_times, times)
        self._stage.seconds = seconds
        self._tell(now)

    def _close(self, now: float) -> None:
        """Keep what the stage that ends leaves behind."""
        stage = self._stage
        self._kept_s += stage.kept_s
        if stage.unit in STARTING_UNITS:
            self._starting_s += now - stage.began
        if stage.pace is not None:
            self._expected_s = stage.after_s or None
        elif stage.done and stage.times:
            self._expected_s = stage.times * (now - stage.began) + stage.seconds
        elif self._expected_s is not None:
            self._expected_s = max(0.0, self._expected_s - (now - stage.began))

    def _spent_s(self, now: float) -> float:
        """Return what the part has taken, with what an earlier worker did of it."""
        return now - self._began - self._starting_s + self._kept_s

    def _rate(self, part_s: float | None = None) -> float | None:
        """Return the seconds that a part takes for its size, from those done and this one."""
        size = self._worked_size + (self._size if part_s is not None else 0.0)
        return (self._worked_s + (part_s or 0.0)) / size if size else None

    def _tell(self, now: float) -> None:
        stage = self._stage
        if stage.pace is not None:
            rest: float | None = stage.left_s + stage.after_s
        else:
            rest = self._expected_s and max(0.0, self._expected_s - (now - stage.began))
        self.remaining_s, of_part = None, 0.0
        if rest is not None:
            spent = self._spent_s(now) + stage.kept_s
            rate = self._rate(spent + rest if self._has_pace else None) or 0.0
            self.remaining_s = rest + rate * sum(self._sizes[self._number + 1 :])
            of_part = spent / ((spent + rest) or 1.0)
        done = sum(self._sizes[: self._number]) + self._size * of_part
        self.share = min(NEVER_FULL, max(self.share, done / (sum(self._sizes) or 1.0)))
