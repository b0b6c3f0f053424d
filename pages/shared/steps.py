"""The steps from a tomogram's file to what leaves the app, and how far a tomogram has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workspace import Tomogram
from shared import snapshot, widgets

_COUNTED = {
    "segment": "result",
    "slices": "annotation",
    "surface": "surface",
    "measure": "thorough measurement",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the tomogram that is open.

    Attributes
    ----------
    title : str
    state : {"done", "possible", "later"}
    note : str
        The state in words, and what to do.
    icon : str
        The state as a sign: a tick, the number of the step, a lock.
    """

    title: str
    state: Literal["done", "possible", "later"]
    note: str
    icon: str


_TITLES = {
    "open": ("Open", "Begin here, with a file or with the sample."),
    "segment": ("Segment", "Let a network find the membranes."),
    "slices": ("Review", "Look through the slices, choose a threshold, correct objects."),
    "surface": ("Surface", "Make surfaces of what was found."),
    "measure": ("Measure", "Volumes, areas and shapes of the objects."),
    "export": ("Export", "Files for other programs, and a report."),
}


def steps(tomogram: Tomogram | None) -> dict[str, Step]:
    """Return the steps in their order, by the name of the page; None is no tomogram."""
    made = _made(tomogram)
    lacking = _lacking(tomogram, made)
    found = {}
    for number, (name, (title, aim)) in enumerate(_TITLES.items(), 1):
        if made.get(name):
            icon = ":material/check_circle:"
            found[name] = Step(title, "done", f"Done{_counted(name, made)}. {aim}", icon)
        elif name in lacking:
            found[name] = Step(title, "later", f"Not yet: {lacking[name]}", ":material/lock:")
        else:
            found[name] = Step(title, "possible", aim, f":material/counter_{number}:")
    return found


def coming(known: Mapping[str, Step]) -> Step | None:
    """Return the step that follows the last one that is done, None after the last of all."""
    in_order = list(known.values())
    done = [place for place, step in enumerate(in_order) if step.state == "done"]
    rest = in_order[done[-1] + 1 :] if done else in_order
    return next((step for step in rest if step.state == "possible"), None)


def _counted(name: str, made: Mapping[str, int]) -> str:
    if name not in _COUNTED:
        return ""
    return f": {made[name]} {_COUNTED[name]}{'' if made[name] == 1 else 's'}"


def _made(tomogram: Tomogram | None) -> dict[str, int]:
    """Return how many results of each step there are."""
    if tomogram is None:
        return {}
    return {
        "open": 1,
        "segment": len(snapshot.results(tomogram, "scores")),
        "slices": len(snapshot.annotations(tomogram)),
        "surface": len(snapshot.results(tomogram, "surfaces")),
        "measure": len(snapshot.results(tomogram, "measurements")),
    }


def _lacking(tomogram: Tomogram | None, made: Mapping[str, int]) -> dict[str, str]:
    """Return what steps wait for, in words."""
    if tomogram is None:
        return dict.fromkeys(list(_TITLES)[1:], "open a tomogram first.")
    lacking = {} if made["surface"] else {"measure": "make a surface first."}
    if not (made["segment"] or made["slices"] or made["surface"] or holds_labels(tomogram)):
        lacking |= dict.fromkeys(("surface", "measure", "export"), "segment first.")
    return lacking


def holds_labels(tomogram: Tomogram) -> bool:
    """Return whether a tomogram's file holds labels, not grey values; not if it is unreadable."""
    try:
        return bool(widgets.labels_seen(snapshot.volume(tomogram)))
    except DeepSXTError:  # told on the page Open
        return False
