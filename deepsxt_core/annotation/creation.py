"""How an annotation comes into being."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.durable import replace_json, sync_folders
from deepsxt_core.annotation.journal import Journal
from deepsxt_core.annotation.numbering import Numbered
from deepsxt_core.annotation.objects import ObjectTable, shade_of
from deepsxt_core.annotation.regrouping import new_row
from deepsxt_core.annotation.sources import (
    Source,
    SourceParams,
    numbered,
    opened,
    path_of,
    place_of,
)
from deepsxt_core.annotation.store import CHUNK_EDGE, LabelStore, create_labels
from deepsxt_core.errors import AnnotationError, InvalidParameterError
from deepsxt_core.files import partial_folder, read_json
from deepsxt_core.geometry import Geometry, Shape, VoxelSize
from deepsxt_core.io import open_volume
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.versions import versions
from deepsxt_core.volume import Score, Volume

FORMAT = 1
DESCRIPTION = "annotation.json"
LABELS = "labels.ome.zarr"
OBJECTS = "objects.json"
JOURNAL = "journal"
CHECKPOINT = "checkpoint.json"
ID_INDEX = "ids.index"


@dataclass(frozen=True, slots=True)
class Description:
    """What an annotation is of, and what it was made from; never changes.

    Attributes
    ----------
    shape : (z, y, x)
    geometry : Geometry
    tomogram : str or None
        Path of the tomogram.
    source : str or None
        Path of the score or label file; None if it began empty, or in memory.
    score : bool
        Whether the source is a score.
    params : SourceParams
    created : str
        Time in ISO 8601.
    versions : dict
        Of the software that made it.
    """

    shape: Shape
    geometry: Geometry
    tomogram: str | None
    source: str | None
    score: bool
    params: SourceParams
    created: str
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the description as an object of JSON."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any] | None, path: Path) -> Self:
        """Read what `to_json` returned; `path` is for messages.

        Raises
        ------
        AnnotationError
            If it is something else, or of a later version.
        """
        if content is None or "format" not in content:
            raise AnnotationError(f"'{path}' is no annotation. Make one of a score or label file.")
        if content["format"] != FORMAT:
            raise AnnotationError(
                f"'{path}' is an annotation of format {content['format']}, and this version of "
                f"DeepSXT reads format {FORMAT}. Install the version that it was made with."
            )
        try:
            place = content["geometry"]
            size = place["voxel_size_nm"]
            geometry = Geometry(
                voxel_size_nm=None if size is None else VoxelSize(*size),
                origin_nm=tuple(place["origin_nm"]),
                axes=tuple(place["axes"]),
                first_voxel=tuple(place["first_voxel"]),
            )
            z, y, x = content["shape"]
            others = ("tomogram", "source", "score", "created", "versions")
            return cls(
                shape=(z, y, x),
                geometry=geometry,
                params=SourceParams(**content["params"]),
                **{name: content[name] for name in others},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise AnnotationError(f"The description in '{path}' is damaged: {error!r}.") from None


def create_annotation(
    path: str | Path,
    tomogram: Volume | str | Path,
    source: Source | None = None,
    params: SourceParams | None = None,
    progress: Progress | None = None,
) -> None:
    """Make an annotation of a tomogram; `open_annotation` opens it.

    Parameters
    ----------
    path : Path
        The folder to make; it must not exist.
    tomogram : Volume or Path
    source : Score, Volume or Path, optional
        A score, whose connected parts above the threshold become objects, or a label file.
        None makes an empty annotation.
    params : SourceParams, optional
    progress : Progress, optional

    Raises
    ------
    InvalidParameterError
        If `path` exists, or the source does not fit the tomogram or holds too many objects.
    VolumeError
        If a file cannot be read.
    """
    path, params = Path(path), params or SourceParams()
    volume = tomogram if isinstance(tomogram, Volume) else open_volume(tomogram)
    result = None if source is None else opened(source)
    where = None if result is None else path_of(result)
    description = Description(
        volume.shape,
        volume.geometry,
        None if volume.path is None else str(volume.path.resolve()),
        None if where is None else str(where.resolve()),
        isinstance(result, Score),
        params,
        datetime.now(UTC).isoformat(timespec="seconds"),
        versions(),
    )
    make_annotation(path, description, result, progress or NoProgress())


def make_annotation(
    path: Path, description: Description, source: Score | Volume | None, progress: Progress
) -> None:
    """Make the annotation that a description tells of, its journal without operations."""
    if path.exists():
        raise InvalidParameterError(f"'{path}' exists already. Choose another name.")
    table = ObjectTable()
    class_name = description.params.class_name
    if class_name not in table.classes:
        table = ObjectTable({**table.classes, class_name: shade_of(len(table.classes))})
    partial = partial_folder(path, secrets.token_hex(4))
    partial.mkdir(parents=True)
    try:
        labels = create_labels(partial / LABELS, description.shape, description.geometry)
        if source is not None:
            place = place_of(source, description.shape, description.geometry.first_voxel)
            found = numbered(source, description.params, place, progress)
            origin = "a result" if description.source is None else Path(description.source).name
            rows = [new_row(id, name, class_name, origin) for id, name in found.names.items()]
            table = ObjectTable(table.classes, rows)
            _write_labels(labels, found, partial, progress)
        labels.sync()
        labels.save_index(partial / ID_INDEX, 1)
        replace_json(partial / OBJECTS, table.to_json())
        journal = Journal(partial / JOURNAL)
        journal.create()
        journal.append(0, {"created": description.to_json()}, (), [], {})
        replace_json(partial / CHECKPOINT, {"entries": 1})
        replace_json(partial / DESCRIPTION, description.to_json())
        partial.rename(path)
        sync_folders([path.parent])
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def is_annotation(path: str | Path) -> bool:
    """Return whether `path` is a folder that looks like an annotation."""
    return (Path(path) / DESCRIPTION).is_file() and (Path(path) / JOURNAL).is_file()


def read_description(path: Path) -> Description:
    """Read the description of the annotation in a folder.

    Raises
    ------
    AnnotationError
        If there is no annotation that this version can read.
    """
    return Description.from_json(read_json(path / DESCRIPTION), path)


def _write_labels(labels: LabelStore, found: Numbered, scratch: Path, progress: Progress) -> None:
    """Write slabs of any depth as cubes.

    A layer of cubes over a large slice does not fit into memory. It goes through a file, and
    from there into cubes row by row.
    """
    progress.stage("Writing objects", found.place.shape[0], "slice")
    whole = Box.whole(labels.shape)
    with tempfile.TemporaryFile(dir=scratch) as file:
        layer = whole._replace(z1=0)
        for box, numbers in _cut_at_layers(found):
            if box.z0 >= layer.z1:
                _write_layer(labels, layer, file)
                first = box.z0 // CHUNK_EDGE * CHUNK_EDGE
                layer = whole._replace(z0=first, z1=min(first + CHUNK_EDGE, whole.z1))
                file.truncate(0)
                file.truncate(layer.voxels * 2)
            for z, plane in enumerate(numbers, box.z0):
                full = np.zeros(whole.shape[1:], np.uint16)
                full[box.y0 : box.y1, box.x0 : box.x1] = plane
                file.seek((z - layer.z0) * full.nbytes)
                file.write(full.tobytes())
            progress.advance(len(numbers))
        _write_layer(labels, layer, file)


def _cut_at_layers(found: Numbered) -> Iterator[tuple[Box, NDArray[np.uint16]]]:
    for z0, numbers in found.slabs():
        slab = found.place._replace(z0=z0, z1=z0 + len(numbers))
        for part in slab.tiles((CHUNK_EDGE, slab.y1, slab.x1)):
            yield part, numbers[part.z0 - z0 : part.z1 - z0]


def _write_layer(labels: LabelStore, layer: Box, file: Any) -> None:
    width = layer.shape[2]
    for y0 in range(0, layer.shape[1], CHUNK_EDGE):
        band = layer._replace(y0=y0, y1=min(y0 + CHUNK_EDGE, layer.y1))
        if band.is_empty:
            return
        rows = np.empty(band.shape, np.uint16)
        for z in range(band.shape[0]):
            file.seek((z * layer.shape[1] + y0) * width * 2)
            rows[z] = np.frombuffer(file.read(rows[z].nbytes), np.uint16).reshape(rows[z].shape)
        if rows.any():
            labels.write(band, rows)
