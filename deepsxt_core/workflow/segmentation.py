"""Segmentation of a tomogram into a score on disk, resumable after any end."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.files import keep_apart, prepare_folder, write_json
from deepsxt_core.fingerprints import content_stamp
from deepsxt_core.geometry import Geometry, Shape
from deepsxt_core.inference import (
    CHECKPOINT_NAME,
    Checkpoint,
    Predictor,
    Preparation,
    RemotePredictor,
    ScoreSlabs,
    SegmentParams,
    Slab,
    codes_sha256,
    prepare,
    score_here,
    score_volume,
)
from deepsxt_core.io import SCORE_NAME, ScoreWriter, create_score, open_score, reopen_score
from deepsxt_core.network import Model
from deepsxt_core.preprocessing import cut, sampled_volume
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow.class_folders import class_folders, other_classes
from deepsxt_core.workflow.preflight import estimate, peak_memory_bytes
from deepsxt_core.workflow.segment_record import (
    counted,
    describe,
    segment_recipe,
    source_of,
    warnings_of,
)

RUN_NAME = "run.json"
_CHANGED = (
    "The file changed while it was segmented: the score may be a mixture. Wait until the file is "
    "complete, and segment it again."
)

_Place = tuple[Path, Shape, Geometry, int, str | None]
"""Path, shape, geometry, first slice and class of a score."""


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
    engine: str | None = None,
) -> Score:
    """Score a volume slab by slab into ``out/score.ome.zarr``.

    ``out/run.json`` is written last and records parameters, hashes, versions and timing; a folder
    without it is not finished. Until then ``out/slabs.jsonl`` records each finished slab.

    A model of several classes scores them in one pass. That is the score of the first; those of
    the others lie in folders of their own that look the same, see `class_folders`.

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
        Of the volume's file or folder (`content_sha256`), where it is known already.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://node1:8786``. The workers of its cluster then
        score the slabs, with the same result, byte for byte, as one of them alone.
    engine : str, optional
        What scored before, for the same digits; left out, the fastest of those that agree.

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
    out, params, progress = Path(out), params or SegmentParams(), progress or NoProgress()
    started, before = time.monotonic(), source_stamp(volume)
    whole, volume = volume, cut(volume, params.region)
    z0, z1 = params.z_range(volume.shape[0])
    folders = class_folders(out, model.config.classes)
    _prepare_folder([folder for _, folder in folders], whole)

    progress.stage("Measuring grey values", 1, "volume")
    sample = sampled_volume(volume)
    preparation = prepare(sample, params, model.config.pixel_size_nm)
    progress.advance()
    engine = _engine_before(out) if resume and engine is None else engine
    work = volume, model, params, preparation, progress
    predictor, score_slabs = _scorer(*work, scheduler, engine)
    read = describe(volume) | source_of(volume, input_sha256)
    scored_on = predictor.device, predictor.engine
    recipe = segment_recipe(read, model.info, params, preparation, *scored_on)
    shape = (z1 - z0, *volume.shape[1:])
    wanted = [
        (recipe | named, (folder / SCORE_NAME, shape, volume.geometry, z0, named.get("class")))
        for named, folder in folders
    ]

    def settle_precision() -> str:
        return predictor.settle_precision(preparation.apply(sample.read(z0, z0 + 1)).standardised)

    keepers = (_begun(wanted) if resume else None) or _new(wanted, settle_precision)
    predictor.take_precision(keepers[0].checkpoint.precision)
    finished = [keeper.intact_slabs() for keeper in keepers]
    kept_slices = min(sum(slab.end - slab.first for slab in slabs) for slabs in finished)
    if left := z1 - z0 - kept_slices:
        estimate(out, left, *volume.shape[1:], classes=len(keepers)).require_room()
    progress.advance()
    at_once = predictor.batch_slices(*preparation.network_shape(volume.shape[1:]))
    keep = [keeper.keep for keeper in keepers]
    found = score_volume(volume, at_once, score_slabs, (z0, z1), keep, progress, finished)
    changed = [_CHANGED] * (source_stamp(volume) != before)
    spent = _spent(time.monotonic() - started + sum(slab.seconds for slab in finished[0]))
    told = {"scheduler": scheduler, "precision": predictor.precision, "resumed_slices": kept_slices}
    # That of the first class, which stands for all of them, comes last.
    for keeper, summary in reversed(list(zip(keepers, found, strict=True))):
        warnings = warnings_of(volume, preparation, predictor, summary) + changed
        keeper.finish(told | counted(summary) | {"warnings": warnings} | spent)
    return keepers[0].score()


