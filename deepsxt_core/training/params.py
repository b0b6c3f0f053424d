"""What a user can choose about training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.parameters import Limits, checked, parsed
from deepsxt_core.training.splits import SplitParams

CROP_STEP_PX = 16
_NEVER = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParams:
    """How a model is trained on labelled slices.

    Attributes
    ----------
    minutes : float or None
        Budget of time; left out, there is none. Ten minutes already help; more labels help more
        than more time. It is for training: measuring comes on top, a fifth as much at most on the
        way, and once before and after. A run that went on after a break counts as one.
    steps : int or None
        Budget of batches; left out, there is none. With steps alone, the same seed gives the same
        weights up to the rounding of the machine.
    batch_size : int
        Crops per batch.
    crop_px : int
        Side of a crop; rounded down to a multiple of 16 that the network divides by. Larger crops
        show more surroundings and take more time and memory.
    learning_rate : float
        The highest; it rises over the first 3 % of the budget, 10 steps at least, and falls along a
        cosine to 0.
    positive_weight : float
        Weight of a membrane pixel in the loss, against 1 for the rest. Membranes are few: above 1
        they are found more readily, and more is marked that is none.
    augmentation : float
        How much contrast, gamma, noise, blur and background are varied; 0 leaves turns, flips and
        crops alone.
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
        Measurements without a better one that end the training; left out, none do. Without
        effect where the last model is kept.
    regions : int
        Where too little is held back to choose by, fine-tuning leaves so many regions out in turn
        to tell whether it helps, for as much time again, and then learns from all; 1 leaves none
        out.
    seed : int
        Seeds fresh weights and batches.
    split : SplitParams
        What is held back.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or there is no budget.
    """

    minutes: Annotated[float | None, Limits(above=0, unit="minutes")] = 10.0
    steps: Annotated[int | None, Limits(least=1, unit="batches")] = None
    batch_size: Annotated[int, Limits(least=1, unit="crops")] = 4
    crop_px: Annotated[int, Limits(least=16, unit="px")] = 128
    learning_rate: Annotated[float, Limits(above=0)] = 3e-4
    positive_weight: Annotated[float, Limits(above=0)] = 2.0
    augmentation: Annotated[float, Limits(least=0, most=3)] = 1.0
    rehearsal: Annotated[float, Limits(least=0, most=1)] = 0.5
    invert_chance: Annotated[float, Limits(least=0, most=1)] = 0.0
    validation_steps: Annotated[int, Limits(least=1, unit="batches")] = 25
    patience: Annotated[int | None, Limits(least=1, unit="measurements")] = None
    regions: Annotated[int, Limits(least=1, most=16, unit="regions")] = 4
    seed: Annotated[int, Limits(least=0, most=2**31 - 1)] = 0
    split: SplitParams = field(default_factory=SplitParams)

    def __post_init__(self) -> None:
        checked(self)
        if self.minutes is None and self.steps is None:
            raise InvalidParameterError("Training needs a budget: give minutes or steps.")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the parameters in a parsed JSON object; what is left out has its default.

        Raises
        ------
        InvalidParameterError
            If a value is out of its range, or a name is not known.
        """
        return parsed(cls, content, "The training")

    def within(self, share: float) -> Self:
        """Return the parameters for a part of the budget, measured at its end alone."""
        return replace(
            self,
            minutes=None if self.minutes is None else self.minutes * share,
            steps=None if self.steps is None else math.ceil(self.steps * share),
            validation_steps=_NEVER,
        )

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
