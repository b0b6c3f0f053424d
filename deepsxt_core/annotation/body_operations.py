"""Operations that find whole bodies: around a click, or everywhere."""

from dataclasses import dataclass
from typing import ClassVar

from deepsxt_core.annotation.checks import (
    Checked,
    given,
    maybe,
    object_id,
    real,
    several,
    text,
    voxel,
)

MOST_CLICKS = 100
LEAST_CONFIDENCE = 0.7
"""Of proposals: on phantoms, most of those that are less sure are no organelles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Click(Checked):
    """Give to an object the whole body around a voxel, its membrane included.

    It takes what is empty or of the class *membrane*. What the object had before and the body has
    not, it loses: a click that is repeated with more voxels mends it.

    Attributes
    ----------
    inside : tuple of (z, y, x)
        Voxels of the body; it is grown from the first.
    outside : tuple of (z, y, x)
        Voxels that are not of the body.
    class_name : str, optional
        Of the object, if it is new; added to the classes if there is none. None is *organelle*.
    """

    kind: ClassVar[str] = "click"
    object: int = given(object_id)
    inside: tuple[tuple[int, int, int], ...] = given(several(voxel, 1, MOST_CLICKS))
    outside: tuple[tuple[int, int, int], ...] = given(several(voxel, 0, MOST_CLICKS), ())
    class_name: str | None = given(maybe(text), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose(Checked):
    """Add every body that is found, as machine-made objects; what has an id stays as it is.

    Attributes
    ----------
    least_confidence : float
        Bodies that are less sure are left out.
    class_name : str, optional
        Of the new objects; added to the classes if there is none. None is *organelle*.
    """

    kind: ClassVar[str] = "propose"
    least_confidence: float = given(real(0, 1), LEAST_CONFIDENCE)
    class_name: str | None = given(maybe(text), None)
