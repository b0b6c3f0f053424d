"""What a user can choose about how training data are read."""

from dataclasses import dataclass

from deepsxt_core.parameters import checked
from deepsxt_core.preprocessing.validity import VoidRule
from deepsxt_core.training.class_table import ClassTable


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
    classes : str or None
        What the values of the labels mean, such as ``"1=membrane,2=nucleus,3=nucleus"``; a value
        may mean several classes (``4=membrane+droplet``), none (``5=none``) or that nobody has
        judged (``6=ignored``). The model then scores each class. Of annotations, the objects of
        these classes are taken, by their names. Left out, what is above 0 is membrane.

    Raises
    ------
    InvalidParameterError
        If a value is of another type, or the classes are no such table.
    """

    ignore_label: int | None = None
    invert: bool | None = None
    void: bool = True
    void_value: float | None = None
    classes: str | None = None

    def __post_init__(self) -> None:
        checked(self)
        if self.classes is not None:
            ClassTable.parse(self.classes)

    @property
    def table(self) -> ClassTable | None:
        """What the values of the labels mean; None where what is above 0 is membrane."""
        return None if self.classes is None else ClassTable.parse(self.classes)

    @property
    def void_rule(self) -> VoidRule:
        """Which pixels count."""
        return VoidRule(self.void, self.void_value)
