"""Where the scores of the classes of one model lie: side by side, each like a score of its own."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deepsxt_core.files import read_json, safe_name
from deepsxt_core.network import MEMBRANE_ALONE

CLASSES_NAME = "classes"
"""The folder of those after the first, in the folder of the first."""

_RUN_NAME = "run.json"


def class_folders(out: Path, classes: Sequence[str]) -> list[tuple[dict[str, str], Path]]:
    """Return what a record says of each class, and the folder of its score.

    The first lies in `out` itself, the others in ``out/classes/NAME``. A model that does not name
    its classes marks membranes, and its record says nothing.
    """
    if tuple(classes) == MEMBRANE_ALONE:
        return [({}, out)]
    first, *others = classes
    return [
        ({"class": first}, out),
        *(({"class": name}, out / CLASSES_NAME / safe_name(name)) for name in others),
    ]


def other_classes(out: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and the folder of each finished class after the first."""
    for record in sorted(out.glob(f"{CLASSES_NAME}/*/{_RUN_NAME}")):
        run = read_json(record)
        if run is not None and isinstance(run.get("class"), str):
            yield run["class"], record.parent
