"""Widgets for parameters: range, default, choices, unit and help are those that are declared.

A label may name the unit by ``{unit}``. What else is given goes to the widget of Streamlit, a
`value` in place of the default and a `help` in place of the declared one among it.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core.parameters import Declared, declared_field

# How near a number that is typed may come to an end that does not belong to the range.
_NEAREST = 1e-6

Place = DeltaGenerator | None
"""Where the widget is drawn; None is where the page is."""


def slider(
    params_type: Any, name: str, label: str, *, step: float, at: Place = None, **rest: Any
) -> Any:
    """Draw a slider for a number whose range has two ends; return the number."""
    field = declared_field(params_type, name)
    least, most = ends(field, step)
    value = rest.pop("value", field.default)
    return _draw(at, "slider")(
        _labelled(label, field), least, most, value, step=field.type(step), **_helped(field, rest)
    )


def number(
    params_type: Any,
    name: str,
    label: str,
    *,
    step: float | None = None,
    at: Place = None,
    **rest: Any,
) -> Any:
    """Draw a field to type a number in; return the number, or None where it is left empty."""
    field = declared_field(params_type, name)
    least, most = ends(field, _NEAREST)
    value = rest.pop("value", field.default)
    step = None if step is None else field.type(step)
    return _draw(at, "number_input")(
        _labelled(label, field), least, most, value, step=step, **_helped(field, rest)
    )


def toggle(params_type: Any, name: str, label: str, *, at: Place = None, **rest: Any) -> bool:
    """Draw a switch for a yes or no; return it."""
    field = declared_field(params_type, name)
    value = rest.pop("value", field.default)
    return _draw(at, "toggle")(label, value, **_helped(field, rest))


def segments(params_type: Any, name: str, label: str, names: dict, **rest: Any) -> Any:
    """Draw the choices side by side, under the `names` that people read; return one."""
    field = declared_field(params_type, name)
    value = rest.pop("value", field.default)
    return st.segmented_control(
        label,
        field.choices or list(names),
        default=value,
        required=True,
        format_func=lambda choice: names.get(choice, choice),
        **_helped(field, rest),
    )


def choice(params_type: Any, name: str, label: str, names: dict, **rest: Any) -> Any:
    """Draw a list of the choices, under the `names` that people read; return one."""
    field = declared_field(params_type, name)
    return st.selectbox(
        label,
        field.choices,
        index=field.choices.index(field.default),
        format_func=lambda choice: names.get(choice, choice),
        **_helped(field, rest),
    )


def ends(field: Declared, nearest: float) -> tuple[Any, Any]:
    """Return the least and the most that a widget lets through, None where there is no end.

    From an end that does not belong to the range they keep away by `nearest`.
    """
    limits, number_type = field.limits, field.type
    gap = 1 if number_type is int else nearest
    least, most = limits.least, limits.most
    if limits.above is not None:
        least = limits.above + gap
    if limits.below is not None:
        most = limits.below - gap
    return (
        None if least is None else number_type(least),
        None if most is None else number_type(most),
    )


def _draw(at: Place, widget: str) -> Callable[..., Any]:
    return getattr(st if at is None else at, widget)


def _labelled(label: str, field: Declared) -> str:
    return label.format(unit=field.limits.unit)


def _helped(field: Declared, rest: dict[str, Any]) -> dict[str, Any]:
    return {"help": field.help} | rest
