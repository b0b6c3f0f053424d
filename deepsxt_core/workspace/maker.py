"""Who made a result or an annotation, where several people share a workspace.

It lies beside what was made and not in its record, which goes out with bundles and reports.
"""

from pathlib import Path

from deepsxt_core import access
from deepsxt_core.files import read_json, write_json

MAKER_NAME = "maker.json"


def note_maker(folder: Path) -> None:
    """Note beside what is made in a folder who makes it, if that says anything."""
    name = access.author()
    if name:
        write_json(folder / MAKER_NAME, {"name": name})


def maker_of(folder: Path) -> str | None:
    """Return who made what is in a folder, if that is known."""
    name = (read_json(folder / MAKER_NAME) or {}).get("name")
    return name if isinstance(name, str) else None
