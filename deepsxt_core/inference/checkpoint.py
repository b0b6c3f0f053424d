"""What is finished of a segmentation, kept on disk so that it can be continued after any end.

One JSON object per line: first the recipe, then each slab once its codes are safely on disk. A
line counts only if it is whole, and a slab only if the codes on disk still have its hash: so a
process may die between any two bytes.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.files import written_beside
from deepsxt_core.volume import Score

CHECKPOINT_NAME = "slabs.jsonl"
"""What a checkpoint is called in a folder of results."""


@dataclass(frozen=True, slots=True)
class Slab:
    """A run of slices that is scored.

    Attributes
    ----------
    first, end : int
        Its slices, counted from the first scored one; `end` is exclusive.
    sha256 : str
        Of the codes.
    positive_voxels, nonfinite_voxels, void_voxels : int
        Scored above 0; were NaN or infinite; lie where nothing was reconstructed.
    seconds : float
        What it took.
    """

    first: int
    end: int
    sha256: str
    positive_voxels: int
    nonfinite_voxels: int
    void_voxels: int
    seconds: float

    @classmethod
    def of(
        cls, first: int, codes: NDArray[np.uint8], *, nonfinite: int, void: int, seconds: float
    ) -> Self:
        """Describe the codes (n, y, x) of a slab."""
        positive = int(np.count_nonzero(codes >= Score.threshold_code(0.0)))
        end = first + len(codes)
        return cls(first, end, codes_sha256(codes), positive, nonfinite, void, round(seconds, 4))


def codes_sha256(codes: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of codes (n, y, x) in the order z, y, x."""
    return hashlib.sha256(np.ascontiguousarray(codes).data).hexdigest()


class Checkpoint:
    """The record of one segmentation; make it with `start` or `read`.

    Attributes
    ----------
    recipe : dict
        All that the codes depend on.
    precision : str
        What "auto" has come to; decided once, so that all slabs are scored alike.
    slabs : list of Slab
        Finished ones, in the order in which they were recorded.
    """

    def __init__(
        self, path: Path, recipe: Mapping[str, Any], precision: str, slabs: list[Slab]
    ) -> None:
        self.recipe = dict(recipe)
        self.precision = precision
        self.slabs = slabs
        self._path = path

    @classmethod
    def start(cls, path: Path, recipe: Mapping[str, Any], precision: str) -> Self:
        """Begin an empty record, replacing one that is there."""
        with written_beside(path) as beside, beside.open("wb") as file:
            _append(file, {"recipe": dict(recipe), "precision": precision})
        return cls(path, recipe, precision, [])

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the record at `path`, or None if there is none.

        What follows the first line that is torn or strange is cut off.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        good, slabs = 0, []
        head: dict[str, Any] | None = None
        for line in content.splitlines(keepends=True):
            try:
                if not line.endswith(b"\n"):
                    break
                if head is None:
                    head = json.loads(line)
                    recipe, precision = head["recipe"], head["precision"]
                else:
                    slabs.append(Slab(**json.loads(line)))
            except (ValueError, TypeError, KeyError):
                break
            good += len(line)
        if head is None or good == 0:
            return None
        if good < len(content):
            os.truncate(path, good)
        return cls(path, recipe, precision, slabs)

    def add(self, slab: Slab) -> None:
        """Record a slab whose codes are safely on disk."""
        with self._path.open("ab") as file:
            _append(file, asdict(slab))
        self.slabs.append(slab)


def has_slabs(folder: Path) -> bool:
    """Return whether a segmentation in `folder` left slabs that can be used."""
    checkpoint = Checkpoint.read(folder / CHECKPOINT_NAME)
    return checkpoint is not None and bool(checkpoint.slabs)


def _append(file: Any, content: Mapping[str, Any]) -> None:
    file.write(json.dumps(content).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())
