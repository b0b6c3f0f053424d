"""What a user can choose about training."""

import math
from dataclasses import dataclass, field

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.training.splits import SplitParams


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParams:
    """How a model is trained on labelled slices.

    Attributes
    ----------
    minutes : float or None
        Budget of time, None for none. A run that went on after a break counts as one.
    steps : int or None
        Budget of batches, None for none. With steps alone, the same seed gives the same weights
        up to the rounding of the machine.
    batch_size : int
        Crops per batch.
    crop_px : int
        Side of a crop; rounded down to what the network divides by.
    learning_rate : float
        The highest; it rises over the first 3 % of the budget and falls along a cosine to 0.
    positive_weight : float
        Weight of a membrane pixel in the loss, against 1 for the rest. Membranes are few: above 1
        they are found more readily.
    validation_steps : int
        Batches between two measurements on what is held back; the model best there is kept.
    patience : int or None
        Measurements without a better one that end the training; None for never.
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
    crop_px: int = 192
    learning_rate: float = 3e-4
    positive_weight: float = 2.0
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
        if self.seed < 0:
            raise InvalidParameterError(f"seed must be at least 0: got {self.seed}.")
