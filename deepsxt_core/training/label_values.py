"""What the values of a label file mean: membrane, none, or nobody knows."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.training.class_table import IGNORED, ClassTable, marked
from deepsxt_core.volume import Volume

DEFAULT_IGNORE_LABEL = 128
PLAIN_LABELS = {0, 1, DEFAULT_IGNORE_LABEL, 255}


def values_of(labels: Volume, name: str) -> set[int]:
    """Return the values of a label file; more than a plain file has end the search.

    Raises
    ------
    TrainingDataError
        If they are no whole numbers.
    """
    found: set[int] = set()
    for z in range(labels.shape[0]):
        found |= set(_whole_numbers(labels.read(z, z + 1), name))
        if not found <= PLAIN_LABELS:
            break
    return found


def _whole_numbers(values: NDArray, name: str) -> Iterable[int]:
    unique = np.unique(values)
    if not np.isfinite(unique).all() or (unique != np.round(unique)).any():
        wrong = next(v for v in unique if not np.isfinite(v) or v != np.round(v))
        raise TrainingDataError(
            f"'{name}' holds {wrong:g}, but labels are whole numbers: 0 outside, above 0 on "
            "membranes"
        )
    return (int(value) for value in unique)


def labelled_slices(
    labels: Volume, ignore_label: int | None, name: str, table: ClassTable | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the slices of a label file that are labelled, and the marked pixels in each.

    Raises
    ------
    TrainingDataError
        If it holds values that cannot be labels or are not in the table, or marks every pixel
        that is judged although there is no table.
    """
    depth = labels.shape[0]
    found, outside = {}, False
    for z in range(depth):
        plane = labels.read(z, z + 1)[0]
        for value in _whole_numbers(plane, name):
            if table is not None and value not in table.values and value != ignore_label:
                raise TrainingDataError(
                    f"'{name}' holds the label {value}, which the table of classes does not name: "
                    f"add {value}=NAME, {value}=none or {value}=ignored"
                )
            if table is None and value < 0 and value != ignore_label:
                raise TrainingDataError(
                    f"'{name}' holds the label {value}; labels are 0 or above, or the ignore label"
                )
        decoded = decode(plane, ignore_label, table)
        membrane_px = int(np.count_nonzero(marked(decoded)))
        outside |= bool((decoded == 0).any())
        if membrane_px or (depth == 1 and (decoded == 0).any()):
            found[z] = membrane_px
    if found and not outside and table is None:
        raise TrainingDataError(
            f"'{name}' marks every pixel that is judged as membrane, none is 0: labels that are "
            "counted from 1, as those of ilastik, need 0 where there is none"
        )
    return tuple(found), tuple(found.values())


def decode(
    labels: NDArray, ignore_label: int | None, table: ClassTable | None = None
) -> NDArray[np.uint8]:
    """Return labels as 0, bit `n` in class `n`, or `IGNORED`; uint8 of the same shape.

    Without a table, what is above 0 is membrane, the one class.
    """
    decoded = (labels > 0).astype(np.uint8) if table is None else table.decode(labels)
    if ignore_label is not None:
        decoded[labels == ignore_label] = IGNORED
    return decoded
