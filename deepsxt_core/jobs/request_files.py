"""Requests for jobs as JSON holds them, those of earlier versions too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.jobs.requests import REQUESTS, JobRequest
from deepsxt_core.parameters import parsed, plain
from deepsxt_core.workflow.recipe import Recipe

_OF_RESULT = ("model", "score", "surface", "truth")
_FLAT = ("segment", "reconstruct", "measure", "evaluate")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRequest:
    """What an earlier or later version asked for in words that this one does not know.

    Attributes
    ----------
    kind : str
        As it was written.
    problem : str
        Why it cannot be read, for people.
    content : mapping
        As it stands in the file.
    """

    kind: str
    problem: str
    content: Mapping[str, Any]


def request_content(request: JobRequest) -> dict[str, Any]:
    """Return a request as JSON holds it; `read_request` reads it back."""
    return plain(request)


def read_request(kind: str, content: Mapping[str, Any], version: int) -> Any:
    """Return the request in a parsed ``request.json``, or an `UnreadableRequest`.

    Parameters
    ----------
    kind : str
    content : mapping
    version : int
        Of the file; 1 had the parameters of a step beside its other fields, and a recipe in the
        tables of its TOML file.
    """
    try:
        if kind not in REQUESTS:
            raise InvalidParameterError(f"This version has no jobs of the kind {kind!r:.40}.")
        if version == 1:
            content = _as_today(kind, content)
        return parsed(REQUESTS[kind], content, f"The request for the job ({kind})")
    except DeepSXTError as error:
        return UnreadableRequest(kind=str(kind), problem=str(error), content=dict(content))


def _as_today(kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind in _FLAT:
        named = {name: value for name, value in content.items() if name in _OF_RESULT}
        return named | {"params": {n: v for n, v in content.items() if n not in named}}
    if kind == "batch":
        recipe = Recipe.from_tables(content.get("recipe", {}), "of the batch")
        return {**content, "recipe": plain(recipe)}
    return content
