"""How an annotation is made once more, from what it began with and its journal."""

from pathlib import Path

from deepsxt_core.annotation.creation import JOURNAL, Description, make_annotation
from deepsxt_core.annotation.journal import Journal
from deepsxt_core.annotation.ledger import Ledger
from deepsxt_core.annotation.sources import Source, opened
from deepsxt_core.errors import AnnotationError
from deepsxt_core.progress import NoProgress, Progress


def replay(
    journal: str | Path,
    out: str | Path,
    source: Source | None = None,
    progress: Progress | None = None,
) -> None:
    """Make an annotation from its source and carry out its journal, change by change.

    Parameters
    ----------
    journal : Path
        The journal, or the folder of the annotation that it belongs to. It is only read.
    out : Path
        The folder to make.
    source : Score, Volume or Path, optional
        What the annotation began with, where it is no longer where it was.
    progress : Progress, optional

    Raises
    ------
    AnnotationError
        If the journal is damaged, or was written for another source.
    InvalidParameterError
        If `out` exists.
    VolumeError
        If the source cannot be read.
    """
    path, out = Path(journal), Path(out)
    kept = Journal(path / JOURNAL if path.is_dir() else path)
    if not kept.path.is_file():
        raise AnnotationError(f"There is no journal at '{kept.path}'.")
    first = next(kept.entries(growing=True), None)
    if first is None or "created" not in first.head:
        raise AnnotationError(f"'{kept.path}' does not say what it began with.")
    description = Description.from_json(first.head["created"], kept.path)
    began = description.source if source is None else source
    result = None if began is None else opened(began)
    make_annotation(out, description, result, progress or NoProgress())
    ledger = Ledger(out, description.shape)
    ledger.load(recovering=True)
    ledger.repeat_from(kept)
