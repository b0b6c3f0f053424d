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
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.meshes import MESH_FORMATS
from deepsxt_core.inference import SegmentParams
from deepsxt_core.network import DEFAULT_MODEL
from deepsxt_core.surface import ReconstructParams

MASKS = ("tif", "mrc")
_TABLES = ("segment", "reconstruct", "export")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParams:
    """Which files are written beside score and table.

    Attributes
    ----------
    meshes : tuple of str
        Mesh formats, such as ``("stl", "ply")``.
    mask : str or None
        "tif" or "mrc" writes where the score lies above the threshold.

    Raises
    ------
    InvalidParameterError
        If a format is unknown.
    """

    meshes: tuple[str, ...] = ("stl",)
    mask: str | None = None

    def __post_init__(self) -> None:
        known = [suffix.removeprefix(".") for suffix in MESH_FORMATS]
        if isinstance(self.meshes, str) or not set(self.meshes) <= set(known):
            raise InvalidParameterError(
                f"meshes must be a list from {', '.join(known)}: got {self.meshes!r}."
            )
        if self.mask is not None and self.mask not in MASKS:
            raise InvalidParameterError(
                f"mask must be {' or '.join(MASKS)}, or left out: got {self.mask!r}."
            )
        object.__setattr__(self, "meshes", tuple(self.meshes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every choice from a tomogram to its files.

    Attributes
    ----------
    model : str
        Name or folder.
    segment : SegmentParams
    reconstruct : ReconstructParams or None
        None makes no surface.
    export : ExportParams
    """

    model: str = DEFAULT_MODEL
    segment: SegmentParams = field(default_factory=SegmentParams)
    reconstruct: ReconstructParams | None = field(default_factory=ReconstructParams)
    export: ExportParams = field(default_factory=ExportParams)

    def __post_init__(self) -> None:
        if not isinstance(self.model, str):
            raise InvalidParameterError(f"model must be a name: got {reprlib.repr(self.model)}.")

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
        unknown = set(tables) - set(_TABLES)
        if unknown:
            raise InvalidParameterError(
                f"The recipe {name} has the unknown table {sorted(unknown)[0]!r}. "
                f"Known are {', '.join(_TABLES)}."
            )
        try:
            segment = dict(tables.get("segment", {}))
            model = segment.pop("model", DEFAULT_MODEL)
            surface = tables.get("reconstruct")
            return cls(
                model=model,
                segment=SegmentParams(**segment),
                reconstruct=None if surface is None else ReconstructParams(**surface),
                export=ExportParams(**tables.get("export", {})),
            )
        except TypeError as error:
            raise InvalidParameterError(
                f"The recipe {name} holds a value that is not known: {error}."
            ) from error

    @classmethod
    def from_runs(cls, segment: Mapping[str, Any], reconstruct: Mapping[str, Any] | None) -> Self:
        """Make a recipe of what was chosen before, from the ``run.json`` of its results."""
        return cls(
            model=segment["model"]["name"],
            segment=SegmentParams(**segment["params"]),
            reconstruct=None if reconstruct is None else ReconstructParams(**reconstruct["params"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as in the file, with all defaults; None values are left out."""
        tables: dict[str, Mapping[str, Any]] = {
            "segment": {"model": self.model, **asdict(self.segment)},
            "export": asdict(self.export),
        }
        if self.reconstruct is not None:
            tables["reconstruct"] = asdict(self.reconstruct)
        return {
            name: {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in tables[name].items()
                if value is not None
            }
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
