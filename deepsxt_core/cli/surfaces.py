"""``deepsxt reconstruct | measure | export``."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deepsxt_core.annotation import is_annotation, open_annotation
from deepsxt_core.annotation.creation import DESCRIPTION
from deepsxt_core.annotation.review_state import review_state
from deepsxt_core.cli.opening import open_part, open_source, require_unit
from deepsxt_core.cli.options import (
    Dataset,
    Outcome,
    OutFolder,
    VoxelSizeNm,
    comma_separated,
    command,
)
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.meshes import UNITS
from deepsxt_core.files import keep_apart, prepare_file, prepare_folder, read_json
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.io import open_volume, writer_for
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.preprocessing import find_wedge
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces, UncertaintyParams
from deepsxt_core.surface.measure.classes import class_totals, contact_columns, total_columns
from deepsxt_core.surface.measure.processes import process_columns
from deepsxt_core.surface.measure.quantities import table
from deepsxt_core.surface.measure.shapes import wedge_elongation
from deepsxt_core.surface.measure.tables import FILE_NAMES, Measurements
from deepsxt_core.volume import Mask, Score, Volume
from deepsxt_core.workflow.recipe import ExportParams
from deepsxt_core.workflow.surface_files import SurfaceFiles, reconstruct_to

_SHOWN = 20

TiltRange = Annotated[
    float | None,
    Parameter(
        help="Highest tilt of the series, in degrees; left out, it is estimated from --tomogram.",
    ),
]

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
    part: PartParams,
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
    source = open_source(input, dataset, voxel_size_nm, threshold=surface.threshold, part=part)
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
    part: PartParams,
    tomogram: Path | None = None,
    tilt_range_deg: TiltRange = None,
    surface: ReconstructParams,
    processes: ProcessParams,
    uncertainty: UncertaintyParams,
    progress: Progress,
) -> Outcome:
    """Measure the objects in a score (score.ome.zarr), a mask file or an annotation.

    A single slice is measured in two dimensions: areas and lengths, no volumes.

    Parameters
    ----------
    input
        Score, mask or annotation.
    tomogram
        What was segmented, for the mean grey value in each object, and for the tilt range.
    """
    from deepsxt_core.workflow import pipeline

    if tilt_range_deg is not None and not 0 < tilt_range_deg <= 90:
        raise InvalidParameterError(
            f"--tilt-range-deg must be above 0 and at most 90: got {tilt_range_deg:g}."
        )
    read = [input] if tomogram is None else [input, tomogram]
    keep_apart(read, [out / name for name in FILE_NAMES])
    source = open_source(input, dataset, voxel_size_nm, threshold=surface.threshold, part=part)
    grey = open_volume(tomogram) if tomogram else None
    prepare_folder(out)
    if source.volume.shape[0] == 1:
        return _slice_measured(source, surface, out)
    # An annotation may change: it is read as it is at the beginning.
    with unchanged(None if is_annotation(input) else input), unchanged(tomogram):
        result = pipeline.measure(
            source, surface, processes, progress, tomogram=grey, uncertainty=uncertainty
        )
    files = result.write(out)
    surfaces = result.surfaces
    report = surfaces.summary() | {"files": [str(path) for path in files]}
    lines = told(surfaces, report | {"files": []}) + _process_text(result) + result.sentences()
    review = review_state(open_annotation(input)) if is_annotation(input) else None
    return Outcome(
        [*lines, *(f"Table  {path}" for path in files)],
        report
        | {
            "table": table(result.objects, surfaces.unit),
            "totals": result.totals(),
            "classes": total_columns(class_totals(result.objects), surfaces.unit),
            "contacts": contact_columns(result.contacts, surfaces.unit),
            "processes": process_columns(result.processes, surfaces.unit),
        }
        | ({} if review is None else {"review": review.to_json()})
        | _wedge_report(grey, tilt_range_deg),
    )


def _slice_measured(source: Score | Mask, params: ReconstructParams, out: Path) -> Outcome:
    from deepsxt_core.surface.measure.slices import measure_slice

    found = measure_slice(source, params)
    files, unit = found.write(out), found.unit
    lines = [f"{len(found.objects)} objects in a single slice: areas, no volumes"]
    lines += [
        f"  {one.object:4}  area {one.area:10.4g} {unit}²   perimeter {one.perimeter:10.4g} {unit}"
        + "   cut by the border" * one.cut_by_border
        for one in found.objects[:_SHOWN]
    ]
    return Outcome(
        [*lines, *(f"Table  {path}" for path in files)],
        {
            "dimensions": 2,
            "objects": len(found.objects),
            "table": found.table(),
            "totals": found.totals(),
            "files": [str(path) for path in files],
        },
    )


def _wedge_report(tomogram: Volume | None, given_deg: float | None) -> dict[str, Any]:
    """Return the tilt range, who says so, and by how much it stretches fine detail along z."""
    tilt: float | None = given_deg
    if tilt is None and tomogram is not None:
        wedge = find_wedge(tomogram)
        tilt = None if wedge is None else wedge.tilt_range_deg
    says = "given" if given_deg is not None else "the tomogram's spectrum"
    return {
        "tilt_range_deg": tilt,
        "tilt_range_from": None if tilt is None else says,
        "wedge_elongation": None if tilt is None else wedge_elongation(tilt),
    }


@command
def export(
    input: Path,
    /,
    *,
    score: Annotated[Path, Parameter(metavar="PATH")],
    out: Annotated[Path, Parameter(metavar="FILE.zip")],
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
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
    tomogram = open_part(input, dataset, voxel_size_nm, part)
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
