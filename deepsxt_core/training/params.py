"""What a user can choose about training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.training.splits import SplitParams

CROP_STEP_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParams:
    """How a model is trained on labelled slices.

    Attributes
    ----------
    minutes : float or None
        Budget of time, None for none. It is for training: measuring comes on top, a fifth as much
        at most on the way, and once before and after. A run that went on after a break counts as
        one.
    steps : int or None
        Budget of batches, None for none. With steps alone, the same seed gives the same weights
        up to the rounding of the machine.
    batch_size : int
        Crops per batch.
    crop_px : int
        Side of a crop; rounded down to a multiple of 16 that the network divides by.
    learning_rate : float
        The highest; it rises over the first 3 % of the budget, 10 steps at least, and falls along a
        cosine to 0.
    positive_weight : float
        Weight of a membrane pixel in the loss, against 1 for the rest. Membranes are few: above 1
        they are found more readily.
    augmentation : float
        How much grey values are varied; 0 leaves turns, flips and crops alone.
    rehearsal : float
        Part of each labelled batch that is simulated, so that a few slices are not learnt by
        heart and what is known of membranes in general is kept.
    invert_chance : float
        How often a crop is shown with its grey values inverted. Above 0 only for a model that
        shall know bright membranes too: the polarity is otherwise settled before.
    validation_steps : int
        Batches between two measurements on what is held back. The model best there is kept if
        that is enough to choose by (`held_back.can_choose`), otherwise the last one.
    patience : int or None
        Measurements without a better one that end the training; None for never. Without effect
        where the last model is kept.
    seed : int
        Seeds fresh weights and batches.
    split : SplitParams
        What is held back.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or there is no budget.
    """

    minutes: float | None = 10.0
    steps: int | None = None
    batch_size: int = 4
    crop_px: int = 128
    learning_rate: float = 3e-4
    positive_weight: float = 2.0
    augmentation: float = 1.0
    rehearsal: float = 0.5
    invert_chance: float = 0.0
    validation_steps: int = 25
    patience: int | None = None
    seed: int = 0
    split: SplitParams = field(default_factory=SplitParams)

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise InvalidParameterError("Training needs a budget: give minutes or steps.")
        for name in ("minutes", "steps", "learning_rate", "positive_weight", "patience"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InvalidParameterError(f"{name} must be above 0: got {value}.")
        for name, least in (("batch_size", 1), ("validation_steps", 1), ("crop_px", 16)):
            if getattr(self, name) < least:
                raise InvalidParameterError(
                    f"{name} must be at least {least}: got {getattr(self, name)}."
                )
        for name, most in (("augmentation", 3.0), ("rehearsal", 1.0), ("invert_chance", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise InvalidParameterError(
                    f"{name} must be between 0 and {most:g}: got {getattr(self, name)}."
                )
        if self.seed < 0:
            raise InvalidParameterError(f"seed must be at least 0: got {self.seed}.")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the parameters in a parsed JSON object; what is left out has its default.

        Raises
        ------
        InvalidParameterError
            If a value is out of its range, or a name is not known.
        """
        values = dict(content)
        try:
            if "split" in values:
                values["split"] = SplitParams(**values["split"])
            return cls(**values)
        except TypeError as error:
            raise InvalidParameterError(
                f"A parameter of the training is not known: {error}."
            ) from error

    def sampling(self) -> dict[str, Any]:
        """Return what `Samples` needs to know."""
        return {
            "batch_size": self.batch_size,
            "crop_px": self.crop_px,
            "positive_weight": self.positive_weight,
            "augmentation": self.augmentation,
            "invert_chance": self.invert_chance,
            "seed": 2 * self.seed,
        }
