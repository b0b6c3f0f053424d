"""Objects in a single slice: areas and lengths, and nothing that a slice cannot tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.files import prepare_folder, write_json
from deepsxt_core.surface.field.instances import without_core
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.columns import Quantity
from deepsxt_core.surface.measure.quantities import write_columns
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.sources import called
from deepsxt_core.volume import Labels, Mask, Score

SLICE_QUANTITIES = (
    Quantity("object", "Object", 0, "1 is the object of most pixels."),
    Quantity("area", "Area", 2, "Of its pixels; what it encloses does not count."),
    Quantity("enclosed_area", "Enclosed area", 2, "Within its outer outline."),
    Quantity("perimeter", "Perimeter", 1, "Of its outer outline."),
    Quantity("equivalent_diameter", "Diameter", 1, "Of a disc of the enclosed area."),
    Quantity("long_axis", "Long axis", 1, "Of the ellipse with the same moments of inertia."),
    Quantity("short_axis", "Short axis", 1, "Of the ellipse with the same moments."),
    Quantity("centroid_x", "x", 1, "Of the centre of its pixels."),
    Quantity("centroid_y", "y", 1, "Of the centre of its pixels."),
    Quantity("cut_by_border", "Cut by the border", 0, "Whether it goes on beyond the slice."),
    Quantity("pixels", "Pixels", 0, "Above the threshold."),
)
_CONNECTIVITY: Final = 8
_SMOOTHING_PX = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceObject:
    """The values of `SLICE_QUANTITIES` for one object, and what people call it."""

    object: int
    area: float
    enclosed_area: float
    perimeter: float
    equivalent_diameter: float
    long_axis: float
    short_axis: float
    centroid_x: float
    centroid_y: float
    cut_by_border: bool
    pixels: int
    name: str | None = None
    class_name: str | None = None


@dataclass(frozen=True, slots=True)
class SliceMeasurements:
    """What is known about a single slice.

    Attributes
    ----------
    objects : tuple of SliceObject
    unit : Unit
        Of lengths; areas are in its square.
    """

    objects: tuple[SliceObject, ...]
    unit: Unit

    def table(self) -> dict[str, list[Any]]:
        """Return the columns by their names with units."""
        columns: dict[str, list[Any]] = {"object": [one.object for one in self.objects]}
        if any(one.name is not None for one in self.objects):
            columns["name"] = [one.name for one in self.objects]
            columns["class"] = [one.class_name for one in self.objects]
        for quantity in SLICE_QUANTITIES[1:]:
            values = [getattr(one, quantity.name) for one in self.objects]
            columns[quantity.column(self.unit)] = values
        return columns

    def totals(self) -> dict[str, Any]:
        """Return the count and sums, by names with units."""
        length = plain_unit(self.unit)
        return {
            "objects": len(self.objects),
            f"area_{length}2": sum(one.area for one in self.objects),
            f"enclosed_area_{length}2": sum(one.enclosed_area for one in self.objects),
            f"perimeter_{length}": sum(one.perimeter for one in self.objects),
            "cut_by_border": sum(one.cut_by_border for one in self.objects),
        }

    def write(self, folder: Path) -> list[Path]:
        """Write the table as CSV and Parquet, and the totals; return the files."""
        prepare_folder(folder)
        files = [
            write_columns(self.table(), folder / f"objects{suffix}")
            for suffix in (".csv", ".parquet")
        ]
        write_json(folder / "totals.json", self.totals())
        return [*files, folder / "totals.json"]


def measure_slice(source: Score | Mask, params: ReconstructParams) -> SliceMeasurements:
    """Measure the objects in a single slice.

    Of the parameters, the thresholds, ``each_label`` and the least number of voxels count.

    Raises
    ------
    InvalidParameterError
        If there is more than one slice.
    EmptySurfaceError
        If there is no object.
    """
    volume = source.volume
    if volume.shape[0] != 1:
        raise InvalidParameterError(
            f"Areas are measured in a single slice: there are {volume.shape[0]}."
        )
    size = volume.voxel_size_nm
    edges = np.ones(2) if size is None else np.array([size.y, size.x]) / 1000
    ids = _ids(source, params)
    found = []
    for number, box in enumerate(ndimage.find_objects(ids), 1):
        if box is None:
            continue
        inside = ids[box] == number
        if np.count_nonzero(inside) >= params.least_voxels(size):
            found.append(_measured(number, inside, box, ids.shape, edges, source))
    if not found:
        raise EmptySurfaceError("There is no object in the slice. Lower the threshold.")
    return SliceMeasurements(tuple(found), "voxel" if size is None else "µm")


def _ids(source: Score | Mask, params: ReconstructParams) -> NDArray[np.integer]:
    if isinstance(source, Labels) or (isinstance(source, Mask) and params.each_label):
        return np.maximum(source.volume.read(0, 1)[0].astype(np.int64), 0)
    if isinstance(source, Score):
        inside = source.read_mask(0, 1, params.level)[0]
    else:
        inside = source.read_mask(0, 1)[0]
    labels = cc3d.connected_components(inside, connectivity=_CONNECTIVITY)
    if isinstance(source, Score) and params.low is not None:
        labels[without_core(labels, source.read_mask(0, 1, params.threshold)[0])] = 0
    sizes = np.bincount(labels.ravel())
    order = np.argsort(-sizes[1:], kind="stable") + 1
    ranks = np.zeros(len(sizes), np.int64)
    ranks[order] = np.arange(1, len(sizes))
    return ranks[labels]


def _measured(
    number: int,
    inside: NDArray[np.bool_],
    box: Sequence[slice],
    shape: tuple[int, ...],
    edges: NDArray[np.float64],
    source: Score | Mask,
) -> SliceObject:
    filled = ndimage.binary_fill_holes(inside)
    pixel = float(edges.prod())
    points = np.argwhere(inside)
    first = np.array([cut.start for cut in box])
    centre = (points.mean(axis=0) + first + 0.5) * edges
    spread = np.cov(np.argwhere(filled).T * edges[:, None], bias=True) if filled.sum() > 1 else 0
    # The variance of an ellipse along an axis of length d is d²/16; that of a pixel is its own.
    axes = 4 * np.sqrt(np.linalg.eigvalsh(spread + np.diag(edges**2 / 12)))
    tag = source.tags.get(number) if isinstance(source, Labels) else None
    words = called(source, number)
    if tag is not None:
        words = {"name": tag.name, "class_name": tag.class_name}
    enclosed = float(filled.sum() * pixel)
    return SliceObject(
        object=number,
        area=float(len(points) * pixel),
        enclosed_area=enclosed,
        perimeter=_perimeter(filled, edges),
        equivalent_diameter=float(2 * np.sqrt(enclosed / np.pi)),
        long_axis=float(axes[1]),
        short_axis=float(axes[0]),
        centroid_x=float(centre[1]),
        centroid_y=float(centre[0]),
        cut_by_border=any(
            cut.start == 0 or cut.stop == n for cut, n in zip(box, shape, strict=True)
        ),
        pixels=len(points),
        **words,
    )


def _perimeter(filled: NDArray[np.bool_], edges: NDArray[np.float64]) -> float:
    """Return the length of the outline, without the steps of the pixels."""
    from skimage.measure import find_contours

    smooth = ndimage.gaussian_filter(np.pad(filled, 3).astype(float), _SMOOTHING_PX)
    lines = find_contours(smooth, 0.5)
    return float(sum(np.linalg.norm(np.diff(line * edges, axis=0), axis=1).sum() for line in lines))
