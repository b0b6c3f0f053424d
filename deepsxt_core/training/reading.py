"""What a user can choose about how training data are read."""

from dataclasses import dataclass

from deepsxt_core.parameters import checked
from deepsxt_core.preprocessing.validity import VoidRule


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParams:
    """How images and labels are understood.

    Attributes
    ----------
    ignore_label : int or None
        Label of pixels that nobody has judged. Left out, it is 128, in files whose other labels
        are 0, 1 and 255 at most; elsewhere 128 may be a numbered object.
    invert : bool or None
        Whether membranes are brighter than their surroundings. Left out, it is decided per file,
        by the grey values under the labels where there are some.
    void : bool
        Whether regions where nothing was measured (of one value, at the border or in blocks) are
        found and teach nothing; without it, all pixels are data.
    void_value : float or None
        The grey value of what was not measured, wherever it lies. Left out, it is found.

    Raises
    ------
    InvalidParameterError
        If a value is of another type.
    """

    ignore_label: int | None = None
    invert: bool | None = None
    void: bool = True
    void_value: float | None = None

    def __post_init__(self) -> None:
        checked(self)

    @property
    def void_rule(self) -> VoidRule:
        """Which pixels count."""
        return VoidRule(self.void, self.void_value)
