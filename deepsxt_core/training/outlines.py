"""Labels of bodies made labels of membranes: the outlines of nucleus, mitochondria and cell."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.training.label_values import DEFAULT_IGNORE_LABEL
from deepsxt_core.volume import Volume


def outlined(
    classes: Volume, values: tuple[int, ...], not_judged: int | None, width_px: float
) -> Volume:
    """Return membranes where classes meet in a slice, computed as it is read.

    Parameters
    ----------
    classes : Volume
        Of whole numbers.
    values : tuple of int
        That may occur in it.
    not_judged : int or None
        The class in which there are membranes that nobody has marked: 128 there, beside the
        outlines.
    width_px : float
        Of a membrane.

    Returns
    -------
    Volume
        uint8: 1 on outlines, 0 elsewhere, 128 where nobody has judged.

    Raises
    ------
    TrainingDataError
        While it is read, if there is another value.
    """
    read = partial(_outlines, classes, values, not_judged, width_px)
    plain = Volume(
        classes.shape, np.dtype(np.uint8), None, read, classes.path, "outlines of classes"
    )
    return plain.with_geometry(classes.geometry)


def _outlines(
    classes: Volume,
    values: tuple[int, ...],
    not_judged: int | None,
    width_px: float,
    z0: int,
    z1: int,
) -> NDArray[np.uint8]:
    found = classes.read(z0, z1)
    others = sorted(set(np.unique(found).tolist()) - set(values))
    if others:
        name = classes.path.name if classes.path else "a label file"
        raise TrainingDataError(
            f"'{name}' holds the label {others[0]:g}; those of this data set are "
            f"{', '.join(map(str, values))}."
        )
    return np.stack([_outline(plane, not_judged, width_px) for plane in found])


def _outline(plane: NDArray, not_judged: int | None, width_px: float) -> NDArray[np.uint8]:
    """Return the outlines of one slice (y, x): pixels within half a width of where classes meet."""
    labels = np.zeros(plane.shape, np.uint8)
    if not_judged is not None:
        labels[plane == not_judged] = DEFAULT_IGNORE_LABEL
    # On a grid twice as fine the border between two pixels is a place of its own.
    border = np.zeros((2 * plane.shape[0] - 1, 2 * plane.shape[1] - 1), bool)
    border[1::2, ::2] = plane[1:] != plane[:-1]
    border[::2, 1::2] = plane[:, 1:] != plane[:, :-1]
    if border.any():
        labels[ndimage.distance_transform_edt(~border)[::2, ::2] <= width_px] = 1
    return labels
