"""Parameters, each declared once: as a field of a frozen dataclass.

::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class TilingParams:
        '''How a slice is cut.

        Attributes
        ----------
        tile_px : int
            Side of a tile.
        '''

        tile_px: Annotated[int, Limits(least=16, most=4096, unit="px")] = 1024

        def __post_init__(self) -> None:
            checked(self)

Type and choices are the annotation, range and unit its `Limits`, the help is the docstring's. From
these come options of the command line, widgets, the checks of job requests and recipes, and
docs/parameters.md. Types are bool, int, float, str, Literal, tuples of them, other parameter
classes, and each of these or None.
"""

import inspect
import math
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from deepsxt_core.errors import InvalidParameterError

T = TypeVar("T")
_PLAIN: dict[type, str] = {bool: "true or false", str: "a text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a number may be, both ends of a range included unless `above` or `below`; None for any.

    `above` and `below` exclude their value, and `unit` is what the number counts. Of a tuple they
    hold for each of its numbers. `form` says in words what is allowed, where type and range do not.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str = ""
    form: str = ""

    def hold(self, number: float) -> bool:
        """Return whether a number lies within."""
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    @property
    def words(self) -> str:
        """The range with its unit, as "from 0 to 10 voxels"."""
        return " ".join(filter(None, (self._range(), self.unit)))

    def _range(self) -> str:
        if self.least is not None and self.most is not None:
            return f"from {_text(self.least)} to {_text(self.most)}"
        words = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        return " and ".join(
            f"{word} {_text(end)}" for word, end in words.items() if end is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one field of a parameter class declares.

    Attributes
    ----------
    name : str
    hint : Any
        Its annotation.
    type : Any
        The same without None and `Limits`.
    optional : bool
        Whether it may be None.
    default : Any
        `dataclasses.MISSING` where there is none.
    limits : Limits
    choices : tuple
        Of a Literal; empty for other types.
    help : str
        From the docstring, in one line.
    """

    name: str
    hint: Any
    type: Any
    optional: bool
    default: Any
    limits: Limits
    choices: tuple[Any, ...]
    help: str

    @property
    def allowed(self) -> str:
        """What it may be, in words, as "a number, from 0 to 10 voxels"."""
        return _allowed(self.type, self.limits) + (", or left out" if self.optional else "")


def declared(params_type: Any) -> tuple[Declared, ...]:
    """Return what the fields of a parameter class declare, in their order."""
    return _declared(params_type)


@cache
def _declared(params_type: Any) -> tuple[Declared, ...]:
    hints = get_type_hints(params_type, include_extras=True)
    helps = _helps(params_type)
    found = []
    for field in fields(params_type):
        bare, limits, optional = _parts(hints[field.name])
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        choices = get_args(bare) if get_origin(bare) is Literal else ()
        found.append(
            Declared(
                name=field.name,
                hint=hints[field.name],
                type=bare,
                optional=optional,
                default=default,
                limits=limits,
                choices=choices,
                help=helps.get(field.name, ""),
            )
        )
    return tuple(found)


def declared_field(params_type: type, name: str) -> Declared:
    """Return what the field `name` of a parameter class declares."""
    return next(field for field in declared(params_type) if field.name == name)


def checked(params: Any) -> None:
    """Check every field of a frozen parameter object; call it first in its ``__post_init__``.

    Lists become tuples and whole numbers floats, where those are declared.

    Raises
    ------
    InvalidParameterError
        If a value is of another type or out of its range, not finite included.
    """
    for field in declared(type(params)):
        value = getattr(params, field.name)
        try:
            fitting = _fitted(field.hint, value, Limits())
        except (ValueError, OverflowError):
            raise InvalidParameterError(
                f"{field.name} must be {field.allowed}: got {value!r:.200}."
            ) from None
        object.__setattr__(params, field.name, fitting)


def parsed(params_type: type[T], content: Any, where: str) -> T:
    """Return the parameters in a parsed JSON object or TOML table; `where` tells people which.

    What is left out has its default.

    Raises
    ------
    InvalidParameterError
        If it is no object, a name is not known or missing, or a value is not allowed.
    """
    if not isinstance(content, Mapping):
        raise InvalidParameterError(f"{where} must hold names with values: got {content!r:.200}.")
    known = {field.name: field for field in declared(params_type)}
    unknown = sorted(str(name) for name in content if name not in known)
    if unknown:
        raise InvalidParameterError(
            f"{where}: {unknown[0]!r:.80} is not known. Known are {', '.join(known)}."
        )
    missing = [n for n, field in known.items() if n not in content and field.default is MISSING]
    if missing:
        raise InvalidParameterError(f"{where}: {missing[0]} is missing.")
    values = dict(content)
    for name, value in values.items():
        values[name] = _nested(known[name], value, f"{where}, {name}")
    try:
        return params_type(**values)
    except InvalidParameterError as error:
        raise InvalidParameterError(f"{where}: {error}") from error


def _nested(field: Declared, value: Any, where: str) -> Any:
    """Return the value of a field, parsed if it holds other parameters, one or several."""
    if is_dataclass(field.type) and not (value is None and field.optional):
        return parsed(field.type, value, where)  # type: ignore[arg-type]
    item = get_args(field.type)[0] if get_origin(field.type) is tuple else None
    if not is_dataclass(item) or not isinstance(value, list | tuple):
        return value
    numbered = enumerate(value, 1)
    return tuple(parsed(item, each, f"{where} {n}") for n, each in numbered)  # type: ignore[arg-type]


def plain(params: Any) -> dict[str, Any]:
    """Return parameters as JSON holds them; `parsed` reads them back."""
    return {field.name: _plain(getattr(params, field.name)) for field in fields(params)}


def _text(end: float) -> str:
    return f"{end:,}" if isinstance(end, int) else f"{end:g}"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return plain(value) if is_dataclass(value) else value


def _parts(hint: Any) -> tuple[Any, Limits, bool]:
    """Return the type without None and limits, the limits, and whether it may be None."""
    limits, optional = Limits(), False
    while True:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            limits = next((each for each in arguments[1:] if isinstance(each, Limits)), limits)
            hint = arguments[0]
        elif origin in (Union, types.UnionType) and type(None) in arguments:
            (hint,) = (each for each in arguments if each is not type(None))
            optional = True
        else:
            return hint, limits, optional


def _fitted(hint: Any, value: Any, limits: Limits) -> Any:
    """Return the value as its type; ValueError if it does not fit."""
    bare, own, optional = _parts(hint)
    limits = limits if own == Limits() else own
    if value is None and optional:
        return None
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is Literal:
        fits = any(type(value) is type(each) and value == each for each in arguments)
    elif origin is tuple:
        if not isinstance(value, tuple | list):
            raise ValueError
        if arguments[-1] is Ellipsis:
            arguments = (arguments[0],) * len(value)
        return tuple(_fitted(each, v, limits) for each, v in zip(arguments, value, strict=True))
    elif bare in (int, float):
        number = Integral if bare is int else Real
        fits = isinstance(value, number) and not isinstance(value, bool) and math.isfinite(value)
        value = bare(value) if fits else value
        fits = fits and limits.hold(value)
    else:
        fits = isinstance(value, bare)
    if not fits:
        raise ValueError
    return value


def _allowed(bare: Any, limits: Limits) -> str:
    if limits.form:
        return limits.form
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple:
        inner, own, _ = _parts(arguments[0])
        item = _allowed(inner, limits if own == Limits() else own)
        count = "" if arguments[-1] is Ellipsis else f"{len(arguments)} values, "
        return f"a list of {count}each {item}"
    if bare in (int, float):
        noun = "a whole number" if bare is int else "a number"
        return ", ".join(filter(None, (noun, limits.words)))
    return _PLAIN.get(bare, f"of {bare.__name__}")


def _helps(params_type: type) -> dict[str, str]:
    """Return the help to each field, from the section *Attributes* of the docstring."""
    from docstring_parser import DocstringStyle, parse

    found = parse(inspect.getdoc(params_type) or "", DocstringStyle.NUMPYDOC)
    return {
        name: re.sub(r"\s+", " ", attribute.description or "").strip()
        for attribute in found.params
        for name in attribute.arg_name.split(", ")
    }
