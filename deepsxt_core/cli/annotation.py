"""``deepsxt annotation``."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from deepsxt_core.annotation import (
    Annotation,
    Applied,
    SourceParams,
    create_annotation,
    is_annotation,
    open_annotation,
)
from deepsxt_core.annotation import replay as repeat
from deepsxt_core.annotation.tables import write_table
from deepsxt_core.cli.opening import open_noted
from deepsxt_core.cli.options import Dataset, Outcome, VoxelSizeNm, command
from deepsxt_core.cli.organelles import click, propose
from deepsxt_core.cli.reviews import review
from deepsxt_core.errors import (
    AnnotationError,
    DeepSXTError,
    InvalidParameterError,
    UnreadableFileError,
)
from deepsxt_core.files import keep_apart, prepare_file, prepare_folder
from deepsxt_core.io import write_volume, writer_for
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.progress import Progress

EMPTY = "empty"
_SHOWN = 20

APP = App(name="annotation")
APP.command(click)
APP.command(propose)
APP.command(review)

NewFolder = Annotated[Path, Parameter(help="Folder to make; it must not exist.", metavar="DIR")]


@APP.command
@command
def new(
    source: str,
    /,
    *,
    tomogram: Annotated[Path, Parameter(metavar="FILE")],
    out: NewFolder,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
    params: SourceParams,
    progress: Progress,
) -> Outcome:
    """Make an annotation of a tomogram.

    Parameters
    ----------
    source
        A score (score.ome.zarr), a label file, or "empty".
    tomogram
        What is annotated.
    """
    began = None if source == EMPTY else Path(source)
    if began is not None and is_annotation(began):
        raise InvalidParameterError(
            f"'{began}' is an annotation already. To have it twice, write it elsewhere by 'deepsxt "
            "annotation replay'."
        )
    keep_apart([tomogram, *([] if began is None else [began])], [out])
    volume = open_noted(tomogram, dataset, voxel_size_nm, part)
    prepare_folder(out.parent)
    create_annotation(out, volume, began, params, progress)
    return _told(open_annotation(out))


@APP.command
@command
def apply(
    folder: Path,
    operations: Annotated[Path, Parameter(help="One JSON object a line.", metavar="FILE.jsonl")],
    /,
) -> Outcome:
    """Carry out operations, one after the other, until one is refused.

    What was carried out before stays. The operations: docs/annotation.md.
    """
    done: list[Applied] = []
    with open_annotation(folder) as annotation:
        for number, line in enumerate(_lines(operations), 1):
            if not line.strip():
                continue
            try:
                done.append(annotation.apply(line))
            except DeepSXTError as error:
                raise AnnotationError(
                    f"Line {number} of '{operations.name}' was refused, the {len(done)} operations "
                    f"before it are carried out: {error}"
                ) from error
        return _changed(annotation, done)


@APP.command
@command
def undo(folder: Path, n: int = 1, /) -> Outcome:
    """Take back the last operations.

    Parameters
    ----------
    n
        How many.
    """
    with open_annotation(folder) as annotation:
        _require(n, annotation.can_undo, "undone")
        return _changed(annotation, [annotation.undo() for _ in range(n)])


@APP.command
@command
def redo(folder: Path, n: int = 1, /) -> Outcome:
    """Do again what was taken back.

    Parameters
    ----------
    n
        How many operations.
    """
    with open_annotation(folder) as annotation:
        _require(n, annotation.can_redo, "done again")
        return _changed(annotation, [annotation.redo() for _ in range(n)])


@APP.command
@command
def info(folder: Path, /) -> Outcome:
    """Tell what an annotation is of, and what objects it holds."""
    return _told(open_annotation(folder))


@APP.command
@command
def replay(folder: Path, /, *, out: NewFolder, progress: Progress) -> Outcome:
    """Make an annotation once more, from its source and its journal."""
    keep_apart([folder], [out])
    prepare_folder(out.parent)
    repeat(folder, out, progress=progress)
    return _told(open_annotation(out))


@APP.command
@command
def export(
    folder: Path,
    /,
    *,
    out: Annotated[
        Path,
        Parameter(
            help="File for the id of the object at each voxel: .tif, .mrc, .ome.zarr, …",
            metavar="FILE",
        ),
    ],
) -> Outcome:
    """Write the labels for other programs, and beside them a table of what they stand for."""
    keep_apart([folder], [out])
    writer_for(out)
    annotation = open_annotation(folder)
    prepare_file(out)
    write_volume(annotation.labels, out)
    table = out.with_name(f"{out.name.partition('.')[0]}.objects.csv")
    write_table(annotation.objects, table)
    told = {"labels": str(out), "table": str(table)}
    return Outcome([f"Labels {out}", f"Table {table}"], told | _report(annotation))


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines, which cuts at letters that a JSON text may hold.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"Cannot read the operations in '{path}': {error}.") from None


def _require(wanted: int, possible: int, word: str) -> None:
    if wanted < 1:
        raise InvalidParameterError(f"Give how many, at least 1: got {wanted}.")
    if wanted > possible:
        raise InvalidParameterError(f"{wanted} operations cannot be {word}, {possible} can.")


def _changed(annotation: Annotation, done: list[Applied]) -> Outcome:
    report = {
        "annotation": str(annotation.path),
        "operations": len(done),
        "entries": [one.entry for one in done if one.entry is not None],
        "voxels": sum(one.voxels for one in done),
        "objects": len(annotation.objects),
        "undo": annotation.can_undo,
        "redo": annotation.can_redo,
    }
    return Outcome(
        [
            f"Operations {len(done)}, changed voxels {report['voxels']:,}, "
            f"objects {report['objects']}"
        ],
        report,
    )


def _report(annotation: Annotation) -> dict[str, Any]:
    description, table = annotation.description, annotation.objects
    members = Counter(row.class_name for row in table.values())
    editor = annotation.editor
    return {
        "annotation": str(annotation.path),
        "shape": list(annotation.shape),
        "voxel_size_nm": annotation.geometry.voxel_size_nm,
        "origin_nm": annotation.geometry.origin_nm,
        "tomogram": description.tomogram,
        "source": description.source,
        "created": description.created,
        "classes": [
            {"name": name, "colour": colour, "objects": members[name]}
            for name, colour in table.classes.items()
        ],
        "objects": [
            {
                "id": row.id,
                "name": row.name,
                "class": row.class_name,
                "colour": row.colour,
                "origin": row.origin,
                "state": row.state,
                "locked": row.locked,
            }
            for row in table.values()
        ],
        "undo": annotation.can_undo,
        "redo": annotation.can_redo,
        "editor": None if editor is None else editor.owner,
    }


def _told(annotation: Annotation) -> Outcome:
    report, table = _report(annotation), annotation.objects
    size = annotation.geometry.voxel_size_nm
    lines = [
        f"{annotation.path}: {' × '.join(map(str, annotation.shape))} voxels (z, y, x)"
        + (f" of {size.z:g} × {size.y:g} × {size.x:g} nm" if size else ""),
        f"  tomogram    {report['tomogram'] or 'not a file'}",
        f"  began with  {report['source'] or 'nothing'}, {report['created']}",
        f"  operations  {report['undo']} in force, {report['redo']} taken back",
        *(f"  class       {each['name']}: {each['objects']} objects" for each in report["classes"]),
    ]
    lines += [
        f"  {row.id:5}  {row.name} ({row.class_name}, {row.state}{', locked' * row.locked})"
        for row in list(table.values())[:_SHOWN]
    ]
    if len(table) > _SHOWN:
        lines.append(f"  and {len(table) - _SHOWN} more")
    return Outcome(lines, report)
