"""Whether teaching helps, told by regions that are left out in turn.

Where little is labelled, one part that is held back says little. So each region is left out once:
the base is taught by the others, for a part of the time, and measured on it. What comes out are
pairs of scores, one per region; the model that is kept then learns from all of them.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepsxt_core.files import read_json, write_json
from deepsxt_core.progress import Progress, Renamed
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.held_back import Tally, can_choose, count
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.regions import Region, regions
from deepsxt_core.training.splits import Split

REGIONS_NAME = "regions_left_out.json"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What teaching by the other regions did for one that was left out.

    Attributes
    ----------
    name : str
        Of the region, for people.
    scores, base_scores : dict
        Of the taught model and of the base, on it.
    """

    name: str
    scores: dict[str, float]
    base_scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all regions say.

    Attributes
    ----------
    regions : tuple of LeftOut
    scores, base_scores : dict
        Over all of them as one data set.
    """

    regions: tuple[LeftOut, ...]
    scores: dict[str, float]
    base_scores: dict[str, float]


def left_out_regions(data: TrainingSet, parts: Split, params: TrainingParams) -> tuple[Region, ...]:
    """Return the regions to leave out in turn; none where enough is held back, or too little.

    Parameters
    ----------
    parts : Split
        What is held back otherwise.
    """
    if params.regions < 2 or can_choose(data, parts.validation):
        return ()
    return regions(data, params.split, params.regions)


def verdict(
    data: TrainingSet,
    found: tuple[Region, ...],
    base: Any,
    teach: Callable[[Split, Path, Progress], Any],
    folder: Path,
    recipe: dict[str, Any],
    progress: Progress,
) -> Verdict:
    """Leave each region out once, and measure.

    What was measured lies in `folder`: after a break, only what is missing is done.

    Parameters
    ----------
    base : keras.Model
    teach : callable
        Returns a network that was taught by a split, in a folder for its checkpoint.
    """
    path = folder / REGIONS_NAME
    wanted = json.loads(json.dumps(recipe))
    known = read_json(path) or {}
    rows = known["rows"] if known.get("recipe") == wanted else []
    for number, region in enumerate(found[len(rows) :], len(rows)):
        blocks = region.split.validation
        scratch = folder / f"region-{number}"
        title = f"Without region {number + 1} of {len(found)}"
        taught = teach(region.split, scratch, Renamed(progress, title))
        pair = [asdict(count(network, data, blocks)) for network in (taught, base)]
        rows.append({"name": region.name, "counts": pair})
        write_json(path, {"recipe": wanted, "rows": rows})
        shutil.rmtree(scratch)
    counts = [[Tally.from_json(each) for each in row["counts"]] for row in rows]
    sums = [sum((pair[n] for pair in counts), Tally({})).scores() for n in (0, 1)]
    return Verdict(
        tuple(
            LeftOut(row["name"], *(each.scores() for each in pair))
            for row, pair in zip(rows, counts, strict=True)
        ),
        *sums,
    )


def sentences(found: tuple[LeftOut, ...]) -> Iterator[str]:
    """Yield what teaching did for each region."""
    for one in found:
        new, old = one.scores["f1"], one.base_scores["f1"]
        yield f"{one.name}: F1 {old:.3f} before, {new:.3f} taught without it: {word(new, old)}"


def word(new: float, old: float) -> str:
    """Return "better", "worse" or "the same", to three digits."""
    change = round(new, 3) - round(old, 3)
    return "better" if change > 0 else "worse" if change < 0 else "the same"
