"""Whether a volume shows grey values or says which object a voxel belongs to."""

import numpy as np

from deepsxt_core.errors import VolumeError
from deepsxt_core.volume import Volume

_LOOKED_AT = 5
_MOST_LABELS_PER_SLICE = 256
_FEW_LABELS = 16
# Two voxels side by side are of the same object nearly everywhere; noise makes grey values differ.
_LEAST_SAME = 0.9


def looks_like_labels(volume: Volume) -> bool:
    """Return whether slices through the volume hold few integers in large flat regions.

    Up to five slices are read. A volume that is constant in all of them is no label volume.
    """
    return bool(seen_labels(volume))


def seen_labels(volume: Volume) -> set[float]:
    """Return the values in the slices that `looks_like_labels` reads; none where they do not."""
    if volume.dtype.kind == "b":
        return {0, 1}
    depth = volume.shape[0]
    seen: set[float] = set()
    for z in sorted({round(z) for z in np.linspace(0, depth - 1, _LOOKED_AT)}):
        image = volume.read(z, z + 1)[0]
        if image.dtype.kind == "f" and not np.array_equal(image, np.rint(image)):
            return set()
        values = np.unique(image)
        same = [np.mean(np.diff(image, axis=axis) == 0) for axis in (0, 1) if image.shape[axis] > 1]
        if values.size > _MOST_LABELS_PER_SLICE or any(part < _LEAST_SAME for part in same):
            return set()
        seen.update(values.tolist())
    return seen if len(seen) > 1 else set()


def require_labels(volume: Volume) -> None:
    """Refuse a volume of grey values; few integers are labels, however they are spread.

    Raises
    ------
    VolumeError
        If it does not look like labels.
    """
    if looks_like_labels(volume):
        return
    middle = np.unique(volume.read(volume.shape[0] // 2, volume.shape[0] // 2 + 1))
    if middle.size > _FEW_LABELS or not np.array_equal(middle, np.rint(middle)):
        name = f"'{volume.path.name}'" if volume.path else "This volume"
        raise VolumeError(
            f"{name} holds grey values, no labels: {middle.size} different values in one slice. "
            "Give a mask (0 and 1), labels (0 outside), or a score as the folder score.ome.zarr."
        )
