"""Whether a volume shows grey values, says which object a voxel belongs to, or how likely."""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError, VolumeError
from deepsxt_core.volume import Mask, Score, Volume

_LOOKED_AT = 5
_LOOKED_AT_FOR_SHARES = 33
_FEW_LABELS = 16
_MOST_LABELS_PER_SLICE = 1 << 16
# Two voxels side by side are of the same object nearly everywhere; noise makes grey values differ.
_LEAST_SAME = 0.9
# Of many labels, those side by side where there is any: a void around grey values is flat too.
_LEAST_SAME_INSIDE = 0.7
# Networks are sure of most voxels, and what they give overshoots a little when it is resampled.
_SURE = 0.2
_LEAST_SURE = 0.6
_OVERSHOOT = 0.1
_OUTLIERS = 0.001
_SLAB_VOXELS = 1 << 24
# What IMOD writes for 0 where bytes are signed.
_SIGNED_ZERO = -128


def looks_like_labels(volume: Volume) -> bool:
    """Return whether slices through the volume hold few integers in large flat regions.

    Up to five slices are read. A volume that is constant in all of them is no label volume.
    """
    return bool(seen_labels(volume))


def seen_labels(volume: Volume) -> set[float]:
    """Return the values in the slices that `looks_like_labels` reads; none where they do not."""
    if volume.dtype.kind == "b":
        return {0, 1}
    seen: set[float] = set()
    for image in _images(volume, _LOOKED_AT):
        if image.dtype.kind == "f" and not np.array_equal(image, np.rint(image)):
            return set()
        values, counts = np.unique(image, return_counts=True)
        if not _is_flat(image, values, values[counts.argmax()]):
            return set()
        seen.update(values.tolist())
    return seen if len(seen) > 1 else set()


def looks_like_shares(volume: Volume) -> bool:
    """Return whether it holds probabilities, or scores from -1 to 1, of a network.

    Numbers with a fraction, from 0 to 1 or from -1 to 1, and most of them close to an end.
    """
    if volume.dtype.kind != "f":
        return False
    images = [image[np.isfinite(image)] for image in _images(volume, _LOOKED_AT_FOR_SHARES)]
    values = np.concatenate([image.astype(np.float32) for image in images])
    if not values.size or np.array_equal(values, np.rint(values)):
        return False
    if np.abs(values).max() > 1 + 5 * _OVERSHOOT:
        return False
    least, greatest = np.quantile(values, (_OUTLIERS, 1 - _OUTLIERS)).tolist()
    if least < -1 - _OVERSHOOT or greatest > 1 + _OVERSHOOT or values.max() < 0.5:
        return False
    from_end = np.abs(values - np.rint(values))
    if least < -0.5:
        # Near -1 or 1; close to 0 a score says nothing.
        from_end = 1 - np.abs(values)
    elif least < -_OVERSHOOT or least > _SURE:
        return False
    return bool(np.mean(from_end <= _SURE) >= _LEAST_SURE)


def require_labels(volume: Volume) -> None:
    """Refuse a volume of grey values; few integers are labels, however they are spread.

    Raises
    ------
    VolumeError
        If it does not look like labels.
    """
    if looks_like_labels(volume):
        return
    values = [np.unique(image) for image in _images(volume, _LOOKED_AT)]
    most = max(values, key=len)
    if most.size > _FEW_LABELS or not np.array_equal(most, np.rint(most)):
        raise VolumeError(
            f"{_name(volume)} holds grey values, no labels: {most.size} different values in one "
            "slice. Give a mask (0 and 1), labels (0 outside), probabilities from 0 to 1 with a "
            "threshold, or a score as the folder score.ome.zarr; to make one of a tomogram, "
            "segment it first ('deepsxt segment')."
        )


