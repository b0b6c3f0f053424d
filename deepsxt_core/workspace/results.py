"""What was made from a tomogram: finished results, found again by their recipe."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from deepsxt_core.files import read_json
from deepsxt_core.geometry import Region

ResultKind = Literal["scores", "surfaces", "measurements", "bundles", "evaluations"]
_ID = re.compile(r"[0-9a-f]{16,64}")


@dataclass(frozen=True, slots=True)
class Result:
    """Something finished that was made from a tomogram.

    Attributes
    ----------
    id : str
        The hash of its recipe.
    folder : Path
        Where its files are.
    run : dict
        The content of its ``run.json``.
    finished : datetime
        When it was completed, in UTC.
    """

    id: str
    folder: Path
    run: dict[str, Any]
    finished: datetime

    @property
    def region(self) -> Region:
        """The part of the tomogram that a score was made from, slices aside."""
        params = self.run.get("params", {})
        return Region.parse(params.get("crop"), params.get("bin", 1))


def is_id(text: str) -> bool:
    """Return whether `text` has the form of an id, so that a URL cannot leave the workspace."""
    return _ID.fullmatch(text) is not None


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """Return a short hash of a recipe; equal for equal content whatever the order of its keys.

    Raises
    ------
    TypeError, ValueError
        If the recipe holds what JSON cannot express.
    """
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def read_result(folder: Path) -> Result | None:
    """Return the finished result in a folder; None if there is none."""
    proof = folder / "run.json"
    run = read_json(proof)
    if run is None:
        return None
    try:
        finished = datetime.fromtimestamp(proof.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    return Result(folder.name, folder, run, finished)
