"""``deepsxt reconstruct | measure | export``."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deepsxt_core.annotation.creation import DESCRIPTION
from deepsxt_core.cli.opening import open_source, require_unit
from deepsxt_core.cli.options import (
    Dataset,
    Outcome,
    OutFolder,
    VoxelSizeNm,
    comma_separated,
    command,
)
from deepsxt_core.export.meshes import UNITS
from deepsxt_core.files import keep_apart, prepare_file, prepare_folder, read_json
from deepsxt_core.io import open_volume, writer_for
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces
from deepsxt_core.surface.measure.processes import process_columns
from deepsxt_core.surface.measure.quantities import table
from deepsxt_core.surface.measure.tables import FILE_NAMES, Measurements
from deepsxt_core.volume import Mask, Score
from deepsxt_core.workflow.recipe import ExportParams
from deepsxt_core.workflow.surface_files import SurfaceFiles, reconstruct_to

_SHOWN = 20

Unit = Annotated[
    str | None,
    Parameter(
        help="Of the coordinates in the mesh files; left out, µm, or voxels where their size is "
        "not known.",
        choices=tuple(UNITS),
    ),
]
Instances = Annotated[
    Path | None,
    Parameter(
        help="File for the number of the object at each voxel: .tif, .mrc, .ome.zarr, …",
        metavar="FILE",
    ),
]
Objects = Annotated[
    tuple[int, ...] | None,
    Parameter(
        help="Write the meshes of these objects alone.",
        converter=comma_separated(int, "object numbers with commas between, such as 2,7"),
        n_tokens=1,
        negative="",
        metavar="ID,ID",
    ),
]


@command
def reconstruct(
    input: Path,
    /,
    *,
    out: OutFolder,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    surface: ReconstructParams,
    export: ExportParams,
    unit: Unit = None,
    instances: Instances = None,
    objects: Objects = None,
    progress: Progress,
) -> Outcome:
    """Turn a score (score.ome.zarr), a mask file or an annotation into meshes.

    Parameters
    ----------
    input
        Score, mask or annotation.
    """
    files = SurfaceFiles(
        formats=export.meshes, unit=unit, objects=objects or (), instances=instances
    )
    written = places(out, files)
    keep_apart([input], written)
    source = open_source(input, dataset, voxel_size_nm, threshold=surface.threshold)
    require_unit(unit, source.volume.voxel_size_nm)
    for path in written:
        prepare_file(path)
    surfaces, paths = reconstruct_to(out, source, surface, files, progress)
    report = surfaces.summary() | {"files": [str(path) for path in paths]}
    return Outcome(told(surfaces, report), report)


@command
def measure(
    input: Path,
    /,
    *,
    out: OutFolder,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    tomogram: Path | None = None,
    surface: ReconstructParams,
    processes: ProcessParams,
    progress: Progress,
) -> Outcome:
    """Measure the objects in a score (score.ome.zarr), a mask file or an annotation.

    Parameters
    ----------
    input
        Score, mask or annotation.
    tomogram
        What was segmented, for the mean grey value in each object.
    """
    from deepsxt_core.workflow import pipeline

    read = [input] if tomogram is None else [input, tomogram]
    keep_apart(read, [out / name for name in FILE_NAMES])
    source = open_source(input, dataset, voxel_size_nm, threshold=surface.threshold)
    grey = open_volume(tomogram) if tomogram else None
    prepare_folder(out)
    result = pipeline.measure(source, surface, processes, progress, tomogram=grey)
    files = result.write(out)
    surfaces = result.surfaces
    report = surfaces.summary() | {"files": [str(path) for path in files]}
    lines = told(surfaces, report | {"files": []}) + _process_text(result)
    return Outcome(
        [*lines, *(f"Table  {path}" for path in files)],
        report
        | {
            "table": table(result.objects, surfaces.unit),
            "totals": result.totals(),
            "processes": process_columns(result.processes, surfaces.unit),
        },
    )


@command
def export(
    input: Path,
    /,
    *,
    score: Annotated[Path, Parameter(metavar="PATH")],
    out: Annotated[Path, Parameter(metavar="FILE.zip")],
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    surface: ReconstructParams,
    progress: Progress,
) -> Outcome:
    """Write tomogram, mask, objects, meshes and tables into one zip for Fiji and ChimeraX.

    Parameters
    ----------
    input
        Tomogram: TIFF, MRC, HDF5, OME-Zarr, …
    score
        What was segmented in it: score.ome.zarr, an annotation, or a mask file.
    out
        File to write.
    """
    keep_apart([input, score], [out])
    tomogram = open_volume(input, dataset=dataset, voxel_size_nm=voxel_size_nm)
    source = open_source(score, None, voxel_size_nm, threshold=surface.threshold)
    prepare_file(out)
    surfaces, (path,) = reconstruct_to(
        out.parent,
        source,
        surface,
        SurfaceFiles(formats=(), bundle=out),
        progress,
        tomogram=tomogram,
        records=segment_record(source),
    )
    return Outcome(
        [f"Bundle {path}, {path.stat().st_size / 1e6:.1f} MB"],
        surfaces.summary() | {"files": [str(path)]},
    )


def places(out: Path, files: SurfaceFiles) -> list[Path]:
    """Return the files that `reconstruct_to` will write.

    Raises
    ------
    InvalidParameterError
        If the objects' numbers shall be written in a format that there is not.
    """
    if files.instances is not None:
        writer_for(files.instances)
    meshes = [out / f"surface.{suffix}" for suffix in files.formats]
    return [*meshes, *(path for path in (files.instances, files.bundle) if path is not None)]


def segment_record(source: Score | Mask) -> dict[str, dict[str, Any]]:
    """Return the record of the segmentation, or of the annotation, where it lies beside it."""
    made_from = source.volume.path
    if made_from is None:
        return {}
    records = {
        "segment": read_json(made_from.parent / "run.json"),
        "annotation": read_json(made_from.parent / DESCRIPTION),
    }
    return {step: record for step, record in records.items() if record is not None}


def told(surfaces: Surfaces, report: dict[str, Any]) -> list[str]:
    """Return what people are told about surfaces and their files."""
    unit = surfaces.unit
    lines = [f"{report['objects']} objects, {report['faces']:,} faces"]
    lines += [
        f"  {row.id:4}  volume {row.volume:10.4g} {unit}³   area {row.area:10.4g} {unit}²"
        + (f"   {row.name} ({row.class_name})" if row.name is not None else "")
        for row in surfaces.objects[:_SHOWN]
    ]
    if len(surfaces.objects) > _SHOWN:
        lines.append(f"  and {len(surfaces.objects) - _SHOWN} smaller ones")
    if surfaces.report is not None:
        lines += surfaces.report.sentences(int(surfaces.mesh.n_cells), unit)
    return lines + [f"Mesh   {path}" for path in report["files"]]


def _process_text(result: Measurements) -> list[str]:
    unit = result.surfaces.unit
    lines = [f"{len(result.processes)} thin processes"] if result.processes else []
    lines += [
        f"  {process.object:4}.{process.branch}  length {process.length:10.4g} {unit}   "
        f"diameter {process.diameter:8.4g} {unit}"
        for process in result.processes[:_SHOWN]
    ]
    if len(result.processes) > _SHOWN:
        lines.append(f"  and {len(result.processes) - _SHOWN} more")
    return lines
