"""``deepsxt reconstruct | measure | export``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from deepsxt_core.cli.opening import open_source, require_unit
from deepsxt_core.cli.options import (
    Dataset,
    Outcome,
    OutFolder,
    VoxelSizeNm,
    comma_separated,
    command,
)
from deepsxt_core.export.bundle import write_bundle
from deepsxt_core.export.meshes import UNITS, ColouredMesh, in_unit, write_surfaces
from deepsxt_core.export.volumes import write_instances
from deepsxt_core.files import keep_apart, prepare_file, prepare_folder, read_json
from deepsxt_core.io import open_volume, writer_for
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces
from deepsxt_core.surface.measure.processes import process_columns
from deepsxt_core.surface.measure.quantities import table
from deepsxt_core.surface.measure.tables import FILE_NAMES, Measurements
from deepsxt_core.volume import Mask, Score, Volume
from deepsxt_core.workflow.recipe import ExportParams

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


def register(app: App) -> None:
    """Add the commands."""
    for function in (reconstruct, measure, export):
        command(app)(function)


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
    """Turn a score (score.ome.zarr) or a mask file into meshes.

    Parameters
    ----------
    input
        Score or mask.
    """
    written = surface_files(out, export, instances)
    keep_apart([input], written)
    source = open_source(input, dataset, voxel_size_nm)
    require_unit(unit, source.volume.voxel_size_nm)
    for path in written:
        prepare_file(path)
    surfaces, report = reconstruct_to(
        source, surface, out, export.meshes, unit, instances, objects, progress
    )
    return Outcome(told(surfaces, report), report)


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
    """Measure the objects in a score (score.ome.zarr) or a mask file.

    Parameters
    ----------
    input
        Score or mask.
    tomogram
        What was segmented, for the mean grey value in each object.
    """
    from deepsxt_core.workflow import pipeline

    read = [input] if tomogram is None else [input, tomogram]
    keep_apart(read, [out / name for name in FILE_NAMES])
    source = open_source(input, dataset, voxel_size_nm)
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
        What was segmented in it: score.ome.zarr, or a mask file.
    out
        File to write.
    """
    from deepsxt_core.workflow import pipeline

    keep_apart([input, score], [out])
    tomogram = open_volume(input, dataset=dataset, voxel_size_nm=voxel_size_nm)
    source = open_source(score, None, voxel_size_nm)
    prepare_file(out)
    surfaces = pipeline.reconstruct(source, surface, progress)
    path = bundle_to(out, tomogram, source, surfaces, surface, progress)
    return Outcome(
        [f"Bundle {path}, {path.stat().st_size / 1e6:.1f} MB"],
        surfaces.summary() | {"files": [str(path)]},
    )


def surface_files(out: Path, export: ExportParams, instances: Path | None) -> list[Path]:
    """Return the files that `reconstruct_to` will write.

    Raises
    ------
    InvalidParameterError
        If there is no format of the suffix of `instances`.
    """
    files = [out / f"surface.{suffix}" for suffix in export.meshes]
    if instances is not None:
        writer_for(instances)
        files.append(instances)
    return files


def reconstruct_to(
    source: Score | Mask,
    params: ReconstructParams,
    out: Path,
    formats: Sequence[str],
    unit: str | None,
    instances: Path | None,
    objects: tuple[int, ...] | None,
    progress: Progress,
) -> tuple[Surfaces, dict[str, Any]]:
    """Make surfaces and write them; return them, and what is to be told about them."""
    from deepsxt_core.workflow import pipeline

    surfaces = pipeline.reconstruct(source, params, progress)
    meshes: ColouredMesh = surfaces.select(objects) if objects else surfaces
    if unit:
        volume = source.volume
        meshes = in_unit(meshes, unit, volume.voxel_size_nm, volume.whole_origin_nm)
    files = write_surfaces(meshes, out, formats)
    if instances:
        write_instances(source, params, instances, progress)
        files.append(instances)
    return surfaces, surfaces.summary() | {"files": [str(path) for path in files]}


def bundle_to(
    path: Path,
    tomogram: Volume,
    source: Score | Mask,
    surfaces: Surfaces,
    params: ReconstructParams,
    progress: Progress,
) -> Path:
    """Write a bundle, with the record of the segmentation where there is one."""
    records = {"reconstruct": {"step": "reconstruct", "params": plain(params)}}
    made_from = source.volume.path
    segmented = read_json(made_from.parent / "run.json") if made_from else None
    if segmented is not None:
        records["segment"] = segmented
    return write_bundle(path, tomogram, source, surfaces, params, records, progress)


def told(surfaces: Surfaces, report: dict[str, Any]) -> list[str]:
    """Return what people are told about surfaces and their files."""
    unit = surfaces.unit
    lines = [f"{report['objects']} objects, {report['faces']:,} faces"]
    lines += [
        f"  {row.id:4}  volume {row.volume:10.4g} {unit}³   area {row.area:10.4g} {unit}²"
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
