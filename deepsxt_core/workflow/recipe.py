"""A recipe: every choice from a tomogram to its files, as a TOML file that people can read.

::

    [segment]
    model = "deepsxt-compact"
    rotations = 4

    [reconstruct]
    threshold = 0.2

    [export]
    meshes = ["stl", "ply"]
    mask = "tif"

What is left out has its default. Without ``[reconstruct]`` no surface is made.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.meshes import MeshSuffix
from deepsxt_core.inference import SegmentParams
from deepsxt_core.network import DEFAULT_MODEL
from deepsxt_core.parameters import checked, parsed, plain
from deepsxt_core.surface import ReconstructParams

_TABLES = ("segment", "reconstruct", "export")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParams:
    """Which files are written beside score and table.

    Attributes
    ----------
    meshes : tuple of str
        Formats of the surfaces.
    mask : {"tif", "mrc"} or None
        Format of a file of where the score lies above the threshold; left out, there is none.

    Raises
    ------
    InvalidParameterError
        If a format is unknown.
    """

    meshes: tuple[MeshSuffix, ...] = ("stl",)
    mask: Literal["tif", "mrc"] | None = None

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every choice from a tomogram to its files.

    Attributes
    ----------
    model : str
        Name or folder of the network.
    segment : SegmentParams
        How scores are made.
    reconstruct : ReconstructParams or None
        How surfaces are made of them; left out, there are none.
    export : ExportParams
        Which files are written.

    Raises
    ------
    InvalidParameterError
        If a value is of another type.
    """

    model: str = DEFAULT_MODEL
    segment: SegmentParams = field(default_factory=SegmentParams)
    reconstruct: ReconstructParams | None = field(default_factory=ReconstructParams)
    export: ExportParams = field(default_factory=ExportParams)

    def __post_init__(self) -> None:
        checked(self)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file.

        Raises
        ------
        InvalidParameterError
            If there is none, it is no TOML, or it holds what is not known.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InvalidParameterError(f"Cannot read the recipe '{path}': {error}.") from error
        return cls.from_toml(text, f"'{path.name}'")

    @classmethod
    def from_toml(cls, text: str, name: str) -> Self:
        """Make a recipe of the text of its file; `name` tells people which it is.

        Raises
        ------
        InvalidParameterError
            If it is no TOML, or it holds what is not known.
        """
        try:
            tables = tomllib.loads(text)
        except ValueError as error:
            raise InvalidParameterError(f"Cannot read the recipe {name}: {error}.") from error
        return cls.from_tables(tables, name)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], name: str) -> Self:
        """Make a recipe of the tables of its file; `name` tells people which it is.

        Raises
        ------
        InvalidParameterError
            If they hold what is not known.
        """
        if not (isinstance(tables, Mapping) and set(tables) <= set(_TABLES)):
            raise InvalidParameterError(
                f"The recipe {name} must hold the tables {', '.join(_TABLES)} and no other: got "
                f"{tables!r:.200}."
            )
        content: dict[str, Any] = {"reconstruct": None, **tables}
        segment = content.get("segment", {})
        if isinstance(segment, Mapping) and "model" in segment:
            content["segment"] = {key: v for key, v in segment.items() if key != "model"}
            content["model"] = segment["model"]
        return parsed(cls, content, f"The recipe {name}")

    @classmethod
    def from_runs(cls, segment: Mapping[str, Any], reconstruct: Mapping[str, Any] | None) -> Self:
        """Make a recipe of what was chosen before, from the ``run.json`` of its results."""
        return cls(
            model=segment["model"]["name"],
            segment=parsed(SegmentParams, segment["params"], "The record of the score"),
            reconstruct=None
            if reconstruct is None
            else parsed(ReconstructParams, reconstruct["params"], "The record of the surface"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as in the file, with all defaults; None values are left out."""
        tables: dict[str, Mapping[str, Any]] = {
            "segment": {"model": self.model, **plain(self.segment)},
            "export": plain(self.export),
        }
        if self.reconstruct is not None:
            tables["reconstruct"] = plain(self.reconstruct)
        return {
            name: {key: value for key, value in tables[name].items() if value is not None}
            for name in _TABLES
            if name in tables
        }

    def to_toml(self) -> str:
        """Return the text of the file; `read` reads it back."""
        lines = []
        for name, table in self.to_dict().items():
            lines.append(f"[{name}]")
            # Of strings, numbers, booleans and lists of strings, JSON's notation is TOML's too.
            lines += [
                f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()
            ]
            lines.append("")
        return "\n".join(lines)
