"""Files made from results when somebody first asks for them, and kept beside the results."""

import csv
import hashlib
import tempfile
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.export.bundle import BundleContent, write_bundle
from deepsxt_core.export.figures import Theme, write_page, write_picture
from deepsxt_core.export.mesh_writers import ColouredMesh
from deepsxt_core.export.meshes import MESH_FORMATS, in_unit, write_mesh
from deepsxt_core.export.volumes import write_instances, write_mask, write_volume
from deepsxt_core.files import written_beside
from deepsxt_core.geometry import Place
from deepsxt_core.io import open_volume
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams, Surfaces, quantify
from deepsxt_core.surface.field.object_ids import object_labels
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.quantities import write_quantities
from deepsxt_core.surface.surfaces import MESH_NAME, ObjectRow, load_table
from deepsxt_core.surface.view import FULL_NAME, thinned, write_views
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace.annotated import source_region
from deepsxt_core.workspace.making import made
from deepsxt_core.workspace.results import INSTANCES_NAME, Result
from deepsxt_core.workspace.tomogram import Tomogram

SCORE_FILES = ("score.tif", "score.mrc", "mask.tif", "mask.mrc", "mask.npy")
MESH_FILES = tuple(f"surface{suffix}" for suffix in MESH_FORMATS)
INSTANCE_FILES = ("instances.tif", "instances.mrc")
OBJECTS_FILE = "objects.csv"
MEASUREMENTS_FILE = "measurements.csv"
MEASUREMENTS_FILES = (MEASUREMENTS_FILE, "measurements.parquet")
PAGE_FILE = "surface.html"
PICTURE_FILES: dict[str, Theme] = {"picture-light.png": "light", "picture-dark.png": "dark"}


def score_file(tomogram: Tomogram, result: Result, name: str, threshold: float = 0.0) -> Path:
    """Return a score, or where it lies above `threshold`, as one of `SCORE_FILES`.

    Raises
    ------
    InvalidParameterError
        If the name is none of them or the threshold is not in [-1, 1).
    """
    if name not in SCORE_FILES:
        raise InvalidParameterError(
            f"A score can be had as {', '.join(SCORE_FILES)}: got '{name}'."
        )
    # A score has no lengths in it: its files get the voxel size that is known today, so that one
    # that was wrong need not be paid for with another segmentation.
    score = tomogram.todays_score(result.id)
    kind, suffix = Path(name).stem, Path(name).suffix
    content = (kind, score.placed.geometry, threshold if kind == "mask" else None)
    path = (
        exports_folder(result)
        / f"{hashlib.sha256(repr(content).encode()).hexdigest()[:12]}{suffix}"
    )
    order = order_of("score", result, tomogram, name=name, threshold=threshold)
    if kind == "mask":
        return made(path, order, partial(write_mask, score, threshold))
    return made(path, order, partial(write_volume, score.placed))


def surface_file(
    result: Result, name: str, *, objects: Collection[int] = (), unit: str | None = None
) -> Path:
    """Return a surface in a mesh format, a table about its objects, or a picture of it.

    `OBJECTS_FILE` holds what was counted when the surface was made, `MEASUREMENTS_FILES` what
    its mesh tells; `PAGE_FILE` shows it in 3D without the app.

    Parameters
    ----------
    objects : collection of int
        Ids of the objects in a mesh file; none for all.
    unit : str, optional
        Of the coordinates in a mesh file, of `deepsxt_core.export.meshes.UNITS`; None leaves them
        in the unit of the surface.

    Raises
    ------
    InvalidParameterError
        If the name is none of them, or an id or the unit is not known.
    DrawingError
        If the page or a picture cannot be drawn here.
    """
    path = exports_folder(result) / name
    order = order_of("surface", result, name=name, objects=list(objects), unit=unit)
    if name == OBJECTS_FILE:
        return made(path, order, partial(_write_table, result.folder))
    if name in MEASUREMENTS_FILES:
        return made(path, order, partial(_write_measurements, result.folder))
    if name == PAGE_FILE:
        return made(path, order, lambda out: write_page(Surfaces.load(result.folder), out))
    if name in PICTURE_FILES:
        return made(path, order, partial(_write_picture, result.folder, PICTURE_FILES[name]))
    if name not in MESH_FILES:
        offered = (*MESH_FILES, OBJECTS_FILE, *MEASUREMENTS_FILES, PAGE_FILE, *PICTURE_FILES)
        raise InvalidParameterError(f"A surface can be had as {', '.join(offered)}: got '{name}'.")
    if objects or unit:
        content = hashlib.sha256(repr((sorted(objects), unit)).encode()).hexdigest()[:12]
        path = path.with_stem(f"{path.stem}-{content}")
    return made(path, order, partial(_write_mesh, result, objects, unit))


def measurement_file(result: Result, name: str) -> Path:
    """Return one of the tables that a measurement has written.

    Raises
    ------
    InvalidParameterError
        If there is none of that name.
    """
    known = sorted(
        path.name for path in result.folder.iterdir() if path.suffix in (".csv", ".parquet")
    )
    if name not in known:
        raise InvalidParameterError(f"The measurement holds {', '.join(known)}: got '{name}'.")
    return result.folder / name


