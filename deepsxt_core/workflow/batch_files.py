"""The files of a batch, and the folders that their results get."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from deepsxt_core.files import safe_name
from deepsxt_core.workflow.subjects import FileSubject


def file_subjects(files: Sequence[Path], out: Path) -> list[FileSubject]:
    """Return a subject per file, in folders below `out`."""
    names = folder_names(files)
    return [
        FileSubject(file.absolute(), (out / name).resolve())
        for file, name in zip(files, names, strict=True)
    ]


def folder_names(files: Sequence[Path]) -> list[str]:
    """Return a folder name per file: its stem, with a mark of its path where several share it."""
    stems = [safe_name(_stem(file)).lower() for file in files]
    return [
        safe_name(_stem(file))
        if stems.count(stem) == 1
        else f"{safe_name(_stem(file))}-{hashlib.sha256(bytes(file.resolve())).hexdigest()[:8]}"
        for file, stem in zip(files, stems, strict=True)
    ]


def _stem(file: Path) -> str:
    return file.name[: -len(".ome.zarr")] if file.name.endswith(".ome.zarr") else file.stem
