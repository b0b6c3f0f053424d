"""The steps from a tomogram to surfaces: what identifies their results, and how they are made.

A job does one of them, a batch several; either makes the same result.
"""

import math
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from deepsxt_core import settings
from deepsxt_core.files import read_json, write_json
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.geometry import Region
from deepsxt_core.inference import SegmentParams, choose_rescaling
from deepsxt_core.io.writers.ome_zarr import write_ome_zarr
from deepsxt_core.network import Model, ModelInfo
from deepsxt_core.parameters import plain
from deepsxt_core.preprocessing import cut, measured_only
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams, reconstruct_numbered
from deepsxt_core.volume import Mask, Score, Volume
from deepsxt_core.workflow import segmentation
from deepsxt_core.workflow.preflight import Estimate, estimate, remember, remember_surfaces
from deepsxt_core.workflow.surface_files import source_file
from deepsxt_core.workspace import Identity
from deepsxt_core.workspace.annotations import AnnotationVersion
from deepsxt_core.workspace.results import INSTANCES_NAME, RUN_NAME


class Source(Protocol):
    """A tomogram, as the steps need it: one of the workspace, or a file anywhere."""

    @property
    def dataset(self) -> str | None:
        """Name inside the file, where it holds several."""

    def input_sha256(self) -> str:
        """Return the hash of the file."""

    def volume(self, region: Region | None = None) -> Volume:
        """Open the voxels, or a region of them."""


def segment_identity(source: Source, model: ModelInfo, params: SegmentParams) -> Identity:
    """Return all that a score depends on."""
    identity: dict[str, Any] = {
        "step": "segment",
        "input_sha256": source.input_sha256(),
        "dataset": source.dataset,
        "model_sha256": model.sha256(),
        "params": plain(params),
    }
    if params.rescale and params.tiling != "compat" and model.pixel_size_nm() is not None:
        rescaling = choose_rescaling(cut(source.volume(), params.region), model.pixel_size_nm())
        if rescaling is not None:
            # Then the voxel size has an influence, and a corrected one gives another score.
            identity["network_shape"] = list(rescaling.network_shape)
    return identity


def score_estimate(
    source: Source,
    model: ModelInfo,
    params: SegmentParams,
    folder: Path,
    workspace: Path | None = None,
) -> Estimate:
    """Tell what a segmentation into `folder` will take; `workspace` remembers earlier ones."""
    depth, height, width = params.region.shape_of(source.volume().shape)
    z0, z1 = params.z_range(depth)
    return estimate(
        folder,
        z1 - z0,
        height,
        width,
        # What this computer has measured says nothing about a cluster.
        workspace=None if settings.scheduler() else workspace,
        model_sha256=model.sha256(),
        tiling=params.tiling,
        rotations=params.rotations,
        classes=len(model.classes()),
    )


def make_score(
    source: Source,
    model: Callable[[], Model],
    params: SegmentParams,
    out: Path,
    progress: Progress,
    *,
    scheduler: str | None = None,
    workspace: Path | None = None,
) -> None:
    """Score a tomogram into `out`, going on with what lies there; `workspace` learns the pace."""
    progress.stage("Loading the model", 1, "model")
    loaded = model()
    progress.advance()
    segmentation.segment(
        source.volume(),
        loaded,
        out,
        params,
        progress,
        resume=True,
        input_sha256=source.input_sha256(),
        scheduler=scheduler,
    )
    if scheduler is None and workspace is not None:
        remember(workspace, read_json(out / RUN_NAME) or {})


def reconstruct_identity(
    source: Source,
    score_id: str | None,
    segmented: Score | Mask,
    params: ReconstructParams,
    annotation: AnnotationVersion | None = None,
) -> Identity:
    """Return all that surfaces depend on.

    They are made of a score, of an annotation, or, without both, of the file's labels.
    """
    identity: dict[str, Any] = {
        "step": "reconstruct",
        "score": score_id,
        # The mean grey value in each object is read from the file.
        "input_sha256": source.input_sha256(),
        "voxel_size_nm": segmented.volume.voxel_size_nm,
        "origin_nm": segmented.volume.origin_nm,
        "params": plain(params),
    }
    if annotation is not None:
        return identity | {"annotation": plain(annotation)}
    return identity if score_id is not None else identity | {"dataset": source.dataset}


def make_surfaces(
    segmented: Score | Mask,
    params: ReconstructParams,
    out: Path,
    progress: Progress,
    *,
    tomogram: Volume | None = None,
    views: bool = False,
    told: Mapping[str, Any] | None = None,
    workspace: Path | None = None,
) -> None:
    """Reconstruct surfaces into `out`, with the id of the object at each voxel.

    Parameters
    ----------
    tomogram : Volume, optional
        What was segmented, for the mean grey value in each object.
    views : bool
        Whether to prepare the 3D view, which the app would otherwise do at the first look.
    told : mapping, optional
        More for the record.
    workspace : Path, optional
        Learns the pace.

    Raises
    ------
    DeepSXTError
        If the file of either changes meanwhile; there is no record then.
    """
    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with (
        unchanged(source_file(segmented)),
        unchanged(None if tomogram is None else tomogram.path),
        tempfile.TemporaryDirectory(dir=out, prefix=".labels-") as scratch,
    ):
        labels = Path(scratch) / "labels"
        surfaces, numbered = reconstruct_numbered(
            segmented, params, labels, progress, tomogram=tomogram and measured_only(tomogram)
        )
        progress.stage("Preparing the 3D view" if views else "Writing", 1, "surface")
        write_ome_zarr(numbered, out / INSTANCES_NAME)
    progress.advance(0)
    surfaces.save(out)
    if views:
        # Imported here because only the app needs it.
        from deepsxt_core.surface.view import write_views

        write_views(surfaces, out)
    progress.advance()
    seconds = time.monotonic() - begun
    if workspace is not None:
        remember_surfaces(workspace, math.prod(segmented.volume.shape), seconds)
    run = {
        "step": "reconstruct",
        "params": plain(params),
        "whole_origin_nm": segmented.volume.whole_origin_nm,
        "seconds": round(seconds, 3),
    }
    if isinstance(segmented, Score) and segmented.class_name is not None:
        run["class"] = segmented.class_name
    write_json(out / RUN_NAME, run | dict(told or {}))
