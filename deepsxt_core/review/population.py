"""Units to look at: strata, the order of a random sample, and the order in which looking pays."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

STRATA = 3
LEAST_IN_GROUP = 2
"""Without two units of a stratum nothing is known of how much they differ."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Which units somebody has looked at.

    Attributes
    ----------
    sampled, targeted : frozenset of int
        Those that were decided, by the queue that they came from: the random one, or the one
        that goes where looking pays.
    doubtful : frozenset of int
        Those that were looked at and not decided: they count as not seen.
    """

    sampled: frozenset[int] = frozenset()
    targeted: frozenset[int] = frozenset()
    doubtful: frozenset[int] = frozenset()

    @property
    def decided(self) -> frozenset[int]:
        """All that were decided."""
        return self.sampled | self.targeted

    @property
    def seen(self) -> frozenset[int]:
        """All that somebody has looked at."""
        return self.decided | self.doubtful


@dataclass(frozen=True, slots=True)
class Group:
    """Units of which those that were decided are a random sample, or all."""

    members: frozenset[int]
    decided: frozenset[int]


@dataclass(frozen=True)
class Population:
    """All units of one kind, before anybody looks at one.

    Attributes
    ----------
    size : ndarray
        float64 (n,): how much there may be to mend in each.
    seed : int
        Of the order of the random sample.
    strata : int
        Into how many groups of like size they are parted, at most.
    """

    size: NDArray[np.float64]
    seed: int
    strata: int = STRATA

    def __len__(self) -> int:
        return len(self.size)

    @cached_property
    def by_size(self) -> NDArray[np.int64]:
        """The units (n,), the one first where looking pays most."""
        return np.argsort(-self.size, kind="stable")

    @cached_property
    def stratum(self) -> NDArray[np.int64]:
        """The stratum (n,) of each unit: those of like size, each stratum with as much in all.

        So that few large units are in the last, and an equal share of each stratum looks more
        often at larger ones (Cochran, Sampling Techniques, 3rd ed. 1977, section 5A.7).
        """
        found = np.zeros(len(self), np.int64)
        total = self.size.sum()
        if total > 0:
            sums = np.cumsum(self.size[self.by_size[::-1]])
            part = np.ceil(sums / total * self.strata - 1e-9).astype(np.int64) - 1
            found[self.by_size[::-1]] = np.clip(part, 0, self.strata - 1)
        return np.unique(found, return_inverse=True)[1]

    @cached_property
    def at_random(self) -> NDArray[np.int64]:
        """The units (n,) in an order that is random, and the same wherever it is asked for."""
        keys = [
            hashlib.blake2b(f"{self.seed} {unit}".encode(), digest_size=8).digest()
            for unit in range(len(self))
        ]
        return np.array(sorted(range(len(self)), key=keys.__getitem__), np.int64)

    def next_sampled(self, judged: Judged) -> int | None:
        """Return the next unit of the random sample; None at the end.

        It is of the stratum in which least was decided, and there every unseen unit is as likely
        as another.
        """
        waiting = [group for group in self.groups(judged)[1:] if group.members - judged.seen]
        if not waiting:
            return None
        # Of equal ones the first.
        group = min(waiting, key=lambda group: (len(group.decided), -len(group.members)))
        unseen = group.members - judged.seen
        return next(unit for unit in self.at_random.tolist() if unit in unseen)

    def next_targeted(self, judged: Judged) -> int | None:
        """Return the unseen unit where looking pays most; None at the end."""
        return next((unit for unit in self.by_size.tolist() if unit not in judged.seen), None)

    def groups(self, judged: Judged) -> list[Group]:
        """Return what the targeted queue has gone through, then the strata of the rest.

        In each stratum, what was decided is a random sample of it: the targeted queue goes by
        size alone, and which sampled units it met on its way tells nothing about the others.
        """
        last = max((self._rank[unit] for unit in judged.targeted), default=-1)
        first, rest = self.by_size[: last + 1], self.by_size[last + 1 :]
        strata = [
            rest[self.stratum[rest] == n] for n in range(int(self.stratum.max(initial=-1)) + 1)
        ]
        return [
            Group(frozenset(first.tolist()), judged.decided & frozenset(first.tolist())),
            *(
                Group(frozenset(units.tolist()), judged.sampled & frozenset(units.tolist()))
                for units in strata
            ),
        ]

    def lacking(self, judged: Judged) -> int:
        """Return how many more units of the random sample it takes to say anything."""
        return sum(
            max(0, min(LEAST_IN_GROUP, len(group.members)) - len(group.decided))
            for group in self.groups(judged)[1:]
        )

    @cached_property
    def _rank(self) -> dict[int, int]:
        return {unit: rank for rank, unit in enumerate(self.by_size.tolist())}