@dataclass(slots=True)
class _Keeper:
    """Puts slabs on disk as they are scored, and hashes them where they come in order."""

    writer: ScoreWriter
    checkpoint: Checkpoint
    _digest: Any = field(default_factory=hashlib.sha256)
    _hashed: int = 0

    @property
    def folder(self) -> Path:
        """Where score, checkpoint and record lie."""
        return self.writer.path.parent

    def score(self) -> Score:
        """Open the score."""
        return open_score(self.writer.path)

    def finish(self, told: dict[str, Any]) -> None:
        """Write the record, after which there is nothing to continue."""
        sha256 = self.sha256() or score_sha256(self.score())
        recipe = self.checkpoint.recipe
        record = {"step": "segment", **recipe, **told, "voxels_sha256": sha256}
        write_json(self.folder / RUN_NAME, record)
        (self.folder / CHECKPOINT_NAME).unlink()

    def intact_slabs(self) -> list[Slab]:
        """Return the slabs of the checkpoint whose codes are as they were written."""
        return [slab for slab in self.checkpoint.slabs if _is_intact(self.writer, slab)]

    def keep(self, slab: Slab, codes: NDArray[np.uint8]) -> None:
        """Write a slab, wait until it is safe, and record it."""
        self.writer.write(slab.first, codes)
        self.writer.flush(slab.first, slab.end)
        self.checkpoint.add(slab)
        if slab.first == self._hashed:
            self._digest.update(np.ascontiguousarray(codes).data)
            self._hashed = slab.end

    def sha256(self) -> str | None:
        """Return the hash of all codes; None where some were made before, or out of order."""
        return self._digest.hexdigest() if self._hashed == self.writer.shape[0] else None


def score_sha256(score: Score) -> str:
    """Return the SHA-256 of all codes in the order z, y, x, read slice by slice."""
    digest = hashlib.sha256()
    for first, end in score.volume.slabs(1):
        digest.update(np.ascontiguousarray(score.volume.read(first, end)).data)
    return digest.hexdigest()


def _prepare_folder(folders: Sequence[Path], volume: Volume) -> None:
    """Refuse where a score would replace the tomogram; what there is of any is not finished now."""
    out = folders[0]
    if volume.path is not None:
        names = (SCORE_NAME, RUN_NAME, CHECKPOINT_NAME)
        keep_apart([volume.path], [folder / name for folder in folders for name in names])
    prepare_folder(out)
    for folder in (out, *(folder for _, folder in other_classes(out))):
        (folder / RUN_NAME).unlink(missing_ok=True)


def _spent(seconds: float) -> dict[str, Any]:
    return {
        "peak_memory_bytes": peak_memory_bytes(),
        "seconds": round(seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def source_stamp(volume: Volume) -> dict[str, Any] | None:
    """Return what changes when the file of a volume does; None where there is none."""
    try:
        return None if volume.path is None else content_stamp(volume.path)
    except OSError:
        return None


def _scorer(
    volume: Volume,
    model: Model,
    params: SegmentParams,
    preparation: Preparation,
    progress: Progress,
    scheduler: str | None,
    engine: str | None,
) -> tuple[Predictor | RemotePredictor, ScoreSlabs]:
    """Return what scores here, or on the cluster of a scheduler."""
    if scheduler is None:
        progress.stage("Preparing the network", 1, "model")
        predictor = _predictor(model, params, engine)
        return predictor, score_here(volume, predictor, preparation)
    remote = RemotePredictor(scheduler, volume, model.info, params, preparation, progress, engine)
    return remote, remote.score_slabs


def _predictor(model: Model, params: SegmentParams, engine: str | None = None) -> Predictor:
    return Predictor.of(model, params, engine)


def _new(
    wanted: Sequence[tuple[dict[str, Any], _Place]], settle_precision: Callable[[], str]
) -> list[_Keeper]:
    """Begin scores and their checkpoints."""
    paths = [place[0].with_name(CHECKPOINT_NAME) for _, place in wanted]
    # Removed first: they must not speak of the scores that are about to be replaced.
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    writers = [create_score(*place) for _, place in wanted]
    precision = settle_precision()
    return [
        _Keeper(writer, Checkpoint.start(path, recipe, precision))
        for writer, path, (recipe, _) in zip(writers, paths, wanted, strict=True)
    ]


def _begun(wanted: Sequence[tuple[dict[str, Any], _Place]]) -> list[_Keeper] | None:
    """Return the scores and checkpoints of an earlier run of the same recipe, if all are there."""
    found = []
    for recipe, place in wanted:
        checkpoint = Checkpoint.read(place[0].with_name(CHECKPOINT_NAME))
        if checkpoint is None or checkpoint.recipe != recipe:
            return None
        writer = reopen_score(*place)
        if writer is None:
            return None
        found.append(_Keeper(writer, checkpoint))
    return found


def _engine_before(out: Path) -> str | None:
    checkpoint = Checkpoint.read(out / CHECKPOINT_NAME)
    return None if checkpoint is None else checkpoint.recipe.get("engine")


def _is_intact(writer: ScoreWriter, slab: Slab) -> bool:
    try:
        return codes_sha256(writer.read(slab.first, slab.end)) == slab.sha256
    except (UnreadableFileError, InvalidParameterError):
        return False
