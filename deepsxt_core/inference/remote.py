"""Slabs scored by the workers of a Dask cluster, with the function that scores them here.

Nothing but small descriptions travels to the workers, and nothing but codes comes back: workers
read tomogram and model from where this computer reads them (a shared file system), and this
computer alone writes. So a worker may be lost at any moment; its slabs are scored by another.
"""

import hashlib
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.inference.cluster import mapped
from deepsxt_core.inference.params import Precision, SegmentParams
from deepsxt_core.inference.predictor import Predictor
from deepsxt_core.inference.segment import Preparation, ScoredSlab, score_slab
from deepsxt_core.io import open_volume
from deepsxt_core.network.models import ModelInfo, find_model, open_model
from deepsxt_core.preprocessing import cut
from deepsxt_core.progress import Progress
from deepsxt_core.versions import versions
from deepsxt_core.volume import Volume

# What scores depend on beside the device.
_DECISIVE = ("deepsxt", "tensorflow", "keras", "openvino", "numpy")


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that a worker must know to score any slab of one tomogram.

    Attributes
    ----------
    path, dataset : str, str or None
        The tomogram.
    model_folder, model_sha256 : str
        The model; where there is no such folder, its last part names one of the library.
    params : SegmentParams
    preparation : Preparation
        Measured once, by the computer that asks.
    engine : str or None
        What scores; None until the first worker has settled it for all.
    """

    path: str
    dataset: str | None
    model_folder: str
    model_sha256: str
    params: SegmentParams
    preparation: Preparation
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What computes on a worker."""

    device: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a worker says before the work begins: how it would score, and what it sees.

    Attributes
    ----------
    site : Site
    precision : str
        What "auto" comes to there.
    engine : str
        Its fastest.
    slices_at_once : int
        In a slab.
    slice_sha256 : str
        Of the first slice as the worker reads it.
    """

    site: Site
    precision: str
    engine: str
    slices_at_once: int
    slice_sha256: str


class RemotePredictor:
    """Takes the place of a `Predictor` where the workers of a Dask cluster score the slabs.

    Making one waits until a worker has answered.

    Parameters
    ----------
    scheduler : str
        Address, such as ``tcp://node1:8786``.
    volume : Volume
        From a file that the workers read under the same path, cut to the region of `params`.
    model : ModelInfo
    params : SegmentParams
    preparation : Preparation
        Of the volume.
    progress : Progress
    engine : str, optional
        What scored before, for the same digits.

    Attributes
    ----------
    device, precision, engine : str
        As in `Predictor`: those of the worker that answered.
    devices : set of str
        All that have scored a slab.

    Raises
    ------
    DeepSXTError
        If no scheduler answers, or the workers see another file, model or software.
    CancelledError
        If the user stops.
    """

    def __init__(
        self,
        scheduler: str,
        volume: Volume,
        model: ModelInfo,
        params: SegmentParams,
        preparation: Preparation,
        progress: Progress,
        engine: str | None = None,
    ) -> None:
        if volume.path is None:
            raise InvalidParameterError(
                "A cluster reads tomograms from files. Write this one to a file first."
            )
        self._scheduler = scheduler
        self._progress = progress
        self._assignment = Assignment(
            path=str(volume.path.resolve()),
            dataset=volume.dataset,
            model_folder=str(model.folder.resolve()),
            model_sha256=model.sha256(),
            params=params,
            preparation=preparation,
            engine=engine,
        )
        progress.stage("Waiting for the cluster", 1, "worker")
        ((_, found),) = mapped(scheduler, survey, [(self._assignment, params.z0)], progress)
        _require_same_software(found.site)
        if found.slice_sha256 != _sha256(volume.read(params.z0, params.z0 + 1)):
            raise DeepSXTError(
                f"The workers of the cluster read other voxels from '{volume.path}' than this "
                "computer. Keep tomograms on a file system that all share, under the same path."
            )
        self._slices_at_once = found.slices_at_once
        self.device = found.site.device
        self.devices: set[str] = set()
        self.precision = found.precision
        self.engine = found.engine

    def settle_precision(self, _slices: NDArray[np.float32]) -> str:
        """Return what "auto" means; it is settled."""
        return self.precision

    def take_precision(self, precision: str) -> None:
        """Take the precision that was settled before."""
        self.precision = precision

    def batch_slices(self, _height: int, _width: int) -> int:
        """Return how many slices a worker scores at once."""
        return self._slices_at_once

    def score_slabs(self, ranges: Sequence[tuple[int, int]]) -> Generator[ScoredSlab, None, None]:
        """Yield the scores of each range of slices, in the order in which they arrive."""
        settled = cast(Precision, self.precision)
        params = replace(self._assignment.params, precision=settled)
        assignment = replace(self._assignment, params=params, engine=self.engine)
        asked = [(assignment, first, end) for first, end in ranges]
        for _, (slab, site) in mapped(self._scheduler, score_remotely, asked, self._progress):
            _require_same_software(site)
            self.devices.add(site.device)
            yield slab


def _require_same_software(site: Site) -> None:
    here = versions()
    for package in _DECISIVE:
        there = site.versions.get(package)
        if there != here.get(package):
            raise DeepSXTError(
                f"The workers of the cluster have {package} {there}, this computer has "
                f"{here.get(package)}. Install the same on all, or results would differ."
            )


# What follows runs on the workers.

_one_at_a_time = threading.Lock()
"""The threads of a worker must not share its device among slabs."""


def survey(assignment: Assignment, z: int) -> Survey:
    """Look at slice `z`."""
    with _one_at_a_time:
        volume, predictor = _volume(assignment), _predictor(assignment)
        raw = volume.read(z, z + 1)
        slices = assignment.preparation.apply(raw).standardised
        return Survey(
            Site(predictor.device, versions()),
            predictor.settle_precision(slices),
            predictor.engine,
            predictor.batch_slices(*slices.shape[1:]),
            _sha256(raw),
        )


def score_remotely(assignment: Assignment, first: int, end: int) -> tuple[ScoredSlab, Site]:
    """Score slices `first` to `end` with a model that stays loaded."""
    with _one_at_a_time:
        volume, predictor = _volume(assignment), _predictor(assignment)
        slab = score_slab(volume, predictor, assignment.preparation, first, end)
        return slab, Site(predictor.device, versions())


def _predictor(assignment: Assignment) -> Predictor:
    params = assignment.params
    return _kept_predictor(
        *(assignment.model_folder, assignment.model_sha256),
        *(params.tiling, params.precision, params.rotations, assignment.engine),
    )


@lru_cache(maxsize=2)
def _kept_predictor(
    folder: str, sha256: str, tiling: Any, precision: Any, rotations: int, engine: str | None
) -> Predictor:
    name = folder if Path(folder).is_dir() else Path(folder).name
    if find_model(name).sha256() != sha256:
        raise DeepSXTError(
            f"A worker of the cluster has another model under the name '{Path(folder).name}'. "
            "Keep models on a file system that all workers share."
        )
    return Predictor(
        open_model(name), tiling=tiling, precision=precision, rotations=rotations, engine=engine
    )


def _volume(assignment: Assignment) -> Volume:
    try:
        mtime_ns = Path(assignment.path).stat().st_mtime_ns
    except OSError as error:
        raise DeepSXTError(
            f"A worker of the cluster cannot read '{assignment.path}' ({error.strerror}). Keep "
            "tomograms on a file system that all workers share, under the same path."
        ) from error
    volume = _kept_volume(assignment.path, assignment.dataset, mtime_ns)
    return cut(volume, assignment.params.region)


@lru_cache(maxsize=4)
def _kept_volume(path: str, dataset: str | None, _mtime_ns: int) -> Volume:
    return open_volume(path, dataset=dataset)


def _sha256(voxels: NDArray) -> str:
    return hashlib.sha256(np.ascontiguousarray(voxels).data).hexdigest()
