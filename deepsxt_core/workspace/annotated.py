"""What a surface of an annotation was cut out of: kept with it, as the annotation changes."""

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io import open_volume
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.volume import Labels, Tag
from deepsxt_core.workspace.results import INSTANCES_NAME, Result


def annotated_objects(surface: Result) -> Labels:
    """Return the objects of a surface as the annotation had them then.

    Raises
    ------
    UnreadableFileError
        If they do not lie beside the surface.
    """
    path = surface.folder / INSTANCES_NAME
    if not path.is_dir():
        raise UnreadableFileError(f"'{surface.folder}' lacks its objects. Reconstruct it again.")
    volume, (_, rows) = open_volume(path), load_table(surface.folder)
    tags = {
        row.id: Tag(row.name, row.class_name or "", row.colour or "", row.state, row.capped)
        for row in rows
        if row.name is not None
    }

    def all_judged(z0: int, z1: int) -> NDArray[np.bool_]:
        return np.zeros((z1 - z0, *volume.shape[1:]), bool)

    return Labels(volume, tags, all_judged)
