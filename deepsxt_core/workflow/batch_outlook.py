"""What a batch will take, told before it starts and while it works."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.geometry import Shape
from deepsxt_core.network import find_model
from deepsxt_core.workflow.preflight import estimate, surface_seconds
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.subjects import Subject


def scored_shape(subject: Subject, recipe: Recipe) -> Shape | None:
    """Return (z, y, x) of the part of a tomogram that a recipe takes; None if it has none."""
    params, shape = recipe.segment, subject.shape()
    with suppress(DeepSXTError):
        if shape is not None:
            depth, height, width = params.region.shape_of(shape)
            z0, z1 = params.z_range(depth)
            return z1 - z0, height, width
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEstimate:
    """What a batch will take if nothing of it is there yet.

    Attributes
    ----------
    tomograms : int
        That can be worked on: those that cannot be opened, or lack what the recipe takes, do not
        count.
    slices : int
        Of all of them.
    disk_bytes, free_bytes : int
        What the scores take at most, and what is free there.
    seconds : float or None
        About, with surfaces; None where the pace of the model is not known here.
    device : str or None
        That `seconds` is for.
    """

    tomograms: int
    slices: int
    disk_bytes: int
    free_bytes: int
    seconds: float | None
    device: str | None


def batch_estimate(
    subjects: Sequence[Subject],
    recipe: Recipe,
    workspace: Path,
    *,
    seconds_per_megapixel: float | None = None,
) -> BatchEstimate:
    """Estimate what a batch into a workspace will take.

    Parameters
    ----------
    subjects : sequence of Subject
    recipe : Recipe
    workspace : Path
        Remembers the pace of earlier work.
    seconds_per_megapixel : float, optional
        What scoring takes here, as a preview has measured it just now.

    Raises
    ------
    DeepSXTError
        If the model is unknown.
    """
    params, scores = recipe.segment, recipe.source == "network"
    model = find_model(recipe.model) if scores else None
    shapes = [shape for subject in subjects if (shape := scored_shape(subject, recipe))]
    seconds: float | None = 0.0
    disk_bytes, device = 0, None
    free_bytes = shutil.disk_usage(workspace).free
    for depth, height, width in shapes:
        if model is not None:
            found = estimate(
                *(workspace, depth, height, width),
                workspace=workspace,
                model_sha256=model.sha256(),
                tiling=params.tiling,
                rotations=params.rotations,
            )
            disk_bytes += found.disk_bytes
            device = found.device
            scoring = found.seconds
            if seconds_per_megapixel is not None:
                scoring = seconds_per_megapixel * depth * height * width / 1e6 * params.rotations
            seconds = None if seconds is None or scoring is None else seconds + scoring
        if recipe.reconstruct is not None and seconds is not None:
            seconds += surface_seconds(depth * height * width, workspace)
    return BatchEstimate(
        tomograms=len(shapes),
        slices=sum(depth for depth, *_ in shapes),
        disk_bytes=disk_bytes,
        free_bytes=free_bytes,
        seconds=seconds,
        device=device,
    )
