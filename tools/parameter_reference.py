"""Write docs/parameters.md: ``python -m tools.parameter_reference``."""

from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Any

from deepsxt_core.annotation import SourceParams
from deepsxt_core.cli.options import option_name
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.export.film_plan import FilmParams
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.parameters import Declared, declared
from deepsxt_core.phantom import PhantomParams
from deepsxt_core.surface import ProcessParams, ReconstructParams, UncertaintyParams
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.reading import DataParams
from deepsxt_core.training.splits import SplitParams
from deepsxt_core.workflow.recipe import ExportParams

PAGE = Path(__file__).resolve().parent.parent / "docs" / "parameters.md"

CLASSES: dict[type, tuple[str, ...]] = {
    PartParams: ("info", "run", "segment", "reconstruct", "measure", "export", "annotation new"),
    SegmentParams: ("run", "segment"),
    ReconstructParams: ("run", "reconstruct", "measure", "export"),
    ExportParams: ("run", "reconstruct"),
    ProcessParams: ("measure", "report"),
    UncertaintyParams: ("measure", "report"),
    EvaluateParams: ("evaluate",),
    FilmParams: ("film",),
    TrainingParams: ("train", "finetune"),
    SplitParams: ("train", "finetune"),
    DataParams: ("train", "finetune"),
    PhantomParams: ("phantom",),
    SourceParams: ("annotation new",),
}
"""All parameter classes, with the commands that take their options."""

_TABLES = {SegmentParams: "segment", ReconstructParams: "reconstruct", ExportParams: "export"}
_HEAD = """# Parameters

All that can be chosen, as it is declared in the code; this page is made from there by
`python -m tools.parameter_reference`. A name is the key in a recipe, in a job request and in
Python; the option is how it is spelled on the command line. A value of another type or out of its
range is refused before any work begins.

Some options stand for what is not one field: `--z FIRST:END` sets `z0` and `z1`, `--seed` of
`train` and `finetune` sets the seed of the split too, and with `--steps` alone there is no budget
of minutes. On the command line, a yes or no that may be left out is `auto`, `yes` or `no`.
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([_HEAD, *(_section(each, commands) for each, commands in CLASSES.items())])


def _section(params_type: type, commands: tuple[str, ...]) -> str:
    summary = (params_type.__doc__ or "").splitlines()[0]
    taken = ", ".join(f"`deepsxt {command}`" for command in commands)
    lines = [f"## {params_type.__name__}", "", f"{summary} Options of {taken}."]
    if params_type in _TABLES:
        lines[-1] += f" Table `[{_TABLES[params_type]}]` of a recipe."
    lines += ["", "| Name | Option | Default | Allowed | Meaning |", "|---|---|---|---|---|"]
    lines += [row(params_type, field) for field in declared(params_type)]
    return "\n".join([*lines, ""])


def row(params_type: type, field: Declared) -> str:
    """Return the line of one field."""
    option = option_name(params_type, field)
    cells = (
        f"`{field.name}`",
        f"`{option}`" if option else "",
        _default(field.default),
        field.allowed,
        field.help.replace("``", "`"),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(value: Any) -> str:
    if value is None or value is MISSING or value == ():
        return ""
    if is_dataclass(value):
        return "see there"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f"{value}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
