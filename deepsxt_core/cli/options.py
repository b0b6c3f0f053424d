"""Commands whose options are made from parameter classes.

A command is a function that takes parameter objects; each of their fields becomes an option with
the default, the help and the range that the class declares. How a field is spelled on the command
line follows from its type; `_NAMES` and `_LEFT_OUT` hold the exceptions.
"""

import functools
import inspect
import json
import keyword
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from cyclopts import Group, Parameter, Token
from tqdm import tqdm

from deepsxt_core.parameters import Declared, declared, declared_field
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import VoxelSize

Auto = Literal["auto", "yes", "no"]

AUTO: dict[Auto, bool | None] = {"auto": None, "yes": True, "no": False}
"""How a choice is spelled that may be left to the program: yes, no, or neither."""

# Options of another name than their field.
_NAMES = {
    ("ProcessParams", "max_diameter"): "max_process_diameter",
    ("SplitParams", "fraction"): "held_back",
    ("ExportParams", "meshes"): "formats",
    ("SourceParams", "class_name"): "class",
}
# Fields that other options set: --z both ends, --seed of the training that of the split too.
_LEFT_OUT = {
    ("SegmentParams", "z0"),
    ("SegmentParams", "z1"),
    ("SplitParams", "seed"),
    ("ExportParams", "mask"),
    ("FigureParams", "width_px"),
    ("FigureParams", "ratio"),
    ("FilmParams", "format"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command tells: lines for people, an object for ``--json``, and the exit code."""

    lines: Sequence[str]
    report: dict[str, Any]
    exit_code: int = 0


class TqdmProgress(NoProgress):
    """Shows each stage as a bar on stderr."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """Close the last bar and open the next."""
        self.close()
        self._bar = tqdm(
            total=total, initial=done, desc=name, unit=unit, file=sys.stderr, dynamic_ncols=True
        )

    def advance(self, n: int = 1) -> None:
        """Move the bar on."""
        if self._bar is not None:
            self._bar.update(n)

    def close(self) -> None:
        """Close the bar that is open."""
        if self._bar is not None:
            self._bar.close()


def comma_separated(item: Callable[[str], Any], example: str, count: int | None = None) -> Any:
    """Return a converter of one text with commas to a tuple; `example` shows people how."""

    def convert(_hint: Any, tokens: Sequence[Token]) -> Any:
        parts = tokens[0].value.split(",")
        try:
            if count is not None and len(parts) != count:
                raise ValueError
            return tuple(item(part.strip()) for part in parts)
        except ValueError:
            raise ValueError(f"give it as {example}; got {tokens[0].value!r}") from None

    return convert


def _whole_number(_hint: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"give a whole number; got {tokens[0].value!r}") from None


def _groups(hint: Any, tokens: Sequence[Token]) -> list[tuple[int, ...]]:
    ids = comma_separated(int, "object numbers with commas between, such as 2,7")
    return [ids(hint, [token]) for token in tokens]


def _voxel_size(_hint: Any, tokens: Sequence[Token]) -> VoxelSize:
    text = tokens[0].value
    try:
        lengths = [float(part) for part in text.split(",")]
        if len(lengths) == 1:
            return VoxelSize.isotropic(lengths[0])
        if len(lengths) == 3:
            return VoxelSize(*lengths)
    except ValueError:
        pass
    raise ValueError(f"give nm as one number or as Z,Y,X, all above 0; got {text!r}")


Dataset = Annotated[
    str | None, Parameter(help="Name of the dataset inside the file, as info lists it.")
]
VoxelSizeNm = Annotated[
    VoxelSize | None,
    Parameter(
        help="Voxel size in nm, one number or Z,Y,X; left out, it is taken from the file.",
        converter=_voxel_size,
        n_tokens=1,
        accepts_keys=False,
    ),
]
OutFolder = Annotated[Path, Parameter(help="Folder for the results.")]


def option(params_type: type, name: str) -> Parameter:
    """Return what makes an argument the option of one field of a parameter class."""
    return get_args(_annotation(declared_field(params_type, name), None, None))[1]


def option_name(params_type: type, field: Declared) -> str | None:
    """Return the name of the option for a field, as ``--min-voxels``; None where there is none."""
    key = (params_type.__name__, field.name)
    if key in _LEFT_OUT or is_dataclass(field.type):
        return None
    return "--" + _NAMES.get(key, field.name).replace("_", "-")


def command(function: Callable[..., Outcome]) -> Callable[..., int]:
    """Make a function a command: parameters of a parameter class become options.

    One annotated ``Annotated[dict, ParamsType]`` gets those values alone that were given; a text
    after the type is shown instead of the defaults. One called `progress` gets the bars on
    stderr. The function says what to print.
    """
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    parameters: list[inspect.Parameter] = []
    taken: dict[str, tuple[type, dict[str, Declared], bool]] = {}
    for parameter in signature.parameters.values():
        hint = hints[parameter.name]
        params_type, given_only, default = _params_type(hint)
        if params_type is not None:
            names, options = _options(params_type, default)
            taken[parameter.name] = params_type, names, given_only
            parameters += options
        elif parameter.name != "progress":
            parameters.append(parameter.replace(annotation=hint))
    parameters.append(
        inspect.Parameter(
            "json",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[
                bool, Parameter(help="Print one JSON object on stdout.", negative="")
            ],
        )
    )
    parameters.sort(key=lambda each: each.kind)

    @functools.wraps(function)
    def run(*positional: Any, **given: Any) -> int:
        as_json = given.pop("json", False)
        for argument, (params_type, names, given_only) in taken.items():
            values = {
                field.name: _read(field, given.pop(key))
                for key, field in names.items()
                if key in given
            }
            given[argument] = values if given_only else params_type(**values)
        progress = TqdmProgress()
        if "progress" in signature.parameters:
            given["progress"] = progress
        try:
            outcome = function(*positional, **given)
        finally:
            progress.close()
        print(json.dumps(outcome.report) if as_json else "\n".join(outcome.lines))
        return outcome.exit_code

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _params_type(hint: Any) -> tuple[Any, bool, str | None]:
    """Return the parameter class, whether what was given is wanted alone, and its default."""
    if get_origin(hint) is Annotated and is_dataclass(get_args(hint)[1]):
        _, params_type, *default = get_args(hint)
        return params_type, True, default[0] if default else None
    return (hint, False, None) if is_dataclass(hint) else (None, False, None)


def _options(
    params_type: type, default: str | None
) -> tuple[dict[str, Declared], list[inspect.Parameter]]:
    """Return the fields by the names of their options, and the options."""
    group = Group(params_type.__name__.removesuffix("Params"))
    names: dict[str, Declared] = {}
    options = []
    for field in declared(params_type):
        typed = option_name(params_type, field)
        if typed is None:
            continue
        name = typed.removeprefix("--").replace("-", "_")
        if keyword.iskeyword(name):
            name += "_"  # which cyclopts leaves out of the option
        names[name] = field
        options.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_spelled(field),
                annotation=_annotation(field, group, default),
            )
        )
    return names, options


def _annotation(field: Declared, group: Group | None, default: str | None) -> Any:
    """Return the type of an option with all that people are told about it."""
    limits, arguments = field.limits, get_args(field.type)
    allowed = limits.form or limits.words
    shown: dict[str, Any] = {
        "help": field.help.replace("`", "") + (f" [{allowed}]" if allowed else ""),
        "show_default": None if default is None else lambda _: default,
    }
    if group is not None:  # None would hide it
        shown["group"] = group
    if field.type is bool:
        return Annotated[Auto if field.optional else bool, Parameter(**shown)]
    if get_origin(field.type) is not tuple:
        converter = _whole_number if field.type is int else None
        hint = field.type | None if field.optional else field.type
        return Annotated[hint, Parameter(**shown, converter=converter)]
    if get_origin(arguments[0]) is tuple:
        return Annotated[
            list[str], Parameter(**shown, converter=_groups, metavar="ID,ID", negative="")
        ]
    if choices := get_args(arguments[0]):
        example = "names with commas between, from " + ", ".join(choices)
        shown["help"] += f" [{example}]"
        converter = comma_separated(_one_of(choices), example)
    else:
        count = None if arguments[-1] is Ellipsis else len(arguments)
        converter = comma_separated(int, f"numbers as {_spelled(field) or '1,2'}", count)
    return Annotated[str, Parameter(**shown, converter=converter, metavar="A,B")]


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def item(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError
        return text.lower()

    return item


def _spelled(field: Declared) -> Any:
    """Return the default of a field as it is typed."""
    if field.type is bool and field.optional:
        return next(word for word, value in AUTO.items() if value == field.default)
    if get_origin(field.type) is tuple:
        return ",".join(map(str, field.default)) or None
    return field.default


def _read(field: Declared, value: Any) -> Any:
    """Return what was typed as the field takes it."""
    return AUTO[value] if field.type is bool and field.optional else value
