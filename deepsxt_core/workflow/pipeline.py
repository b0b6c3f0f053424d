"""One function per thing a user does. The app, the command line and notebooks call these."""

import hashlib
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.evaluation import EvaluateParams, Evaluation, compare
from deepsxt_core.files import file_sha256, keep_apart, prepare_file, prepare_folder, write_json
from deepsxt_core.inference import (
    CHECKPOINT_NAME,
    Checkpoint,
    Predictor,
    Preparation,
    RemotePredictor,
    Rescaling,
    SegmentParams,
    Slab,
    codes_sha256,
    prepare,
    score_here,
    score_volume,
)
from deepsxt_core.io import (
    SCORE_NAME,
    ScoreWriter,
    create_score,
    open_score,
    reopen_score,
    writer_for,
)
from deepsxt_core.io import write_volume as write_file
from deepsxt_core.network import Model
from deepsxt_core.phantom import Label, PhantomParams, simulate
from deepsxt_core.preprocessing import cut
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces, trace_processes
from deepsxt_core.surface import reconstruct as _reconstruct
from deepsxt_core.surface.measure.error_bars import with_error_bars
from deepsxt_core.surface.measure.tables import Measurements
from deepsxt_core.versions import versions
from deepsxt_core.volume import Mask, Score, Volume
from deepsxt_core.workflow.preflight import estimate, peak_memory_bytes

RUN_NAME = "run.json"


def describe(volume: Volume) -> dict[str, Any]:
    """Return what is known about a volume, ready for JSON."""
    return {
        "path": str(volume.path) if volume.path else None,
        "format": volume.format,
        "dataset": volume.dataset,
        "shape": list(volume.shape),
        "dtype": str(volume.dtype),
        "voxel_size_nm": list(volume.voxel_size_nm) if volume.voxel_size_nm else None,
        "origin_nm": list(volume.origin_nm),
        "axes": list(volume.axes),
        "warnings": list(volume.warnings),
    }


