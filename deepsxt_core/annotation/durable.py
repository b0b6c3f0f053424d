"""Files that are on the disk itself, and not in a cache, when the call returns."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deepsxt_core.files import written_beside


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until the names of the files in these folders are on the disk."""
    if os.name == "nt":  # Windows cannot open folders for this.
        return
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that after a crash it holds either all of the old or all of the new."""
    with written_beside(path) as beside, beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object as JSON, as `replace_file` does."""
    replace_file(path, json.dumps(content, indent=1, ensure_ascii=False).encode())
