"""The table of an annotation: which objects there are, of which class, in which state."""

import colorsys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.checks import (
    MOST_IDS,
    check_fields,
    colour,
    flag,
    from_fields,
    given,
    interval,
    maybe,
    object_id,
    one_of,
    text,
)
from deepsxt_core.annotation.review_plan import Review
from deepsxt_core.errors import InvalidParameterError

NOT_JUDGED = "not judged"
MEMBRANE = "membrane"
ORGANELLE = "organelle"
CLICKED, PROPOSED = "grown from a click", "proposed"
"""How the origin of an object begins whose unseen caps the program has closed."""

STATES = ("machine-made", "reviewed", "corrected", "doubtful")

REVIEW_KEY = ("review",)
"""What the plan of a review is called among the changes of a table."""

_FIRST_CLASSES = {NOT_JUDGED: "#9e9e9e", MEMBRANE: "#4e79a7"}
_MOST_VOXELS = 2**63
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow:
    """What is known about one object.

    Attributes
    ----------
    id : int
        1 to 65,535: its value in the labels.
    class_name, name, colour : str
    origin : str
        What it was made from, in words.
    state : str
        One of `STATES`.
    locked : bool
        Whether its voxels are kept from all changes.
    true_voxels : (low, high) or None
        If the program has grown it: between what its true number of voxels lies in 95 of 100
        cases, as the program knew it before anything was painted.
    """

    id: int = given(object_id)
    class_name: str = given(text, NOT_JUDGED)
    name: str = given(text)
    colour: str = given(colour)
    origin: str = given(text, "drawn")
    state: str = given(one_of(*STATES), "machine-made")
    locked: bool = given(flag, False)
    true_voxels: tuple[float, float] | None = given(maybe(interval(0, _MOST_VOXELS)), None)

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def is_capped(self) -> bool:
        """Whether the program has closed it where its membrane is not seen."""
        return self.origin.startswith((CLICKED, PROPOSED))


@dataclass(frozen=True, slots=True)
class TableChange:
    """One row of the table before and after; None where there is none.

    Attributes
    ----------
    key : int, str or tuple
        The id of an object, the name of a class, `REVIEW_KEY`, or what was judged: kind and
        number.
    old, new : dict, str, tuple or None
        Fields of an `ObjectRow`, a colour, a `Review` as JSON, or a verdict and its queue.
    """

    key: int | str | tuple
    old: Any
    new: Any

    def backwards(self) -> "TableChange":
        """Return the change that takes this one back."""
        return TableChange(self.key, self.new, self.old)


class ObjectTable(Mapping[int, ObjectRow]):
    """The objects by id, in the order of ids.

    Parameters
    ----------
    classes : mapping of str to str, optional
        Colours by name.
    rows : iterable of ObjectRow
    review : Review, optional
    """

    def __init__(
        self,
        classes: Mapping[str, str] | None = None,
        rows: Iterable[ObjectRow] = (),
        review: Review | None = None,
    ) -> None:
        self.review = review
        self._classes = dict(_FIRST_CLASSES if classes is None else classes)
        self._rows = {row.id: row for row in rows}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned.

        Raises
        ------
        InvalidParameterError
            If it is something else.
        """
        classes, rows = content.get("classes"), content.get("objects")
        if not isinstance(classes, dict) or not isinstance(rows, list):
            raise InvalidParameterError("The table of objects holds no classes, or no objects.")
        colours = {text("class", name): colour(name, shade) for name, shade in classes.items()}
        review = content.get("review")
        return cls(
            colours,
            (from_fields(ObjectRow, "object", row) for row in rows),
            None if review is None else Review.from_json(review),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the table as an object of JSON."""
        found = {"classes": self.classes, "objects": [asdict(row) for row in self.values()]}
        return found if self.review is None else {**found, "review": self.review.to_json()}

    def __getitem__(self, key: int) -> ObjectRow:
        return self._rows[key]

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def classes(self) -> dict[str, str]:
        """The colours of the classes by name, as a copy."""
        return dict(self._classes)

    def free_ids(self, count: int) -> list[int]:
        """Return ids that no object has: those after the highest, then gaps.

        Raises
        ------
        InvalidParameterError
            If there are not as many.
        """
        highest = max(self._rows, default=0)
        order = (*range(highest + 1, MOST_IDS + 1), *range(1, highest + 1))
        found = [number for number in order if number not in self._rows][:count]
        if len(found) < count:
            raise InvalidParameterError(
                f"An annotation holds at most {MOST_IDS:,} objects: there are {len(self):,}, and "
                f"{count:,} more do not fit. Leave out small ones, or delete some."
            )
        return found

    def locked(self) -> NDArray[np.bool_]:
        """Return which ids are locked, bool (65,536,)."""
        ids = [row.id for row in self._rows.values() if row.locked]
        found = np.zeros(MOST_IDS + 1, bool)
        found[ids] = True
        return found

    def require(self, ids: Iterable[int], *, unlocked: bool = True) -> list[ObjectRow]:
        """Return the rows of these ids.

        Raises
        ------
        InvalidParameterError
            If there is no such object, or, with `unlocked`, one of them is locked.
        """
        rows = []
        for number in ids:
            row = self._rows.get(number)
            if row is None:
                raise InvalidParameterError(f"There is no object {number} in the annotation.")
            if unlocked and row.locked:
                raise InvalidParameterError(
                    f"Object {number} ('{row.name}') is locked. Unlock it first."
                )
            rows.append(row)
        return rows

    def require_class(self, name: str) -> None:
        """Raise if there is no class of that name.

        Raises
        ------
        InvalidParameterError
            If there is none.
        """
        if name not in self._classes:
            raise InvalidParameterError(
                f"There is no class '{name}'. There are {', '.join(self._classes)}; add it first."
            )

    def change(self, changes: Iterable[TableChange]) -> None:
        """Bring rows, classes and review to their new state, whatever they were before."""
        for one in changes:
            if one.key == REVIEW_KEY:
                self.review = None if one.new is None else Review.from_json(one.new)
                continue
            if isinstance(one.key, tuple):
                if self.review is not None:
                    self.review.put(one.key, one.new)
                continue
            held: dict[Any, Any] = self._rows if isinstance(one.key, int) else self._classes
            if one.new is None:
                held.pop(one.key, None)
            elif isinstance(one.key, int):
                held[one.key] = from_fields(ObjectRow, "object", one.new)
            else:
                held[one.key] = one.new


def row_change(old: ObjectRow | None, new: ObjectRow | None) -> TableChange:
    """Return the change from one row to another, either of which may be None."""
    (key, *_) = (row.id for row in (old, new) if row is not None)
    return TableChange(
        key,
        None if old is None else asdict(old),
        None if new is None else asdict(new),
    )


def shade_of(number: int) -> str:
    """Return a colour that differs well from those of the ids before and after it."""
    # Steps of the golden section spread hues evenly, however many there are.
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.6, 0.9)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
