"""The labels of an annotation, and their table, as files for other programs.

They are made of the version of now, and lie beside it as long as it is kept.
"""

from functools import partial
from pathlib import Path

from deepsxt_core.annotation.tables import write_table
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.volumes import write_volume
from deepsxt_core.workspace.kept_annotation import AnnotationVersion, KeptAnnotation
from deepsxt_core.workspace.making import made

LABEL_FILES = ("labels.tif", "labels.mrc", "labels.nrrd", "labels.nii", "labels.h5")
TABLE_FILE = "labels.csv"


def annotation_file(
    kept: KeptAnnotation, name: str, version: AnnotationVersion | None = None
) -> Path:
    """Return the labels of an annotation as one of `LABEL_FILES`, or `TABLE_FILE`.

    Parameters
    ----------
    kept : KeptAnnotation
    name : str
    version : AnnotationVersion, optional
        One that was pinned; by default that of now.

    Raises
    ------
    InvalidParameterError
        If the name is none of them.
    DeepSXTError
        If the annotation is damaged, or a long edit is at work.
    """
    if name not in (*LABEL_FILES, TABLE_FILE):
        raise InvalidParameterError(
            f"An annotation can be had as {', '.join((*LABEL_FILES, TABLE_FILE))}: got '{name}'."
        )
    version = version or kept.pinned()
    frozen, path = kept.frozen(version), kept.place_of(version) / name
    if name == TABLE_FILE:
        write_table(frozen.objects, path)
        return path
    order = {
        "file": "labels",
        "tomogram": [str(kept.tomogram.folder.parents[1]), kept.tomogram.id],
        "annotation": kept.id,
        "digest": version.digest,
        "name": name,
    }
    labels = frozen.labels.with_geometry(kept.volume().geometry)
    return made(path, order, partial(write_volume, labels))