def instances_file(tomogram: Tomogram, result: Result, name: str) -> Path:
    """Return the number of the object at each voxel of a surface, as one of `INSTANCE_FILES`.

    Raises
    ------
    InvalidParameterError
        If the name is none of them.
    DeepSXTError
        If what the surface was made from is gone.
    """
    if name not in INSTANCE_FILES:
        raise InvalidParameterError(
            f"Objects can be had as {', '.join(INSTANCE_FILES)}: got '{name}'."
        )
    path, order = exports_folder(result) / name, order_of("instances", result, tomogram, name=name)
    kept = kept_instances(result)
    if kept is not None:
        return made(path, order, partial(write_volume, kept))
    source = tomogram.surface_source(result)
    params = result.params(ReconstructParams)
    return made(path, order, partial(write_instances, source, params))


def view_file(folder: Path, name: str) -> Path:
    """Return one of `view.VIEW_FILES` of the surfaces in `folder`, made if it is not there.

    A file that is older than its mesh is made anew.

    Raises
    ------
    UnreadableFileError
        If `folder` does not hold a complete result.
    """
    path, version = folder / name, view_version(folder)

    def current() -> bool:
        return path.is_file() and path.stat().st_mtime_ns >= version

    return made(
        path,
        {"file": "view", "result": str(folder), "name": name},
        lambda _: write_views(Surfaces.load(folder), folder),
        current=current,
        together=folder / FULL_NAME,
    )


def view_version(folder: Path) -> int:
    """Return a number that is another one once the surfaces in `folder` have changed.

    Raises
    ------
    UnreadableFileError
        If there are none.
    """
    try:
        return (folder / MESH_NAME).stat().st_mtime_ns
    except OSError as error:
        raise UnreadableFileError(f"'{folder}' holds no surface. Make it again.") from error


def exports_folder(result: Result) -> Path:
    """Return where files are kept that were made from a result on demand."""
    folder = result.folder / "exports"
    folder.mkdir(exist_ok=True)
    return folder


def order_of(
    file: str, result: Result, tomogram: Tomogram | None = None, **asked: Any
) -> dict[str, Any]:
    """Return what `deepsxt_core.workspace.orders` needs to call what asks for a file once more."""
    of = None if tomogram is None else [str(tomogram.folder.parents[1]), tomogram.id]
    return {"file": file, "result": str(result.folder), "tomogram": of, **asked}


def _write_mesh(result: Result, objects: Collection[int], unit: str | None, path: Path) -> None:
    surfaces = Surfaces.load(result.folder)
    mesh: ColouredMesh = surfaces.select(objects) if objects else surfaces
    if unit:
        mesh = in_unit(mesh, unit, result.voxel_size_nm, _whole_origin_nm(result))
    write_mesh(mesh, path)


def _whole_origin_nm(surface: Result) -> Place:
    z, y, x = surface.run.get("whole_origin_nm", (0.0, 0.0, 0.0))
    return z, y, x


def _write_measurements(folder: Path, path: Path) -> None:
    surfaces = Surfaces.load(folder)
    write_quantities(quantify(surfaces), surfaces.unit, path)


def _write_picture(folder: Path, theme: Theme, path: Path) -> None:
    write_picture(thinned(Surfaces.load(folder)), path, theme=theme)


def write_objects(unit: Unit, rows: Sequence[ObjectRow], path: Path) -> None:
    """Write one line per object as CSV; lengths in `unit`, names and classes if there are any."""
    named = any(row.name is not None for row in rows)
    length = plain_unit(unit)
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ["object", *(["name", "class"] if named else [])]
            + ["voxels", "faces", f"volume_{length}3", f"area_{length}2"]
            + [f"centroid_{axis}_{length}" for axis in "xyz"]
            + [f"{axis}_{end}_{length}" for axis in "xyz" for end in ("min", "max")]
        )
        for row in rows:
            table.writerow(
                [
                    *(row.id, *((row.name, row.class_name) if named else ())),
                    *(row.voxels, row.faces, row.volume, row.area, *row.centroid, *row.bounds),
                ]
            )


def _write_table(folder: Path, path: Path) -> None:
    unit, rows = load_table(folder)
    write_objects(unit, rows, path)


def bundle_result(
    tomogram: Tomogram, surface: Result, path: Path, progress: Progress | None = None
) -> Path:
    """Write the bundle of a surface in the workspace to `path`, and return it.

    Raises
    ------
    DeepSXTError
        If what the surface was made from, or the tomogram's file, is gone.
    """
    source, score_id = tomogram.surface_source(surface), surface.identity.get("score")
    records = {"reconstruct": surface.run}
    if score_id is not None:
        records["segment"] = tomogram.result("scores", score_id).run
    binning = source_region(tomogram, surface).bin
    size = surface.voxel_size_nm
    # Of the whole tomogram, in voxels that are not binned.
    whole = size and VoxelSize(*(edge / binning for edge in size))
    params = surface.params(ReconstructParams)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".labels-") as scratch:
        content = BundleContent.of(
            tomogram.volume().with_voxel_size(whole),
            source,
            params,
            kept_instances(surface)
            or object_labels(source, params, Path(scratch) / "labels", progress),
            Surfaces.load(surface.folder),
        )
        return write_bundle(path, content, records, progress)


def kept_instances(surface: Result) -> Volume | None:
    """Return the id of the object at each voxel as it was counted when the surface was made.

    None for surfaces of earlier versions, which did not keep it.
    """
    path = surface.folder / INSTANCES_NAME
    return open_volume(path) if path.is_dir() else None
