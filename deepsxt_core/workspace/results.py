"""What was made from a tomogram: finished results, found again by what identifies them.

The *identity* of a result names all that it depends on, with every default filled in: the step,
the hash of the input, the result that it was made from, voxel size, model and parameters. Its
hash (`recipe_hash`) is the id of the result and the name of its folder. It stands in ``run.json``
under ``recipe``, beside what the step reports. A `Recipe` of `deepsxt_core.workflow.recipe` is
another thing: what a user wants done with any tomogram.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from deepsxt_core.files import read_json
from deepsxt_core.geometry import Region, VoxelSize
from deepsxt_core.parameters import parsed
from deepsxt_core.volume import Volume

ResultKind = Literal[
    "scores", "surfaces", "measurements", "bundles", "reports", "evaluations", "films"
]
Identity = Mapping[str, Any]
"""All that a result depends on, as JSON expresses it."""

RUN_NAME = "run.json"
"""The last file that a step writes: a folder with it is complete."""
INSTANCES_NAME = "instances.ome.zarr"
"""What a surface keeps beside its mesh: the id of the object at each voxel."""
RECORD_VERSION = 2
"""Of ``run.json`` as it is written today, under ``record_version``; 1 did not say so."""

_ID = re.compile(r"[0-9a-f]{16,64}")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """Something finished that was made from a tomogram.

    Attributes
    ----------
    id : str
        The hash of its identity.
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

    @property
    def class_name(self) -> str | None:
        """What a score marks, or that of which it was made, where its model names classes."""
        name = self.run.get("class")
        return name if isinstance(name, str) else None

    def of_class(self) -> dict[str, str]:
        """Return what the record of something that is made of this one says of its class."""
        return {} if self.class_name is None else {"class": self.class_name}

    def file_name(self, name: str) -> str:
        """Return the name of a file with the class before it, if there is one."""
        return name if self.class_name is None else f"{self.class_name}_{name}"

    @property
    def annotated_region(self) -> Region:
        """The part of the tomogram whose voxels the annotation has that a surface was made from."""
        annotated = self.run.get("annotation", {}).get("region", {})
        return Region.parse(annotated.get("crop"), annotated.get("bin", 1))

    @property
    def identity(self) -> dict[str, Any]:
        """All that it depends on; empty where its record does not say."""
        identity = self.run.get("recipe")
        return identity if isinstance(identity, dict) else {}

    @property
    def made_from(self) -> str | None:
        """Id of the surface, score or annotation that it was made from; None for labels."""
        annotated = self.identity.get("annotation") or {}
        return self.identity.get("surface") or self.identity.get("score") or annotated.get("id")

    @property
    def input_sha256(self) -> str | None:
        """Hash of the tomogram's file as it was then; None where that was not recorded."""
        source = self.run.get("input")
        recorded = source.get("sha256") if isinstance(source, dict) else None
        return self.identity.get("input_sha256") or recorded

    @property
    def voxel_size_nm(self) -> VoxelSize | None:
        """The voxel size that a surface or an evaluation was made with, if it was known."""
        size = self.identity.get("voxel_size_nm")
        return None if size is None else VoxelSize(*size)

    def params(self, params_type: type[T]) -> T:
        """Return the parameters that it was made with; those of later versions have defaults.

        Raises
        ------
        InvalidParameterError
            If the record holds a parameter or a value that this version does not know.
        """
        return parsed(params_type, self.run.get("params"), f"The record of the result {self.id}")


def is_id(text: str) -> bool:
    """Return whether `text` has the form of an id, so that a URL cannot leave the workspace."""
    return _ID.fullmatch(text) is not None


def recipe_hash(identity: Identity) -> str:
    """Return the id of a result: a hash of its identity, whatever the order of the keys.

    Raises
    ------
    TypeError, ValueError
        If the identity holds what JSON cannot express.
    """
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def read_result(folder: Path) -> Result | None:
    """Return the finished result in a folder; None if there is none."""
    proof = folder / RUN_NAME
    run = read_json(proof)
    if run is None:
        return None
    try:
        finished = datetime.fromtimestamp(proof.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    return Result(folder.name, folder, run, finished)


def finished_results(folder: Path) -> list[Result]:
    """Return the finished results below a folder, newest first; none where it does not exist."""
    if not folder.is_dir():
        return []
    found = [read_result(entry) for entry in folder.iterdir() if is_id(entry.name)]
    finished = [result for result in found if result is not None]
    return sorted(finished, key=lambda result: result.finished, reverse=True)


def made_with_voxel_size(volume: Volume, surface: Result) -> Volume:
    """Return a volume in the place that it had when `surface` was made.

    `volume` has the voxels that the surface's source has; its size may have been corrected since.
    """
    volume = volume.with_voxel_size(surface.voxel_size_nm)
    origin_nm = surface.identity.get("origin_nm")
    return volume if origin_nm is None else replace(volume, origin_nm=tuple(origin_nm))