def segment(
    volume: Volume,
    model: Model,
    out: str | Path,
    params: SegmentParams | None = None,
    progress: Progress | None = None,
    *,
    resume: bool = False,
    input_sha256: str | None = None,
    scheduler: str | None = None,
) -> Score:
    """Score a volume slab by slab into ``out/score.ome.zarr``.

    ``out/run.json`` is written last and records parameters, hashes, versions and timing; a folder
    without it is not finished. Until then ``out/slabs.jsonl`` records each finished slab.

    Parameters
    ----------
    volume : Volume
    model : Model
    out : Path
        Folder; made if it does not exist. A score that is already there is replaced.
    params : SegmentParams, optional
    progress : Progress, optional
    resume : bool
        Whether to go on with what an earlier run of the same recipe has left in `out`: its
        finished slabs are kept, and the result is the same, byte for byte, as without the break.
    input_sha256 : str, optional
        Of the volume's file, where it is known already.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://node1:8786``. The workers of its cluster then
        score the slabs, with the same result, byte for byte, as one of them alone.

    Raises
    ------
    InvalidParameterError
        If the slices asked for are not in the volume, or the score would replace it.
    VolumeError
        If the file turns out to be damaged.
    DeepSXTError
        If the disk has too little room.
    CancelledError
        If the user stops; ``out`` is then left unfinished.
    """
    out = Path(out)
    params = params or SegmentParams()
    progress = progress or NoProgress()
    if volume.path is not None:
        keep_apart([volume.path], [out / name for name in (SCORE_NAME, RUN_NAME, CHECKPOINT_NAME)])
    volume = cut(volume, params.region)
    z0, z1 = params.z_range(volume.shape[0])
    prepare_folder(out)
    started = time.monotonic()
    (out / RUN_NAME).unlink(missing_ok=True)

    progress.stage("Measuring grey values", 1, "volume")
    if input_sha256 is None and volume.path is not None and volume.path.is_file():
        input_sha256 = file_sha256(volume.path)
    preparation = prepare(volume, params, model.config.pixel_size_nm)
    progress.advance()
    predictor: Predictor | RemotePredictor
    if scheduler is None:
        predictor = _predictor(model, params)
        score_slabs = score_here(volume, predictor, preparation)
    else:
        predictor = RemotePredictor(scheduler, volume, model.info, params, preparation, progress)
        score_slabs = predictor.score_slabs
    description = describe(volume) | {
        # The record is read elsewhere too.
        "path": str(volume.path.resolve()) if volume.path else None,
        "sha256": input_sha256,
    }
    recipe = {
        "params": asdict(params),
        "input": description,
        "model": {"name": model.info.name, "sha256": model.info.sha256()},
        "z": [z0, z1],
        "inverted": preparation.invert,
        "intensity": asdict(preparation.intensity),
        "rescaling": _plain(preparation.rescaling),
        "device": predictor.device,
        "versions": versions(),
    }
    place = (out / SCORE_NAME, (z1 - z0, *volume.shape[1:]), volume.geometry, z0)
    begun = _begun(out, recipe, place) if resume else None
    if begun is None:
        # Removed first: it must not speak of the score that is about to be replaced.
        (out / CHECKPOINT_NAME).unlink(missing_ok=True)
        writer = create_score(*place)
        slices, _ = preparation.apply(volume.read(z0, z0 + 1))
        precision = predictor.settle_precision(slices)
        begun = writer, Checkpoint.start(out / CHECKPOINT_NAME, recipe, precision)
    writer, checkpoint = begun
    predictor.take_precision(checkpoint.precision)
    finished = [slab for slab in checkpoint.slabs if _is_intact(writer, slab)]
    missing = (z1 - z0) - sum(slab.end - slab.first for slab in finished)
    if missing:
        estimate(out, missing, *volume.shape[1:]).require_room()

    def keep(slab: Slab, codes: NDArray[np.uint8]) -> None:
        writer.write(slab.first, codes)
        writer.flush(slab.first, slab.end)
        checkpoint.add(slab)

    at_once = predictor.batch_slices(*preparation.network_shape(volume.shape[1:]))
    summary = score_volume(volume, at_once, score_slabs, (z0, z1), keep, progress, finished)
    score = open_score(out / SCORE_NAME)

    warnings = list(volume.warnings)
    if preparation.rescaling is not None:
        warnings.append(preparation.rescaling.note)
    if isinstance(predictor, RemotePredictor) and len(predictor.devices) > 1:
        warnings.append(
            f"Workers with different devices ({', '.join(sorted(predictor.devices))}) scored this "
            "tomogram; another run may differ in the last digit."
        )
    if summary.nonfinite_voxels:
        warnings.append(
            f"{summary.nonfinite_voxels:,} of {summary.voxels:,} values were not finite "
            "(NaN or infinite) and counted as the median."
        )
    record = {
        "step": "segment",
        **recipe,
        "scheduler": scheduler,
        "precision": predictor.precision,
        "nonfinite_voxels": summary.nonfinite_voxels,
        "positive_fraction": summary.positive_voxels / summary.voxels,
        "voxels_sha256": score_sha256(score),
        "resumed_slices": sum(slab.end - slab.first for slab in finished),
        "warnings": warnings,
        "seconds_per_slice": summary.seconds_per_slice,
        "peak_memory_bytes": peak_memory_bytes(),
        "seconds": round(time.monotonic() - started + sum(slab.seconds for slab in finished), 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(out / RUN_NAME, record)
    (out / CHECKPOINT_NAME).unlink()
    return score


def score_sha256(score: Score) -> str:
    """Return the SHA-256 of all codes in the order z, y, x, read slice by slice."""
    digest = hashlib.sha256()
    for first, end in score.volume.slabs(1):
        digest.update(np.ascontiguousarray(score.volume.read(first, end)).data)
    return digest.hexdigest()


def preview_slice(
    volume: Volume,
    model: Model,
    z: int,
    params: SegmentParams | None = None,
    preparation: Preparation | None = None,
) -> NDArray[np.float32]:
    """Score slice `z` of what crop and binning leave as `segment` would, (y, x) in [-1, 1].

    `preparation` (from `prepare`) saves measuring the volume again.

    Raises
    ------
    InvalidParameterError
        If there is no such slice.
    """
    params = params or SegmentParams()
    volume = cut(volume, params.region)
    preparation = preparation or prepare(volume, params, model.config.pixel_size_nm)
    slices, _ = preparation.apply(volume.read(z, z + 1))
    return preparation.score(_predictor(model, params), slices)[0]


def reconstruct(
    score_or_mask: Score | Mask,
    params: ReconstructParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
) -> Surfaces:
    """Reconstruct closed surfaces; see `deepsxt_core.surface.reconstruct`."""
    return _reconstruct(
        score_or_mask, params or ReconstructParams(), progress or NoProgress(), tomogram=tomogram
    )


def measure(
    source: Score | Mask,
    params: ReconstructParams | None = None,
    processes: ProcessParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
    surfaces: Surfaces | None = None,
) -> Measurements:
    """Measure all objects, with error bars, and the thin processes among them.

    Parameters
    ----------
    source : Score or Mask
    params : ReconstructParams, optional
    processes : ProcessParams, optional
    progress : Progress, optional
    tomogram : Volume, optional
        What was segmented, for the mean grey value in each object.
    surfaces : Surfaces, optional
        What `reconstruct` has made of `source` with `params`, where it is at hand.
    """
    params, progress = params or ReconstructParams(), progress or NoProgress()
    if surfaces is None:
        surfaces = reconstruct(source, params, progress, tomogram=tomogram)
    traced = trace_processes(surfaces, processes, progress)
    return Measurements(surfaces, with_error_bars(surfaces, source, params, progress), traced)


def evaluate(
    prediction: Score | Mask,
    truth: Mask,
    params: EvaluateParams | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare a segmentation with the truth; see `deepsxt_core.evaluation.compare`."""
    return compare(prediction, truth, params, progress)


def write_phantom(
    params: PhantomParams, path: str | Path, progress: Progress | None = None
) -> dict[str, Path]:
    """Simulate a tomogram and write it beside all that is known about it.

    Parameters
    ----------
    params : PhantomParams
        The cell and the microscope.
    path : str or Path
        NAME.tif, or another format: the tomogram, float32, membranes dark. NAME.truth.tif has 1
        on the membranes that can be seen, NAME.classes.tif the class of every voxel, NAME.json
        the parameters, the names of the classes, and the filopodia with their diameters and
        lengths.
    progress : Progress, optional
        Advances by projections and slices.

    Returns
    -------
    dict
        The files by what they hold: tomogram, truth, classes, parameters.

    Raises
    ------
    InvalidParameterError
        If the suffix names no format that can be written.
    """
    target = Path(path)
    writer_for(target)
    prepare_file(target)
    phantom = simulate(params, progress)
    files = {"tomogram": target}
    for name in ("truth", "classes"):
        files[name] = target.with_name(f"{target.stem}.{name}.tif")
    arrays: tuple[NDArray, ...] = (phantom.volume, phantom.truth, phantom.labels)
    for file, array in zip(files.values(), arrays, strict=True):
        write_file(Volume.from_array(array, phantom.voxel_size_nm), file)
    files["parameters"] = target.with_suffix(".json")
    record = {
        "parameters": asdict(params),
        "classes": {label.name.lower(): int(label) for label in Label},
        "filopodia": [
            {
                "diameter_nm": filopodium.diameter_nm,
                "length_nm": filopodium.length_nm,
                "path_nm": filopodium.path_nm.tolist(),
            }
            for filopodium in phantom.filopodia
        ],
    }
    write_json(files["parameters"], record)
    return files


def _plain(rescaling: Rescaling | None) -> dict[str, Any] | None:
    """Return it as JSON gives it back, so that the recipe compares equal on a resume."""
    if rescaling is None:
        return None
    return {name: list(values) for name, values in asdict(rescaling).items()}


def _predictor(model: Model, params: SegmentParams) -> Predictor:
    return Predictor(
        model, tiling=params.tiling, precision=params.precision, rotations=params.rotations
    )


def _begun(
    out: Path, recipe: dict[str, Any], place: tuple[Path, tuple[int, int, int], Any, int]
) -> tuple[ScoreWriter, Checkpoint] | None:
    """Return the score and the checkpoint of an earlier run of the same recipe, if there are."""
    checkpoint = Checkpoint.read(out / CHECKPOINT_NAME)
    if checkpoint is None or checkpoint.recipe != recipe:
        return None
    writer = reopen_score(*place)
    return None if writer is None else (writer, checkpoint)


def _is_intact(writer: ScoreWriter, slab: Slab) -> bool:
    try:
        return codes_sha256(writer.read(slab.first, slab.end)) == slab.sha256
    except (UnreadableFileError, InvalidParameterError):
        return False