def mask_of(volume: Volume) -> Mask:
    """Return the mask or the labels that a file holds.

    Bytes that were written as signed ones, so that -128 stands for 0, count from 0 again. Other
    values below 0 mean that a voxel was not judged.

    Raises
    ------
    VolumeError
        If it holds grey values, or nothing but 0 and values below it.
    """
    require_labels(volume)
    if volume.dtype.kind not in "if" or any((i > 0).any() for i in _images(volume, _LOOKED_AT)):
        return Mask(volume)
    least, greatest = _range(volume)
    if least == _SIGNED_ZERO and greatest < 0:
        read = partial(_from_zero, volume)
        return Mask(replace(volume, dtype=np.dtype(np.uint8), reader=read))
    if least < 0 and greatest <= 0:
        raise VolumeError(
            f"{_name(volume)} holds {least:g} and nothing above 0, and values below 0 mean 'not "
            "judged': nothing is marked. If they are the mask (255 written as a signed byte is "
            "-1), save it as unsigned bytes, or as 0 and 1."
        )
    return Mask(volume)


def segmentation_of(volume: Volume, threshold: float) -> Score | Mask:
    """Return what surfaces can be made of: labels, or probabilities as a score.

    A probability is compared with the threshold as it is, as is a score from -1 to 1.

    Parameters
    ----------
    volume : Volume
    threshold : float
        Where a score will be cut.

    Raises
    ------
    VolumeError
        If it holds grey values.
    InvalidParameterError
        If it holds probabilities, and the threshold would take them all.
    """
    if not looks_like_shares(volume):
        return mask_of(volume)
    if threshold <= 0 and _range(volume)[0] > -0.5:
        raise InvalidParameterError(
            f"{_name(volume)} holds probabilities from 0 to 1, and a threshold of {threshold:g} "
            "takes all of it. Give a threshold above 0, for example 0.5."
        )
    read = partial(_codes, volume)
    return Score(replace(volume, dtype=np.dtype(np.uint8), reader=read))


def _images(volume: Volume, n: int) -> list[NDArray]:
    """Return up to `n` slices (y, x), evenly spread from the first to the last."""
    places = sorted({round(z) for z in np.linspace(0, volume.shape[0] - 1, n)})
    return [volume.read(z, z + 1)[0] for z in places]


def _is_flat(image: NDArray, values: NDArray, background: float) -> bool:
    """Return whether neighbours are alike, as those in objects are."""
    if values.size > _MOST_LABELS_PER_SLICE:
        return False
    for axis in (0, 1):
        if image.shape[axis] < 2:
            continue
        ahead, behind = np.moveaxis(image, axis, 0)[1:], np.moveaxis(image, axis, 0)[:-1]
        same, least = ahead == behind, _LEAST_SAME
        if values.size > _FEW_LABELS:
            inside = (ahead != background) | (behind != background)
            same, least = same[inside], _LEAST_SAME_INSIDE
        if same.size and np.mean(same) < least:
            return False
    return True


def _range(volume: Volume) -> tuple[float, float]:
    """Return the least and the greatest value, NaN left aside."""
    depth = max(1, _SLAB_VOXELS // (volume.shape[1] * volume.shape[2]))
    least, greatest = np.inf, -np.inf
    for part in volume.slabs(depth):
        slab = volume.read(*part)
        least = min(least, float(np.fmin.reduce(slab, axis=None)))
        greatest = max(greatest, float(np.fmax.reduce(slab, axis=None)))
    return least, greatest


def _from_zero(volume: Volume, z0: int, z1: int) -> NDArray[np.uint8]:
    return (volume.read(z0, z1).astype(np.int16) - _SIGNED_ZERO).astype(np.uint8)


def _codes(volume: Volume, z0: int, z1: int) -> NDArray[np.uint8]:
    values = volume.read(z0, z1).astype(np.float32)
    return Score.encode(np.nan_to_num(values, nan=-1.0, posinf=1.0, neginf=-1.0))


def _name(volume: Volume) -> str:
    return f"'{volume.path.name}'" if volume.path else "This volume"
