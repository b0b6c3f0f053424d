"""What was made of a tomogram, in the order in which it was made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from deepsxt_core.workspace.annotations import annotations
from deepsxt_core.workspace.maker import maker_of
from deepsxt_core.workspace.results import Result, ResultKind
from deepsxt_core.workspace.tomogram import Tomogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A result or an annotation, with the choices that it was made by.

    What does not apply, or was not recorded, is None; of what was made of a score or of its
    surface, the model, the rotations and the slices are those of that score.

    Attributes
    ----------
    id : str
    kind : ResultKind or "annotations"
    when : datetime
        When it was completed, in UTC; when an annotation was begun.
    seconds : float or None
        How long it took.
    maker : str or None
        Who made it, where several people share the workspace.
    name : str or None
        Of an annotation, or of that which a surface was made of.
    model : str or None
    class_name : str or None
        What the score marks, where its model names classes.
    rotations : int or None
        Over which the scores were averaged.
    slices : (first, end) or None
        Of what crop and binning leave.
    of_slices : int or None
        How many there were.
    crop : str or None
    bin : int or None
    threshold, low : float or None
    surface : str or None
        Id of the surface that it is, or was made of.
    score : str or None
        Id of the score that it is, or was made of.
    annotation : str or None
        Id of the annotation that it is, or was made of.
    """

    id: str
    kind: str
    when: datetime
    seconds: float | None = None
    maker: str | None = None
    name: str | None = None
    model: str | None = None
    class_name: str | None = None
    rotations: int | None = None
    slices: tuple[int, int] | None = None
    of_slices: int | None = None
    crop: str | None = None
    bin: int | None = None
    threshold: float | None = None
    low: float | None = None
    surface: str | None = None
    score: str | None = None
    annotation: str | None = None


def history(tomogram: Tomogram) -> list[Made]:
    """Return all that was made of a tomogram and can be read, the latest first."""
    results = {kind: tomogram.readable_results(kind) for kind in get_args(ResultKind)}
    scores = {score.id: score for score in results["scores"]}
    surfaces = {surface.id: surface for surface in results["surfaces"]}
    found = [
        _made(kind, result, scores, surfaces) for kind, made in results.items() for result in made
    ]
    for kept in annotations(tomogram):
        choices = _choices(scores.get(kept.score or ""))
        found.append(
            Made(
                id=kept.id,
                kind="annotations",
                when=kept.created,
                maker=maker_of(kept.folder),
                name=kept.name,
                score=kept.score,
                annotation=kept.id,
                **choices,
            )
        )
    return sorted(found, key=lambda made: made.when, reverse=True)


def _made(
    kind: ResultKind, result: Result, scores: dict[str, Result], surfaces: dict[str, Result]
) -> Made:
    identity = result.identity
    surface = result if kind == "surfaces" else surfaces.get(identity.get("surface") or "")
    source = surface or result
    score_id = result.id if kind == "scores" else source.identity.get("score")
    annotated = source.identity.get("annotation")
    annotated = annotated if isinstance(annotated, dict) else {}
    seconds = result.run.get("seconds")
    params = source.run.get("params") or {}
    from_score = score_id is not None and kind != "scores"
    return Made(
        id=result.id,
        kind=kind,
        when=result.finished,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        maker=maker_of(result.folder),
        name=source.run.get("annotation", {}).get("name"),
        threshold=params.get("threshold") if from_score else None,
        low=params.get("low") if from_score else None,
        surface=surface.id if surface else identity.get("surface"),
        score=score_id,
        annotation=annotated.get("id"),
        **_choices(scores.get(score_id or "")),
    )


def _choices(score: Result | None) -> dict[str, Any]:
    """Return the choices of a segmentation, as far as it is there and tells them."""
    if score is None:
        return {}
    params, (first, end) = score.run.get("params", {}), score.run["z"]
    return {
        "model": score.run["model"]["name"],
        "class_name": score.class_name,
        "rotations": params.get("rotations"),
        "slices": (first, end),
        "of_slices": score.run["input"]["shape"][0],
        "crop": params.get("crop"),
        "bin": params.get("bin"),
    }
