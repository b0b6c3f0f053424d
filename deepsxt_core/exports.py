"""Files made from results when somebody first asks for them, and kept beside the results."""

import csv
import hashlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import written_beside
from deepsxt_core.io.meshes import ColouredMesh, in_unit, write_mesh
from deepsxt_core.pipeline import write_instances, write_mask, write_volume
from deepsxt_core.surface import ReconstructParams, Surfaces, quantify
from deepsxt_core.surface.quantities import write_quantities
from deepsxt_core.surface.scene import Scene, Theme, write_scene
from deepsxt_core.surface.surfaces import ObjectRow, Unit, load_table
from deepsxt_core.workspace import Result, Tomogram

SCORE_FILES = ("score.tif", "score.mrc", "mask.tif", "mask.mrc")
MESH_FILES = tuple(f"surface.{name}" for name in ("stl", "obj", "ply", "vtp", "glb"))
INSTANCE_FILES = ("instances.tif", "instances.mrc")
OBJECTS_FILE = "objects.csv"
MEASUREMENTS_FILE = "measurements.csv"
MEASUREMENTS_FILES = (MEASUREMENTS_FILE, "measurements.parquet")


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
    score = tomogram.score(result.id)
    kind, suffix = Path(name).stem, Path(name).suffix
    # The voxel size may be corrected later; the file must not keep the old one.
    content = (kind, score.placed.geometry, threshold if kind == "mask" else None)
    path = _exports(result) / f"{hashlib.sha256(repr(content).encode()).hexdigest()[:12]}{suffix}"
    if kind == "mask":
        return _made(path, partial(write_mask, score, threshold))
    return _made(path, partial(write_volume, score.placed))


def surface_file(
    result: Result, name: str, *, objects: Collection[int] = (), unit: str | None = None
) -> Path:
    """Return a surface as one of `MESH_FILES`, or a table about its objects.

    `OBJECTS_FILE` holds what was counted when the surface was made, `MEASUREMENTS_FILES` what
    its mesh tells.

    Parameters
    ----------
    objects : collection of int
        Ids of the objects in a mesh file; none for all.
    unit : str, optional
        Of the coordinates in a mesh file, of `deepsxt_core.io.meshes.UNITS`; None leaves them in
        the unit of the surface.

    Raises
    ------
    InvalidParameterError
        If the name is none of them, or an id or the unit is not known.
    """
    path = _exports(result) / name
    if name == OBJECTS_FILE:
        return _made(path, partial(_write_table, result.folder))
    if name in MEASUREMENTS_FILES:
        return _made(path, partial(_write_measurements, result.folder))
    if name not in MESH_FILES:
        known = ", ".join((*MESH_FILES, OBJECTS_FILE, *MEASUREMENTS_FILES))
        raise InvalidParameterError(f"A surface can be had as {known}: got '{name}'.")
    if objects or unit:
        content = hashlib.sha256(repr((sorted(objects), unit)).encode()).hexdigest()[:12]
        path = path.with_stem(f"{path.stem}-{content}")
    return _made(path, partial(_write_mesh, result, objects, unit))


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
        If the score that the surface was made from is gone.
    """
    if name not in INSTANCE_FILES:
        raise InvalidParameterError(
            f"Objects can be had as {', '.join(INSTANCE_FILES)}: got '{name}'."
        )
    score = tomogram.score(result.run["recipe"]["score"])
    params = ReconstructParams(**result.run["params"])
    return _made(_exports(result) / name, partial(write_instances, score, params))


def scene(result: Result, theme: Theme) -> Scene:
    """Return the 3D view of a surface as it was drawn when the surface was made, or since."""
    told = result.run["scenes"][theme]
    html, picture = _scene_paths(result, theme)
    return Scene(
        html if html.is_file() else None,
        picture if picture.is_file() else None,
        told["faces_shown"],
        told["note"],
    )


def redraw(result: Result, theme: Theme) -> Scene:
    """Draw the 3D view of a surface again, for instance after a failure."""
    return write_scene(Surfaces.load(result.folder), *_scene_paths(result, theme), theme=theme)


def _scene_paths(result: Result, theme: Theme) -> tuple[Path, Path]:
    return result.folder / f"scene-{theme}.html", result.folder / f"scene-{theme}.png"


def _exports(result: Result) -> Path:
    folder = result.folder / "exports"
    folder.mkdir(exist_ok=True)
    return folder


def _made(path: Path, write: Callable[[Path], object]) -> Path:
    # Writers let a file appear complete, so that what is there can be handed out.
    if not path.exists():
        write(path)
    return path


def _write_mesh(result: Result, objects: Collection[int], unit: str | None, path: Path) -> None:
    surfaces = Surfaces.load(result.folder)
    mesh: ColouredMesh = surfaces.select(objects) if objects else surfaces
    if unit:
        size = result.run["recipe"]["voxel_size_nm"]
        mesh = in_unit(mesh, unit, size, result.run["whole_origin_nm"])
    write_mesh(mesh, path)


def _write_measurements(folder: Path, path: Path) -> None:
    surfaces = Surfaces.load(folder)
    write_quantities(quantify(surfaces), surfaces.unit, path)


def write_objects(unit: Unit, rows: Sequence[ObjectRow], path: Path) -> None:
    """Write one line per object as CSV; lengths in `unit`."""
    length = "um" if unit == "µm" else unit
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ["object", "voxels", "faces", f"volume_{length}3", f"area_{length}2"]
            + [f"centroid_{axis}_{length}" for axis in "xyz"]
            + [f"{axis}_{end}_{length}" for axis in "xyz" for end in ("min", "max")]
        )
        for row in rows:
            table.writerow(
                [row.id, row.voxels, row.faces, row.volume, row.area, *row.centroid, *row.bounds]
            )


def _write_table(folder: Path, path: Path) -> None:
    unit, rows = load_table(folder)
    write_objects(unit, rows, path)
