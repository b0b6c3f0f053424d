"""What a surface was made from: where that lies, and what was cut out of an annotation for it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.geometry import Region
from deepsxt_core.io import open_volume
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.volume import Labels, Tag
from deepsxt_core.workspace.results import INSTANCES_NAME, Result

if TYPE_CHECKING:
    from deepsxt_core.workspace.tomogram import Tomogram


def source_region(tomogram: "Tomogram", surface: Result) -> Region:
    """Return the part of the tomogram whose voxels the source of a surface has, slices aside.

    Raises
    ------
    DeepSXTError
        If the score is gone.
    """
    score_id = surface.identity.get("score")
    return tomogram.result("scores", score_id).region if score_id else surface.annotated_region


def annotated_objects(surface: Result) -> Labels:
    """Return the objects of a surface as the annotation had them then.

    Raises
    ------
    UnreadableFileError
        If they do not lie beside the surface.
    """
    path = surface.folder / INSTANCES_NAME
    if not path.is_dir():
        raise UnreadableFileError(f"'{surface.folder}' lacks its objects. Make it again.")
    volume, (_, rows) = open_volume(path), load_table(surface.folder)
    tags = {
        row.id: Tag(
            row.name,
            row.class_name or "",
            row.colour or "",
            row.state,
            row.capped,
            row.true_voxels,
        )
        for row in rows
        if row.name is not None
    }

    def all_judged(z0: int, z1: int) -> NDArray[np.bool_]:
        return np.zeros((z1 - z0, *volume.shape[1:]), bool)

    return Labels(volume, tags, all_judged)
