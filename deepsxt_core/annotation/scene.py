"""What an operation can see: the labels, the table, the tomogram and its score, box by box."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.annotation.store import LabelStore
from deepsxt_core.annotation.strokes import Limits
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Geometry, Shape
from deepsxt_core.preprocessing import suggest_invert
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import Score, Volume

_CACHED_BYTES = 64 << 20


class SliceReader:
    """Reads boxes of a volume that reads whole slices; the last used slices are kept.

    Parameters
    ----------
    volume : Volume
    offset : (z, y, x)
        Where its first voxel lies in the annotation.
    """

    def __init__(self, volume: Volume, offset: Shape = (0, 0, 0)) -> None:
        self._volume = volume
        self.place = Box(*offset, *(a + n for a, n in zip(offset, volume.shape, strict=True)))
        self._slices: OrderedDict[int, NDArray] = OrderedDict()
        slice_bytes = volume.shape[1] * volume.shape[2] * volume.dtype.itemsize
        self._most = max(_CACHED_BYTES // slice_bytes, 1)

    @cached_property
    def is_bright(self) -> bool:
        """Whether membranes seem brighter than what lies around them."""
        return suggest_invert(self._volume)

    def read(self, box: Box) -> NDArray:
        """Return the values of a box, (z, y, x) of the volume's dtype, 0 beyond the volume."""
        found = np.zeros(box.shape, self._volume.dtype)
        inner = box.meet(self.place)
        if inner.is_empty:
            return found
        for z in range(inner.z0, inner.z1):
            layer = inner._replace(z0=z, z1=z + 1)
            rows, columns = layer.within(self.place)[1:]
            found[layer.within(box)] = self._slice(z - self.place.z0)[rows, columns]
        return found

    def is_inside(self, box: Box) -> NDArray[np.bool_]:
        """Return which voxels of a box lie in the volume, bool (z, y, x)."""
        inside = np.zeros(box.shape, bool)
        inner = box.meet(self.place)
        if not inner.is_empty:
            inside[inner.within(box)] = True
        return inside

    def _slice(self, z: int) -> NDArray:
        known = self._slices.pop(z, None)
        self._slices[z] = self._volume.read(z, z + 1)[0] if known is None else known
        while len(self._slices) > self._most:
            self._slices.popitem(last=False)
        return self._slices[z]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The state that an operation starts from.

    Attributes
    ----------
    labels : LabelStore
    table : ObjectTable
    geometry : Geometry
    tomogram, score : SliceReader or None
        None where they are not at hand.
    progress : Progress
        Of operations that take long.
    """

    labels: LabelStore
    table: ObjectTable
    geometry: Geometry
    tomogram: SliceReader | None = None
    score: SliceReader | None = None
    progress: Progress = field(default_factory=NoProgress)

    @property
    def whole(self) -> Box:
        """The box of all voxels."""
        return Box.whole(self.labels.shape)

    @cached_property
    def locked(self) -> NDArray[np.bool_]:
        """Which ids are locked, bool (65,536,)."""
        return self.table.locked()

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges (z, y, x) of a voxel, the shortest of which counts as 1."""
        edges = np.array(self.geometry.voxel_size_nm or (1.0, 1.0, 1.0))
        return edges / edges.min()

    def length(self, value: float, unit: str) -> float:
        """Return a length in the shortest edge of a voxel.

        Raises
        ------
        InvalidParameterError
            If it is in nm, and the voxel size is not known.
        """
        if unit == "voxel":
            return value
        size = self.geometry.voxel_size_nm
        if size is None:
            raise InvalidParameterError(
                "The voxel size is not known: give lengths in voxels, or set the voxel size."
            )
        return value / min(size)

    def margins(self, distance: float) -> Shape:
        """Return how many voxels along z, y, x a distance in shortest edges spans."""
        z, y, x = np.ceil(distance / self.edges).astype(int).tolist()
        return z, y, x

    def require_voxel(self, voxel: tuple[int, int, int]) -> None:
        """Raise if a voxel lies outside.

        Raises
        ------
        InvalidParameterError
            If it does.
        """
        if not self.whole.holds(voxel):
            raise InvalidParameterError(
                f"The voxel {voxel} (z, y, x) lies outside of the annotation, whose shape is "
                f"{self.labels.shape}."
            )

    def mask_box(self, ids: Iterable[int]) -> Box | None:
        """Return the smallest box that holds all voxels of some objects, None without any."""
        wanted = np.fromiter(ids, np.uint16)
        found = []
        for box in self.labels.boxes_of(wanted.tolist()):
            places = np.argwhere(np.isin(self.labels.read(box), wanted)) + box.first
            found.append(Box(*places.min(axis=0).tolist(), *(places.max(axis=0) + 1).tolist()))
        return Box.union(found)

    def score_of(self, box: Box) -> NDArray[np.float32]:
        """Return the score of a box, float32 (z, y, x), NaN where nothing was scored.

        Raises
        ------
        InvalidParameterError
            If there is no score.
        """
        if self.score is None:
            raise InvalidParameterError(
                "There is no score beside the annotation. Segment the tomogram first, or leave "
                "out what needs the score."
            )
        score = Score.decode(self.score.read(box))
        score[~self.score.is_inside(box)] = np.nan
        return score

    def may_change(self, box: Box, labels: NDArray[np.uint16], limits: Limits) -> NDArray[np.bool_]:
        """Return which voxels of a box are within the limits and not locked, bool (z, y, x).

        Raises
        ------
        InvalidParameterError
            If the limits are of a score or of grey values that are not at hand.
        """
        allowed = ~self.locked[labels]
        if limits.overwrite == "empty":
            allowed &= labels == 0
        elif limits.overwrite == "only":
            allowed &= np.isin(labels, np.array(limits.only, np.uint16))
        if limits.score is not None:
            score = self.score_of(box)
            allowed &= (score >= limits.score[0]) & (score <= limits.score[1])
        if limits.grey is not None:
            if self.tomogram is None:
                raise InvalidParameterError(
                    "The tomogram of the annotation cannot be found, so that its grey values "
                    "cannot limit anything. Open the annotation with its tomogram."
                )
            grey = self.tomogram.read(box)
            allowed &= (grey >= limits.grey[0]) & (grey <= limits.grey[1])
        return allowed
