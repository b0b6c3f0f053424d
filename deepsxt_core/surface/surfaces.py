"""The result of a reconstruction: one mesh of closed objects and a table about them."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.files import require_bytes, written_beside
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.polydata import build_mesh, vtp_bytes
from deepsxt_core.surface.report import Report

if TYPE_CHECKING:
    import pyvista


MESH_NAME = "surface.vtp"
TABLE_NAME = "objects.json"

# Okabe and Ito's colours, told apart with any kind of colour vision, in an order in which
# neighbours differ in lightness too. Source: Okabe and Ito 2008, "Color Universal Design".
PALETTE: NDArray[np.uint8] = np.array(
    [
        (0, 114, 178),
        (230, 159, 0),
        (0, 158, 115),
        (204, 121, 167),
        (86, 180, 233),
        (213, 94, 0),
        (240, 228, 66),
    ],
    dtype=np.uint8,
)


_TUPLES = ("centroid", "bounds", "true_voxels")


def object_colours(ids: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the colours (n, 3) of objects `ids` (n,), red, green, blue; always the same."""
    return PALETTE[(np.asarray(ids) - 1) % len(PALETTE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow:
    """What is known about one object. Lengths, areas and volumes in the unit of its surfaces.

    Attributes
    ----------
    id : int
        1 is the object of most voxels; a merged one has the smallest id of its parts.
    voxels : int
        Voxels above the threshold, after smoothing.
    faces : int
        Triangles.
    volume : float
        Enclosed by the mesh, in unit³; a hollow counts as outside.
    area : float
        Of the mesh, in unit².
    centroid : tuple of float
        Of the enclosed volume, (x, y, z).
    bounds : tuple of float
        (x_min, x_max, y_min, y_max, z_min, z_max).
    mean_score : float or None
        Of the smoothed score over its voxels; None where there was a mask and no score.
    mean_grey_value : float or None
        Of the tomogram over its voxels; None where it was not given.
    volume_error : float or None
        For an object of fewer than `SMALL_VOXELS` voxels that encloses more or less than they,
        by more than `VOLUME_BOUND`: the difference. None for all others.
    name, class_name, colour : str or None
        As people have called and coloured it; None where they have not.
    state : str or None
        Whether a person has looked at it, as an annotation tells; None where none does.
    capped : bool or None
        Whether the program has closed it where its membrane is not seen; None if nobody knows.
    true_voxels : (low, high) or None
        Between what its true number of voxels lies, of a body that was grown.
    """

    id: int
    voxels: int
    faces: int
    volume: float
    area: float
    centroid: tuple[float, float, float]
    bounds: tuple[float, float, float, float, float, float]
    mean_score: float | None = None
    mean_grey_value: float | None = None
    volume_error: float | None = None
    name: str | None = None
    class_name: str | None = None
    colour: str | None = None
    state: str | None = None
    capped: bool | None = None
    true_voxels: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Surfaces:
    """Closed, outward oriented surfaces of objects, largest first.

    Attributes
    ----------
    mesh : pyvista.PolyData
        Triangles. Points float32 (x, y, z), right-handed: the centre of voxel (z=k, y=j, x=i)
        of the tomogram lies at (i dx, j dy, k dz) from its origin, also if the surfaces are
        made from a part of it; in voxels, the origin counts as 0. Cell data ``"object"``
        (int32) holds the id per face. Points and faces are ordered by object, and no two
        objects share a point.
    objects : tuple of ObjectRow
        One row per object, ordered by id.
    unit : str
        Unit of all lengths: ``"µm"``, or ``"voxel"`` where the voxel size is not known.
    report : Report or None
        What the steps have changed; None where that is not recorded.
    """

    mesh: "pyvista.PolyData"
    objects: tuple[ObjectRow, ...]
    unit: Unit
    report: Report | None = None

    @property
    def triangles(self) -> NDArray[np.int64]:
        """Point indices (faces, 3)."""
        return np.asarray(self.mesh.regular_faces)

    @property
    def face_objects(self) -> NDArray[np.int32]:
        """Object id of each face (faces,), ascending."""
        return np.asarray(self.mesh.cell_data["object"])

    @property
    def point_objects(self) -> NDArray[np.int32]:
        """Object id of each point (points,), ascending."""
        ids = np.zeros(self.mesh.n_points, np.int32)
        ids[self.triangles] = self.face_objects[:, np.newaxis]
        return ids

    @property
    def point_colours(self) -> NDArray[np.uint8]:
        """Red, green, blue of each point (points, 3): its object's own colour, if it has one."""
        ids, places = np.unique(self.point_objects, return_inverse=True)
        colours = object_colours(ids)
        own = {row.id: row.colour for row in self.objects if row.colour is not None}
        for place, object_id in enumerate(ids.tolist()):
            if object_id in own:
                colours[place] = list(bytes.fromhex(own[object_id][1:]))
        return colours[places]

    def select(self, ids: Collection[int]) -> Self:
        """Return the same surfaces with objects `ids` alone, ids and colours unchanged.

        Raises
        ------
        InvalidParameterError
            If `ids` is empty or holds an unknown id.
        """
        known = {row.id for row in self.objects}
        unknown = sorted(set(ids) - known)
        if unknown or not ids:
            raise InvalidParameterError(
                f"Select objects by ids from {min(known)} to {max(known)}: got {unknown or 'none'}."
            )
        keep = np.isin(self.point_objects, list(ids))
        mesh = build_mesh(
            np.asarray(self.mesh.points),
            self.triangles,
            np.where(keep, self.point_objects, 0).astype(np.int32),
        )
        rows = tuple(row for row in self.objects if row.id in ids)
        return type(self)(mesh, rows, self.unit, self.report)

    def summary(self) -> dict[str, Any]:
        """Return totals for reports; volume and area are None where the voxel size is unknown.

        With the objects that have a name, if there are any.
        """
        known = self.unit == "µm"
        named = [
            {"id": row.id, "name": row.name, "class": row.class_name, "colour": row.colour}
            for row in self.objects
            if row.name is not None
        ]
        return {
            "objects": len(self.objects),
            "faces": int(self.mesh.n_cells),
            "unit": self.unit,
            "voxels": sum(row.voxels for row in self.objects),
            "volume_um3": sum(row.volume for row in self.objects) if known else None,
            "area_um2": sum(row.area for row in self.objects) if known else None,
            **({"named": named} if named else {}),
        }

    def save(self, folder: Path) -> None:
        """Write the mesh and the table into `folder`; `load` reads them back."""
        folder.mkdir(parents=True, exist_ok=True)
        content = vtp_bytes(self.mesh, fast=True)
        verify = partial(require_bytes, n_bytes=len(content))
        with written_beside(folder / MESH_NAME, verify=verify, room_bytes=len(content)) as beside:
            beside.write_bytes(content)
        table = {
            "unit": self.unit,
            "objects": [asdict(row) for row in self.objects],
            "report": self.report and asdict(self.report),
        }
        with written_beside(folder / TABLE_NAME) as beside:
            beside.write_text(json.dumps(table, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        UnreadableFileError
            If `folder` does not hold a complete result.
        """
        import pyvista

        unit, objects = load_table(folder)
        if not (folder / MESH_NAME).is_file():
            raise UnreadableFileError(f"'{folder}' holds no {MESH_NAME}. Make it again.")
        return cls(pyvista.PolyData(folder / MESH_NAME), objects, unit, load_report(folder))


def load_table(folder: Path) -> tuple[Unit, tuple[ObjectRow, ...]]:
    """Read unit and object table alone, without VTK and without the mesh.

    Raises
    ------
    UnreadableFileError
        If the table is missing or damaged.
    """
    try:
        table = json.loads((folder / TABLE_NAME).read_text(encoding="utf-8"))
        rows = tuple(
            ObjectRow(**row | {n: tuple(row[n]) for n in _TUPLES if isinstance(row.get(n), list)})
            for row in table["objects"]
        )
        return table["unit"], rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            f"'{folder}' holds no readable {TABLE_NAME} ({error}). Make it again."
        ) from error


def load_report(folder: Path) -> Report | None:
    """Read what the steps have changed; None where another version has recorded it otherwise.

    Raises
    ------
    UnreadableFileError
        If the table is missing or damaged.
    """
    try:
        told = json.loads((folder / TABLE_NAME).read_text(encoding="utf-8")).get("report")
        if told is None or set(told) != {field.name for field in fields(Report)}:
            return None
        ids = ("fitted", "smoothed_less", "not_thinned", "unsound")
        lists = {name: tuple(told[name]) for name in ids}
        mended = tuple(tuple(each) for each in told["mended"])
        return Report(**told | lists | {"mended": mended})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            f"'{folder}' holds no readable {TABLE_NAME} ({error}). Make it again."
        ) from error
