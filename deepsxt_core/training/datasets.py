"""Training data of a laboratory: a folder of images, some of them with labels.

``NAME.tif`` is an image or a tomogram, ``NAME.labels.tif`` its labels (or ``NAME.truth.tif``, as
simulated tomograms have them), or the folder ``NAME.annotation`` an annotation of it; an image
without such a neighbour is unlabelled. Labels are 0 outside and above 0 on membranes, so 0/1, 0/255
and numbered objects are all understood. Pixels that nobody has judged carry the ignore label. In
the labels of a tomogram, slices without any membrane count as not labelled; an empty label of a
single image says that it shows none. A ``.npz`` file in the layout of the published software is a
data set of its own. Where a table of classes is given, it tells what each value of a label means.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import AnnotationError, TrainingDataError, VolumeError
from deepsxt_core.inference import Preparation, read_prepared
from deepsxt_core.inference.tiling import with_neighbours
from deepsxt_core.io import open_volume
from deepsxt_core.io.links import kept_in_place
from deepsxt_core.network import MEMBRANE_ALONE
from deepsxt_core.preprocessing import (
    IntensityRange,
    measure_intensity,
    suggest_invert,
)
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.training import annotated, published_sets
from deepsxt_core.training.class_table import IGNORED, ClassTable
from deepsxt_core.training.label_values import (
    DEFAULT_IGNORE_LABEL,
    PLAIN_LABELS,
    decode,
    labelled_slices,
    values_of,
)
from deepsxt_core.training.pairing import Pair, find_pairs, refuse_data_link, refuse_problems
from deepsxt_core.training.polarity import membranes_are_bright
from deepsxt_core.training.reading import DataParams
from deepsxt_core.volume import Volume


@dataclass(frozen=True, slots=True)
class Source:
    """One image or tomogram of a training set, with what was found out about it.

    Attributes
    ----------
    name : str
    image : Volume
    labels : Volume or None
    ignore_label : int or None
        In the values of `labels`.
    labelled : tuple of int
        Slices with labels, ascending.
    membrane_px : tuple of int
        Membrane pixels in each of them, or those of any class.
    intensity : IntensityRange
    invert : bool
        Whether grey values are inverted, so that membranes are dark.
    table : ClassTable or None
        What the values of `labels` mean; None where those above 0 are membrane.
    """

    name: str
    image: Volume
    labels: Volume | None
    ignore_label: int | None
    labelled: tuple[int, ...]
    membrane_px: tuple[int, ...]
    intensity: IntensityRange
    invert: bool
    table: ClassTable | None = None

    @property
    def unlabelled(self) -> tuple[int, ...]:
        """Slices without labels, ascending."""
        return tuple(sorted(set(range(self.image.shape[0])) - set(self.labelled)))

    def read_image(self, z: int) -> NDArray[np.float32]:
        """Return slice `z`, float32 (y, x), standardised, membranes dark, as segmentation does."""
        return self.read_run(z, 0)[0]

    def read_run(self, z: int, context: int) -> NDArray[np.float32]:
        """Return slice `z` with `context` above and below, (2 context + 1, y, x), as `read_image`.

        The last one stands for what lies beyond it.
        """
        preparation = Preparation(self.intensity, self.invert, published=False)
        prepared = read_prepared(self.image, context, preparation, z, z + 1)
        seen = with_neighbours(prepared.standardised, context, prepared.margins)
        return np.moveaxis(seen[0], -1, 0).copy()

    def read_labels(self, z: int) -> NDArray[np.uint8]:
        """Return the labels of slice `z`, uint8 (y, x): 0, 1 on membranes, or `IGNORED`.

        With a table of classes, bit `n` stands for class `n`. Nothing is known where nothing was
        measured.
        """
        if self.labels is None:
            return np.full(self.image.shape[1:], IGNORED, np.uint8)
        labels = decode(self.labels.read(z, z + 1)[0], self.ignore_label, self.table)
        labels[~self.intensity.valid(self.image.read(z, z + 1)[0])] = IGNORED
        return labels


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """All images to train on, checked.

    Attributes
    ----------
    sources : tuple of Source
        In the order of their names.
    classes : tuple of str
        What is learnt, in the order of the channels of a score.
    """

    sources: tuple[Source, ...]
    classes: tuple[str, ...] = MEMBRANE_ALONE

    def counts(self) -> dict[str, Any]:
        """Return the numbers of files, labelled and unlabelled slices, and membrane pixels.

        Where classes are named, those are the pixels of any of them.
        """
        labelled = sum(len(source.labelled) for source in self.sources)
        slices = sum(source.image.shape[0] for source in self.sources)
        return {
            "files": len(self.sources),
            "labelled_slices": labelled,
            "unlabelled_slices": slices - labelled,
            "membrane_px": sum(sum(source.membrane_px) for source in self.sources),
            "inverted": [source.name for source in self.sources if source.invert],
        }

    def fingerprint(self) -> str:
        """Return a hash that changes when a file of the set is replaced."""
        digest = hashlib.sha256()
        for source in self.sources:
            digest.update(repr((source.name, source.invert, source.ignore_label)).encode())
            if source.table is not None:
                digest.update(repr(source.table).encode())
            for volume in (source.image, source.labels):
                if volume is not None and volume.path is not None:
                    stat = annotated.changing_file(volume.path).stat()
                    digest.update(repr((volume.shape, stat.st_size, stat.st_mtime_ns)).encode())
        return digest.hexdigest()


def open_training_set(
    data: str | Path | Sequence[Pair],
    params: DataParams | None = None,
    progress: Progress | None = None,
    places: Sequence[Path] = (),
) -> TrainingSet:
    """Open and check all that will be trained on, before time is spent on it.

    Every labelled slice is read once; of tomograms without labels, slices spread over them.

    Parameters
    ----------
    data : str or Path, or sequence of (image, labels or None)
        A folder as `find_pairs` understands it, or the files.
    params : DataParams, optional
    progress : Progress, optional
    places : sequence of Path
        The folders that links may lead into, looked up again at every read; without any, they may
        lead anywhere.

    Raises
    ------
    TrainingDataError
        If files are damaged or of no use, labels do not fit, or nothing can be learnt from them;
        the message names the files.
    """
    params = params or DataParams()
    progress = progress or NoProgress()
    is_folder = isinstance(data, str | Path)
    pairs = find_pairs(data, places) if isinstance(data, str | Path) else list(data)
    where = f"in '{data}'" if is_folder else "among the chosen files"
    if not any(labels or image.suffix == published_sets.SUFFIX for image, labels in pairs):
        raise TrainingDataError(
            f"There are no labels {where}: {len(pairs)} images, none with labels. "
            "Put NAME.labels.tif beside NAME.tif, 0 outside and above 0 on membranes."
        )
    sources, problems = [], []
    progress.stage("Checking the data", len(pairs), "file")
    for image, labels in pairs:
        try:
            sources += _open_sources(image, labels, params, places)
        except (VolumeError, TrainingDataError, AnnotationError) as error:
            problems.append(str(error).rstrip("."))
        progress.advance()
    refuse_problems(
        problems, f"The training data {where} cannot be used", "Mend or remove these files"
    )
    found = TrainingSet(tuple(sources), params.table.names if params.table else MEMBRANE_ALONE)
    if not found.counts()["membrane_px"]:
        raise TrainingDataError(
            f"The labels {where} hold no membrane at all: every judged pixel of "
            f"{sum(source.labels is not None for source in sources)} labelled images is 0. "
            "Without a membrane there is nothing to learn: check how the labels were exported."
        )
    return found


def _open_sources(
    image: Path, labels: Path | None, params: DataParams, places: Sequence[Path]
) -> list[Source]:
    for path in (image, labels):
        if path is not None:
            refuse_data_link(path, places)

    def kept(volume: Volume, path: Path) -> Volume:
        return kept_in_place(volume, path, places) if places else volume

    table = params.table
    if image.suffix.lower() == published_sets.SUFFIX:
        return [
            _source(
                name,
                name,
                kept(volume, image),
                name,
                None if marks is None else kept(marks, image),
                params,
                table,
            )
            for name, volume, marks in published_sets.open_published(image)
        ]
    marks, label_name = None, ""
    if labels is not None:
        label_name = labels.name
        if annotated.is_annotated(labels):
            if places:
                annotated.refuse_links_within(labels)
            table = None if table is None else ClassTable.numbered(table.names)
            params = replace(params, ignore_label=DEFAULT_IGNORE_LABEL)
            names = () if table is None else table.names
            marks = annotated.open_annotated(labels, DEFAULT_IGNORE_LABEL, names)
        else:
            marks = open_volume(labels)
        marks = kept(marks, labels)
    opened = kept(open_volume(image), image)
    return [_source(image.stem, image.name, opened, label_name, marks, params, table)]


def _source(
    name: str,
    image_name: str,
    image: Volume,
    label_name: str,
    labels: Volume | None,
    params: DataParams,
    table: ClassTable | None,
) -> Source:
    intensity = measure_intensity(image, params.void_rule)
    if not intensity.high > intensity.low:
        raise TrainingDataError(f"'{image_name}' has one grey value everywhere ({intensity.low:g})")
    if labels is None:
        _check_is_image(image, image_name)
        invert = params.invert
        if invert is None:
            invert = suggest_invert(image, params.void_rule)
        return Source(name, image, None, None, (), (), intensity, invert)
    if labels.shape != image.shape:
        raise TrainingDataError(
            f"'{label_name}' has {_size(labels)} voxels, but '{image_name}' has {_size(image)}"
        )
    ignore = params.ignore_label
    plain = values_of(labels, label_name) <= PLAIN_LABELS if table is None else True
    if ignore is None and plain and (table is None or DEFAULT_IGNORE_LABEL not in table.values):
        ignore = DEFAULT_IGNORE_LABEL
    labelled, membrane_px = labelled_slices(labels, ignore, label_name, table)
    for z in labelled:
        image.read(z, z + 1)
    known = (image, labels, ignore, labelled, membrane_px, intensity)
    source = Source(name, *known, invert=False, table=table)
    bright = membranes_are_bright(source) if params.invert is None else params.invert
    return replace(source, invert=bright)


def _size(volume: Volume) -> str:
    return " × ".join(map(str, volume.shape))


def _check_is_image(image: Volume, name: str) -> None:
    """Refuse a mask that is named like an image: learning to repaint it would do harm."""
    middle = image.shape[0] // 2
    values = np.unique(image.read(middle, middle + 1))
    if len(values) <= 2 and image.dtype.kind in "bui":
        raise TrainingDataError(
            f"'{name}' holds only the values {', '.join(map(str, values))} and seems to be labels, "
            "which are named NAME.labels.tif"
        )
