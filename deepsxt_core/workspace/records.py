"""What the records of results must hold, and what is wrong with one that does not.

Records are read tolerantly: what an earlier version did not write has its default, and what is
not used may be anything. Where a record cannot be understood, the result is shown with the reason
and used for nothing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workspace.results import RECORD_VERSION, RUN_NAME, Result, is_id, read_result

_Check = Callable[[Any], bool]


def problem(result: Result) -> str | None:
    """Return why the record of a result cannot be used, in sentences; None if it can."""
    try:
        wrong = _missing(result) or _params_problem(result)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        wrong = str(error)
    if wrong is None:
        return None
    version = result.run.get("record_version", 1)
    if isinstance(version, int) and version > RECORD_VERSION:
        wrong += " A newer version of DeepSXT has written it."
    return wrong


def damaged_results(folder: Path) -> list[tuple[str, str]]:
    """Return id of, and what is wrong with, each result below `folder` that cannot be used."""
    found = []
    for record in sorted(folder.glob(f"*/{RUN_NAME}")):
        if is_id(record.parent.name):
            result = read_result(record.parent)
            wrong = "Its record is damaged." if result is None else problem(result)
            if wrong is not None:
                found.append((record.parent.name, wrong))
    return found


def _missing(result: Result) -> str | None:
    for path, check in _NEEDED[result.folder.parent.name].items():
        value: Any = result.run
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if not check(value):
            return f"The record of the result has no usable '{path}' ({value!r:.60})."
    return None


def _params_problem(result: Result) -> str | None:
    params_type = _params_type(result.folder.parent.name)
    if params_type is None:
        return None
    try:
        result.params(params_type)
    except DeepSXTError as error:
        return str(error)
    return None


def _params_type(kind: str) -> type | None:
    # Imported here because who only looks at tomograms needs none of them.
    from deepsxt_core.evaluation import EvaluateParams
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.surface import ProcessParams, ReconstructParams

    return {
        "scores": SegmentParams,
        "surfaces": ReconstructParams,
        "measurements": ProcessParams,
        "evaluations": EvaluateParams,
    }.get(kind)


def _is(*types: type) -> _Check:
    return lambda value: isinstance(value, types)


def _numbers(count: int) -> _Check:
    return lambda value: (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(number, int | float) for number in value)
    )


_NEEDED: dict[str, dict[str, _Check]] = {
    "scores": {
        "model.name": _is(str),
        "input.shape": _numbers(3),
        "z": _numbers(2),
        "inverted": _is(bool),
    },
    "surfaces": {"params": _is(dict), "recipe": _is(dict)},
    "measurements": {"params": _is(dict), "recipe.surface": _is(str)},
    "bundles": {"recipe.surface": _is(str), "bytes": _is(int)},
    "reports": {"recipe.surface": _is(str), "bytes": _is(int)},
    "films": {"file": _is(str), "bytes": _is(int), "frames": _is(int)},
    "evaluations": {
        "params": _is(dict),
        "recipe.step": _is(str),
        "truth": _is(str, type(None)),
        "report": _is(dict),
        "codes": _is(dict, type(None)),
    },
}
