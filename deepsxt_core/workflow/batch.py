"""Many tomograms, one recipe: the engine of the command line, the app and the cluster.

Each step makes the same result that it would make alone; what is there is not made twice, and a
segmentation that was broken off is continued. A tomogram that fails is listed, and the rest is
finished.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path

from filelock import FileLock

from deepsxt_core.errors import (
    CancelledError,
    DeepSXTError,
    ModelError,
    VolumeError,
)
from deepsxt_core.inference.cluster import mapped, worker_count
from deepsxt_core.io import looks_like_labels
from deepsxt_core.network import Model, ModelInfo, find_model, open_model
from deepsxt_core.progress import NoProgress, Progress, Renamed
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume
from deepsxt_core.workflow import steps
from deepsxt_core.workflow.batch_files import file_subjects, folder_names
from deepsxt_core.workflow.batch_outlook import scored_shape
from deepsxt_core.workflow.batch_table import (
    SUMMARY_NAME,
    Row,
    score_facts,
    surface_facts,
    volume_facts,
    write_summary,
)
from deepsxt_core.workflow.preflight import surface_seconds
from deepsxt_core.workflow.producing import Place, produce
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.steps import Source
from deepsxt_core.workflow.subjects import Subject

__all__ = ["SUMMARY_NAME", "Row", "apply_recipe", "folder_names", "run_batch", "write_summary"]

logger = logging.getLogger(__name__)


def run_batch(
    files: Sequence[Path],
    recipe: Recipe,
    out: Path,
    progress: Progress | None = None,
    *,
    scheduler: str | None = None,
) -> list[Row]:
    """Apply one recipe to many files.

    ``out`` gets a folder per tomogram, ``summary.csv``, and the recipe with all defaults.

    Parameters
    ----------
    files : sequence of Path
        Or folders that are tomograms.
    recipe : Recipe
    out : Path
    progress : Progress, optional
    scheduler : str, optional
        As in `apply_recipe`; the workers write to `out` themselves.

    Returns
    -------
    list of dict
        One row per file, in their order.

    Raises
    ------
    DeepSXTError
        If the model is unknown.
    CancelledError
        If the user stops.
    """
    _model(recipe)
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    subjects = file_subjects(files, out)
    rows: dict[int, Row] = {}
    for number, row in apply_recipe(subjects, recipe, progress, scheduler=scheduler):
        told = {"file": str(files[number]), "folder": str(subjects[number].folder)}
        rows[number] = row | told
        write_summary([rows[each] for each in sorted(rows)], out / SUMMARY_NAME)
    return [rows[number] for number in range(len(files))]


def apply_recipe(
    subjects: Sequence[Subject],
    recipe: Recipe,
    progress: Progress | None = None,
    *,
    scheduler: str | None = None,
    producer: str = "batch",
) -> Iterator[tuple[int, Row]]:
    """Yield the number and the row of each tomogram as it is finished.

    Parameters
    ----------
    subjects : sequence of Subject
    recipe : Recipe
    progress : Progress, optional
    scheduler : str, optional
        Address of a Dask scheduler. Where there are as many tomograms as workers, each worker does
        whole tomograms; otherwise they share the slabs of one.
    producer : str
        Names who makes the results.

    Raises
    ------
    DeepSXTError
        If the model is unknown.
    CancelledError
        If the user stops.
    """
    progress, model = progress or NoProgress(), _model(recipe)
    if scheduler is not None and len(subjects) >= max(2, worker_count(scheduler)):
        asked = [
            (number, subject, recipe, model and model.sha256(), producer)
            for number, subject in enumerate(subjects)
        ]
        progress.stage("Tomograms", len(subjects), "tomogram")
        for (number, *_), row in mapped(scheduler, _remote_row, asked, progress):
            yield number, row
            progress.advance()
        return
    loaded = cache(lambda: open_model(recipe.model))
    sizes = [math.prod(scored_shape(subject, recipe) or (0,)) for subject in subjects]
    for number, subject in enumerate(subjects):
        progress.part(number, sizes)
        named = Renamed(progress, f"{number + 1}/{len(subjects)} {subject.name}")
        yield number, _row(subject, recipe, model, loaded, producer, named, scheduler)


def _model(recipe: Recipe) -> ModelInfo | None:
    """Return the model of a recipe; None where people have done its work."""
    return None if recipe.source == "annotation" else find_model(recipe.model)


def _remote_row(
    _number: int, subject: Subject, recipe: Recipe, model_sha256: str | None, producer: str
) -> Row:
    """Do one tomogram on a worker of a cluster, which keeps its model loaded."""
    model = _model(recipe)
    if model is not None and model.sha256() != model_sha256:
        raise ModelError(
            f"A worker of the cluster has another model under the name '{recipe.model}'. Keep "
            "models on a file system that all workers share."
        )
    loaded = partial(_kept_model, recipe.model, model_sha256)
    subject.lock.parent.mkdir(parents=True, exist_ok=True)
    # A worker that is believed to be lost may still be writing.
    with FileLock(subject.lock):
        return _row(subject, recipe, model, loaded, producer, Renamed(NoProgress(), ""), None)


@lru_cache(maxsize=1)
def _kept_model(name: str, _sha256: str | None) -> Model:
    return open_model(name)


def _row(
    subject: Subject,
    recipe: Recipe,
    model: ModelInfo | None,
    loaded: Callable[[], Model],
    producer: str,
    progress: Renamed,
    scheduler: str | None,
) -> Row:
    """Do one tomogram and return its line, whatever happens but a wish to stop."""
    row: Row = {"file": subject.name, "name": subject.name, "error": None}
    try:
        source, file, settled = subject.open()
        row["file"] = str(file)
        if model is None:
            return row | _of_annotation(subject, source, recipe, producer, progress)
        recipe = replace(recipe, segment=recipe.segment.settled(settled))
        return row | _one(subject, source, recipe, model, loaded, producer, progress, scheduler)
    except CancelledError:
        raise
    except DeepSXTError as error:
        return row | {"status": "failed", "error": str(error)}
    except Exception as error:  # A night of work must not end with one file.
        logger.exception("Batch: %s", subject.name)
        return row | {"status": "failed", "error": f"{type(error).__name__}: {error}"}


def _of_annotation(
    subject: Subject, source: Source, recipe: Recipe, producer: str, progress: Progress
) -> Row:
    """Make surfaces of what people have annotated."""
    begun, params = time.monotonic(), recipe.reconstruct or ReconstructParams()
    found = subject.annotated()
    identity = steps.reconstruct_identity(source, None, found.labels, params, found.version)
    place = subject.surface_place(identity, producer)
    made = not place.is_complete
    produce(
        place,
        producer,
        lambda out: steps.make_surfaces(
            *(found.labels, params, out, progress),
            views=subject.workspace is not None,
            told={"annotation": found.record},
            workspace=subject.workspace,
        ),
    )
    subject.export_surface(place, recipe.export.meshes)
    return {
        "surface": place.result_id,
        **volume_facts(found.labels.volume),
        **surface_facts(place.final),
        "folder": str(subject.shown_folder(place)),
        "status": "done" if made else "kept",
        "seconds": round(time.monotonic() - begun, 2),
    }


def _of_class(place: Place, recipe: Recipe, model: ModelInfo) -> Place:
    """Return where the score of the class lies that the recipe takes."""
    name = recipe.class_of(model)
    return place if name == model.classes()[0] else place.of_class(name)


def _one(
    subject: Subject,
    source: Source,
    recipe: Recipe,
    model: ModelInfo,
    loaded: Callable[[], Model],
    producer: str,
    progress: Renamed,
    scheduler: str | None,
) -> Row:
    begun, params = time.monotonic(), recipe.segment
    place = subject.score_place(steps.segment_identity(source, model, params), producer)
    of_class = _of_class(place, recipe, model)
    made = not place.is_complete
    if made:
        _refuse_labels(source.volume(params.region))
        steps.score_estimate(source, model, params, place.final, subject.workspace).require_room()
    voxels = math.prod(scored_shape(subject, recipe) or (0,))
    then = surface_seconds(voxels, subject.workspace) if recipe.reconstruct else 0.0
    produce(
        place,
        producer,
        lambda out: steps.make_score(
            *(source, loaded, params, out, progress.then(then)),
            scheduler=scheduler,
            workspace=subject.workspace,
        ),
    )
    place = of_class
    score = subject.segmented(place)
    threshold = recipe.reconstruct.threshold if recipe.reconstruct else 0.0
    row: Row = {"score": place.result_id, **score_facts(place, score, threshold)}
    if recipe.export.mask:
        subject.export_mask(place, score, recipe.export.mask, threshold)
    if recipe.reconstruct is not None:
        surface_params = recipe.reconstruct
        identity = steps.reconstruct_identity(source, place.result_id, score, surface_params)
        scored = source.volume(params.region)
        place = subject.surface_place(identity, producer)
        made = made or not place.is_complete
        produce(
            place,
            producer,
            lambda out: steps.make_surfaces(
                *(score, surface_params, out, progress),
                tomogram=scored,
                views=subject.workspace is not None,
                workspace=subject.workspace,
            ),
        )
        subject.export_surface(place, recipe.export.meshes)
        row |= {"surface": place.result_id, **surface_facts(place.final)}
    row["folder"] = str(subject.shown_folder(place))
    seconds = round(time.monotonic() - begun, 2)
    return row | {"status": "done" if made else "kept", "seconds": seconds}


def _refuse_labels(volume: Volume) -> None:
    if looks_like_labels(volume):
        raise VolumeError(
            "It holds labels, not grey values: no network can segment it. Take it out of the batch."
        )
