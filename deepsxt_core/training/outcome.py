"""What came out of training, and the card that tells it beside the model."""

from dataclasses import asdict, dataclass
from typing import Any

from deepsxt_core.network import (
    ModelInfo,
)
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.held_back import TOLERANCE_PX
from deepsxt_core.training.left_out import LeftOut, sentences, word
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.splits import Split

_SCORE_NAMES = {
    "f1": "F1",
    "tolerant_f1": f"F1 within {TOLERANCE_PX:g} px",
    "precision": "precision",
    "recall": "recall",
    "iou": "IoU",
    "accuracy": "accuracy",
}


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out of training.

    Attributes
    ----------
    info : ModelInfo
        The new model.
    base : str
        Name of the model that it is compared with.
    scores, base_scores : dict
        Of the new model and of the base, on the same data held back.
    steps, best_step : int
        Batches learnt from, and after which of them the model was kept.
    chosen : bool
        Whether that step was best on the data held back; otherwise it was the last, because too
        little is held back to choose by.
    seconds : float
        Time spent.
    continued_from : int
        Step that a broken run went on from, 0 if it ran through.
    rule : str
        How data was held back.
    regions : tuple of LeftOut
        Those that were left out in turn, where the scores come from them; this model has then
        learnt from all of them.
    """

    info: ModelInfo
    base: str
    scores: dict[str, float]
    base_scores: dict[str, float]
    steps: int
    best_step: int
    chosen: bool
    seconds: float
    continued_from: int
    rule: str
    regions: tuple[LeftOut, ...] = ()

    @property
    def is_better(self) -> bool:
        """Whether its F1 on the data held back is above that of the base, to three digits."""
        return word(self.scores["f1"], self.base_scores["f1"]) == "better"

    @property
    def verdict(self) -> str:
        """Say in one sentence whether the model is better than the base."""
        new, old = self.scores["f1"], self.base_scores["f1"]
        found = f"F1 {new:.3f} against {old:.3f} of {self.base!r} on the data held back"
        if self.regions:
            told = [word(one.scores["f1"], one.base_scores["f1"]) for one in self.regions]
            found = (
                f"F1 {new:.3f} against {old:.3f} of {self.base!r} on {len(told)} regions, each "
                f"left out in turn ({told.count('better')} better, {told.count('worse')} worse)"
            )
        if word(new, old) == "better":
            return f"Better than its base: {found}."
        if word(new, old) == "worse":
            return f"Worse than its base, prefer {self.base!r}: {found}."
        return f"No better than its base, prefer {self.base!r}: {found}."

    @property
    def choice(self) -> str:
        """Say which step was kept, and why."""
        if self.chosen:
            return f"kept after step {self.best_step}, the best on the data held back"
        why = "nothing is held back" if self.regions else "too little is held back to choose by"
        return f"kept after step {self.best_step}, the last: {why}"

    def to_json(self) -> dict[str, Any]:
        """Return what is worth keeping beside the model."""
        content = asdict(self)
        del content["info"]
        return content | {
            "choice": self.choice,
            "name": self.info.name,
            "better": self.is_better,
            "verdict": self.verdict,
        }


def card(
    result: TrainingResult, data: TrainingSet, parts: Split, params: TrainingParams, story: str
) -> str:
    """Return the card (Markdown) of a model; `story` says what it was trained from."""
    counts = data.counts()
    named = {key: key.replace("f1", "F1", 1) for key in result.scores if key.startswith("f1 ")}
    table = "\n".join(
        f"| {label} | {result.scores[name]:.3f} | {result.base_scores[name]:.3f} |"
        for name, label in (_SCORE_NAMES | named).items()
    )
    marks = ", ".join(data.classes)
    what = data.classes[0] if len(data.classes) == 1 else "marked"
    means = (
        "Means over the classes, each of which counts the same; a class that a model does not\n"
        "know counts as never marked.\n\n"
    ) * bool(named)
    names = ", ".join(source.name for source in data.sources if source.labelled)
    caution = (
        "It also chose the step that was kept, so\nthese numbers are a little too good; measure on "
        "data that the training never saw."
        if result.chosen
        else "Each region was measured by a model that was\ntaught for a part of the time without "
        "it; this one learnt from all of them. Few regions prove little."
        if result.regions
        else "It is small, so these numbers are\nuncertain; measure on more data that the training "
        "never saw."
    )
    measured_on = parts.rule if result.regions else f"{len(parts.validation)} blocks: {parts.rule}"
    regions = "".join(f"\n- {sentence}" for sentence in sentences(result.regions))
    return f"""# {result.info.name}

{story} on own labels. {result.verdict}

| | |
|---|---|
| Trained on | {len(parts.training)} blocks of labelled slices, {len(parts.unlabelled)} unlabelled slices |
| Labelled files | {names} |
| Classes | {marks} |
| Labels | {counts["labelled_slices"]} slices, {counts["membrane_px"]:,} {what} pixels |
| Measured on | {measured_on} |
| Membranes | dark |
| Training | {result.steps} steps in {result.seconds / 60:.1f} minutes, {result.choice}; seed {params.seed} |
| Licence | that of the data and of the base model |

At threshold 0, one orientation, on the data held back. {caution}

{means}| | {result.info.name} | {result.base} |
|---|---|---|
{table}
{regions}"""  # noqa: E501
