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

What is left out has its default. Without ``[reconstruct]`` no surface is made. With the line
``source = "annotation"`` before the tables nothing is segmented: surfaces are made of annotations.
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
from deepsxt_core.network import DEFAULT_MODEL, ModelInfo
from deepsxt_core.parameters import checked, parsed, plain
from deepsxt_core.surface import ReconstructParams

_TABLES = ("segment", "reconstruct", "export")
_SOURCE = "source"
# In the table of the segmentation, and of what field.
_NAMES = {"model": "model", "class": "class_name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParams:
    """Which files are written beside score and table.

    Attributes
    ----------
    meshes : tuple of str
        Formats of the surfaces.
    mask : {"tif", "mrc", "npy"} or None
        Format of a file of where the score lies above the threshold; left out, there is none.

    Raises
    ------
    InvalidParameterError
        If a format is unknown.
    """

    meshes: tuple[MeshSuffix, ...] = ("stl",)
    mask: Literal["tif", "mrc", "npy"] | None = None

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every choice from a tomogram to its files.

    Attributes
    ----------
    model : str
        Name or folder of the network.
    class_name : str or None
        Which of the classes of the network is taken, ``class`` in the file; left out, the first.
    segment : SegmentParams
        How scores are made.
    reconstruct : ReconstructParams or None
        How surfaces are made of them; left out, there are none.
    export : ExportParams
        Which files are written.
    source : {"network", "annotation"}
        Whether surfaces are made of what the network finds, or of what people have annotated: of
        each tomogram of the workspace the newest annotation, or the annotations that are given as
        files. Then nothing is segmented.

    Raises
    ------
    InvalidParameterError
        If a value is of another type, or annotations are to give a mask of a score, or nothing.
    """

    model: str = DEFAULT_MODEL
    class_name: str | None = None
    segment: SegmentParams = field(default_factory=SegmentParams)
    reconstruct: ReconstructParams | None = field(default_factory=ReconstructParams)
    export: ExportParams = field(default_factory=ExportParams)
    source: Literal["network", "annotation"] = "network"

    def __post_init__(self) -> None:
        checked(self)
        if self.source == "annotation" and (self.export.mask or self.reconstruct is None):
            raise InvalidParameterError(
                "Of annotations a recipe makes surfaces: give it [reconstruct], and no mask, which "
                "is that of a score."
            )

    def class_of(self, model: ModelInfo) -> str:
        """Return the class of a model whose score is taken; the first unless one is named.

        Raises
        ------
        InvalidParameterError
            If the model does not find it.
        """
        classes = model.classes()
        name = self.class_name or classes[0]
        if name not in classes:
            raise InvalidParameterError(
                f"The recipe takes the class {name!r}, and the model {model.name!r} finds "
                f"{', '.join(classes)}."
            )
        return name

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
        if not isinstance(tables, Mapping):
            raise InvalidParameterError(f"The recipe {name} holds no tables: got {tables!r:.200}.")
        unknown = sorted(set(map(str, tables)) - {*_TABLES, _SOURCE})
        if unknown:
            raise InvalidParameterError(
                f"The recipe {name} has the unknown table {unknown[0]!r}. "
                f"Known are {', '.join(_TABLES)}."
            )
        content: dict[str, Any] = {"reconstruct": None, **tables}
        segment = content.get("segment", {})
        if isinstance(segment, Mapping):
            content["segment"] = {key: v for key, v in segment.items() if key not in _NAMES}
            content |= {_NAMES[key]: v for key, v in segment.items() if key in _NAMES}
        return parsed(cls, content, f"The recipe {name}")

    @classmethod
    def from_runs(cls, segment: Mapping[str, Any], reconstruct: Mapping[str, Any] | None) -> Self:
        """Make a recipe of what was chosen before, from the ``run.json`` of its results."""
        return cls(
            model=segment["model"]["name"],
            class_name=segment.get("class"),
            segment=parsed(SegmentParams, segment["params"], "The record of the score"),
            reconstruct=None
            if reconstruct is None
            else parsed(ReconstructParams, reconstruct["params"], "The record of the surface"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as in the file, with all defaults; None values are left out."""
        tables: dict[str, Mapping[str, Any]] = (
            {}
            if self.source == "annotation"
            else {
                "segment": {"model": self.model, "class": self.class_name, **plain(self.segment)},
            }
        )
        tables |= {"export": plain(self.export)}
        if self.reconstruct is not None:
            tables["reconstruct"] = plain(self.reconstruct)
        source = {} if self.source == "network" else {_SOURCE: self.source}
        return source | {
            name: {key: value for key, value in tables[name].items() if value is not None}
            for name in _TABLES
            if name in tables
        }

    def to_toml(self) -> str:
        """Return the text of the file; `read` reads it back."""
        lines = []
        content = self.to_dict()
        if _SOURCE in content:
            lines += [f"{_SOURCE} = {json.dumps(content.pop(_SOURCE))}", ""]
        for name, table in content.items():
            lines.append(f"[{name}]")
            # Of strings, numbers, booleans and lists of strings, JSON's notation is TOML's too.
            lines += [
                f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()
            ]
            lines.append("")
        return "\n".join(lines)
