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
from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.files import keep_apart, prepare_file, prepare_folder
from deepsxt_core.inference import CHECKPOINT_NAME, SegmentParams
from deepsxt_core.inference.engines import fastest
from deepsxt_core.io import SCORE_NAME, open_score, open_volume
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.io.spool import remembered
from deepsxt_core.network import DEFAULT_MODEL, find_model, open_model
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow.class_folders import CLASSES_NAME, class_folders
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
    if objects and len(find_model(model).classes()) > 1:
        raise InvalidParameterError(
            f"{model!r} finds several classes, and the objects of each have numbers of their own. "
            "Leave --objects out, and choose by 'deepsxt reconstruct' of the score of a class."
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
        return _all_surfaces(_segment_to(wish, progress), surface, files, wish.tomogram, progress)


def _all_surfaces(
    scored: list[tuple[Score, dict[str, Any]]],
    params: ReconstructParams,
    files: SurfaceFiles,
    tomogram: Volume,
    progress: Progress,
) -> Outcome:
    """Reconstruct the surfaces of each class; of several, some may have none."""
    lines, reports = [], []
    for score, segmented in scored:
        try:
            text, reconstructed = _surfaces_of(score, params, files, tomogram, progress)
        except EmptySurfaceError as error:
            if len(scored) == 1:
                raise
            text, reconstructed = [f"{score.class_name}: {error}"], None
        lines += _segment_text(segmented, tomogram.warnings) + text
        reports.append({"segment": segmented, "reconstruct": reconstructed})
    first, *others = reports
    return Outcome(lines, first | ({"classes": others} if others else {}))


def _surfaces_of(
    score: Score,
    params: ReconstructParams,
    files: SurfaceFiles,
    tomogram: Volume,
    progress: Progress,
) -> tuple[list[str], dict[str, Any]]:
    """Reconstruct the surfaces of one class; those after the first have folders of their own."""
    folder = _folder_of(score)
    if files.bundle is not None:
        files = replace(files, bundle=folder / BUNDLE_NAME)
    if files.instances is not None and folder.parent.name == CLASSES_NAME:
        named = f"{files.instances.stem}-{score.class_name}{files.instances.suffix}"
        files = replace(files, instances=files.instances.with_name(named))
    surfaces, paths = reconstruct_to(
        *(folder, score, params, files, progress),
        tomogram=tomogram,
        mask=open_volume(folder / MASK_NAME) if files.bundle else None,
        records=segment_record(score),
    )
    report = surfaces.summary() | {"files": [str(path) for path in paths]}
    return told(surfaces, report), report


def _folder_of(score: Score) -> Path:
    if score.volume.path is None:
        raise ValueError("a score that was just written has a path")
    return score.volume.path.parent


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
    first, *others = (report for _, report in _segment_to(wish, progress))
    lines = [
        line for one in (first, *others) for line in _segment_text(one, wish.tomogram.warnings)
    ]
    return Outcome(lines, first | ({"classes": others} if others else {}))


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


def _segment_to(wish: _Wish, progress: Progress) -> list[tuple[Score, dict[str, Any]]]:
    """Segment, and return the score of each class with its report."""
    from deepsxt_core.workflow import segmentation

    with native_stderr_silenced():
        model = open_model(wish.model)
        if wish.scheduler is None:
            fastest(model)
    segmentation.segment(
        wish.tomogram, model, wish.out, wish.params, progress, scheduler=wish.scheduler
    )
    folders = [folder for _, folder in class_folders(wish.out, model.config.classes)]
    return [_masked(folder, wish.threshold) for folder in folders]


def _masked(folder: Path, threshold: float) -> tuple[Score, dict[str, Any]]:
    """Write the mask of the score in a folder, and return that score and what is told of it."""
    from deepsxt_core.workflow.segmentation import RUN_NAME

    score, mask = open_score(folder / SCORE_NAME), folder / MASK_NAME
    marked = write_mask(score, threshold, mask)
    record = json.loads((folder / RUN_NAME).read_text(encoding="utf-8"))
    return score, {
        **({} if score.class_name is None else {"class": score.class_name}),
        "score": str(folder / SCORE_NAME),
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
        f"{report['positive_fraction']:.1%} of the voxels are {report.get('class', 'membrane')}; "
        f"{report['shape'][0]} slices in {report['seconds']:.1f} s "
        f"on {report['device']} ({report['precision']})"
        + ("; grey values inverted" if report["inverted"] else "")
        + ".",
        *(f"Note   {warning}" for warning in report["warnings"] if warning not in told),
    ]
