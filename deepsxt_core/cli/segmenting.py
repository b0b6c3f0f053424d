"""``deepsxt run | segment``."""

import contextlib
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deepsxt_core import settings
from deepsxt_core.cli.opening import native_stderr_silenced, open_tomogram, require_unit
from deepsxt_core.cli.options import (
    Dataset,
    Outcome,
    OutFolder,
    VoxelSizeNm,
    command,
    option,
)
from deepsxt_core.cli.surfaces import Instances, Objects, Unit, places, segment_record, told
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.files import keep_apart, prepare_file, prepare_folder
from deepsxt_core.inference import CHECKPOINT_NAME, SegmentParams
from deepsxt_core.inference.engines import fastest
from deepsxt_core.io import SCORE_NAME, open_volume
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.io.spool import remembered
from deepsxt_core.network import DEFAULT_MODEL, open_model
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow.recipe import ExportParams
from deepsxt_core.workflow.surface_files import SurfaceFiles, reconstruct_to

MASK_NAME = "mask.tif"


def _z_range(_hint: Any, tokens: Any) -> tuple[int, int | None]:
    first, colon, end = tokens[0].value.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(end) if end else None
    except ValueError:
        raise ValueError(
            f"give slices as FIRST:END, for example 10:60; got {tokens[0].value!r}"
        ) from None


ModelName = Annotated[str, Parameter(help="Name or folder of the network.")]
Slices = Annotated[
    tuple[int, int | None],
    Parameter(
        help="Slices, counted after --crop and --bin; left out, all.",
        converter=_z_range,
        n_tokens=1,
        metavar="FIRST:END",
        show_default=False,
    ),
]
Scheduler = Annotated[
    str | None,
    Parameter(
        help="Address of a Dask cluster to score on, such as tcp://node1:8786; left out, that in "
        "DEEPSXT_SCHEDULER, or this computer alone."
    ),
]
Threshold = Annotated[float, option(ReconstructParams, "threshold")]
_THRESHOLD = ReconstructParams().threshold
_ALL: tuple[int, int | None] = (0, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A tomogram that is to be segmented."""

    tomogram: Volume
    model: str
    out: Path
    params: SegmentParams
    threshold: float
    scheduler: str | None


@command
def run(
    input: Path,
    /,
    *,
    out: OutFolder,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
    model: ModelName = DEFAULT_MODEL,
    z: Slices = _ALL,
    segment: SegmentParams,
    scheduler: Scheduler = None,
    surface: ReconstructParams,
    export: ExportParams,
    unit: Unit = None,
    instances: Instances = None,
    objects: Objects = None,
    bundle: bool = False,
    progress: Progress,
) -> Outcome:
    """Do everything: segment, reconstruct, write meshes.

    Parameters
    ----------
    input
        Tomogram: TIFF, MRC, HDF5, OME-Zarr, …
    bundle
        Write DIR/bundle.zip too, as the command export.
    """
    if surface.each_label:
        raise InvalidParameterError(
            "--each-label makes objects of the values of a label file: a score holds none."
        )
    files = SurfaceFiles(
        formats=export.meshes,
        unit=unit,
        objects=objects or (),
        instances=instances,
        bundle=out / BUNDLE_NAME if bundle else None,
    )
    written = places(out, files)
    wish = _wish(
        input, out, dataset, voxel_size_nm, part, model, z, segment, surface.threshold, scheduler
    )
    keep_apart([input], written)
    size = wish.tomogram.voxel_size_nm
    surface.least_voxels(size)
    require_unit(unit, size)
    for path in written:
        prepare_file(path)
    with contextlib.ExitStack() as stack:
        if bundle and wish.scheduler is None:
            # The bundle shows the tomogram too: so each slice is read once.
            scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=out, prefix=".tomogram-"))
            wish = replace(wish, tomogram=remembered(wish.tomogram, Path(scratch) / "voxels"))
        score, segmented = _segment_to(wish, progress)
        surfaces, paths = reconstruct_to(
            *(out, score, surface, files, progress),
            tomogram=wish.tomogram,
            mask=open_volume(out / MASK_NAME) if bundle else None,
            records=segment_record(score),
        )
    reconstructed = surfaces.summary() | {"files": [str(path) for path in paths]}
    return Outcome(
        _segment_text(segmented, wish.tomogram.warnings) + told(surfaces, reconstructed),
        {"segment": segmented, "reconstruct": reconstructed},
    )


@command
def segment(
    input: Path,
    /,
    *,
    out: OutFolder,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
    model: ModelName = DEFAULT_MODEL,
    z: Slices = _ALL,
    segment: SegmentParams,
    scheduler: Scheduler = None,
    threshold: Threshold = _THRESHOLD,
    progress: Progress,
) -> Outcome:
    """Score a tomogram and write score and mask.

    Parameters
    ----------
    input
        Tomogram: TIFF, MRC, HDF5, OME-Zarr, …
    """
    wish = _wish(input, out, dataset, voxel_size_nm, part, model, z, segment, threshold, scheduler)
    _, report = _segment_to(wish, progress)
    return Outcome(_segment_text(report, wish.tomogram.warnings), report)


def _wish(
    path: Path,
    out: Path,
    dataset: str | None,
    voxel_size_nm: VoxelSizeNm,
    part: PartParams,
    model: str,
    z: tuple[int, int | None],
    params: SegmentParams,
    threshold: float,
    scheduler: str | None,
) -> _Wish:
    """Check all that can be checked before the work."""
    from deepsxt_core.workflow.segmentation import RUN_NAME

    params = replace(params, z0=z[0], z1=z[1])
    Score.threshold_code(threshold)
    tomogram = open_tomogram(path, dataset, voxel_size_nm, part)
    names = (SCORE_NAME, RUN_NAME, CHECKPOINT_NAME, MASK_NAME)
    keep_apart([path], [out / name for name in names])
    prepare_folder(out)
    prepare_file(out / MASK_NAME)
    return _Wish(
        tomogram=tomogram,
        model=model,
        out=out,
        params=params,
        threshold=threshold,
        scheduler=scheduler or settings.scheduler(),
    )


def _segment_to(wish: _Wish, progress: Progress) -> tuple[Score, dict[str, Any]]:
    from deepsxt_core.workflow import segmentation

    with native_stderr_silenced():
        model = open_model(wish.model)
        if wish.scheduler is None:
            fastest(model)
    score = segmentation.segment(
        wish.tomogram, model, wish.out, wish.params, progress, scheduler=wish.scheduler
    )
    mask = wish.out / MASK_NAME
    marked = write_mask(score, wish.threshold, mask)
    record = json.loads((wish.out / segmentation.RUN_NAME).read_text(encoding="utf-8"))
    return score, {
        "score": str(wish.out / SCORE_NAME),
        "mask": str(mask),
        "shape": list(score.volume.shape),
        "voxel_size_nm": record["input"]["voxel_size_nm"],
        "origin_nm": list(score.placed.origin_nm),
        "positive_fraction": marked,
        "inverted": record["inverted"],
        "model": record["model"]["name"],
        "device": record["device"],
        "precision": record["precision"],
        "seconds": record["seconds"],
        "warnings": record["warnings"],
    }


def _segment_text(report: dict[str, Any], told: tuple[str, ...]) -> list[str]:
    """Return what people are told; what was `told` when the file was opened is not said again."""
    return [
        f"Score  {report['score']}",
        f"Mask   {report['mask']}",
        f"{report['positive_fraction']:.1%} of the voxels are membrane; "
        f"{report['shape'][0]} slices in {report['seconds']:.1f} s "
        f"on {report['device']} ({report['precision']})"
        + ("; grey values inverted" if report["inverted"] else "")
        + ".",
        *(f"Note   {warning}" for warning in report["warnings"] if warning not in told),
    ]
