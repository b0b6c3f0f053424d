"""Triangles as VTK holds them: made, ordered by object, and written."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import WriteError

if TYPE_CHECKING:
    import pyvista


def vtp_bytes(mesh: "pyvista.PolyData", *, fast: bool = False) -> bytes:
    """Return a mesh as a VTP file, compressed; `fast` takes LZ4 instead of zlib.

    VTK gets no file to write to: where the disk is full, it would end the process.
    """
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(mesh)
    if fast:
        writer.SetCompressorTypeToLZ4()
    writer.SetDataModeToAppended()
    writer.EncodeAppendedDataOff()
    writer.WriteToOutputStringOn()
    if not writer.Write():
        raise WriteError("VTK could not write the mesh. Is there enough memory?")
    content = writer.GetOutputString()
    # As bytes where it is no text, which the compressed numbers hardly ever are.
    return content if isinstance(content, bytes) else content.encode()


def build_mesh(
    points: NDArray[np.floating],
    triangles: NDArray[np.integer],
    point_objects: NDArray[np.int32],
) -> "pyvista.PolyData":
    """Return a mesh ordered by object; points of object 0 and their faces are left out.

    Parameters
    ----------
    points : ndarray
        (n, 3), x, y, z.
    triangles : ndarray
        Point indices (faces, 3).
    point_objects : ndarray
        Object id of each point (n,).
    """
    if point_objects.max(initial=0) < 1 << 16:
        point_objects = point_objects.astype(np.uint16)  # sorted in a third of the time
    order = np.argsort(point_objects, kind="stable")
    order = order[np.searchsorted(point_objects[order], 1) :]
    place = np.full(len(points), -1, np.int64)
    place[order] = np.arange(len(order))

    face_objects = point_objects[triangles[:, 0]]
    face_order = np.argsort(face_objects, kind="stable")
    face_order = face_order[np.searchsorted(face_objects[face_order], 1) :]
    mesh = polydata(points[order], place[triangles[face_order]])
    mesh.cell_data["object"] = face_objects[face_order].astype(np.int32)
    return mesh


def polydata(points: NDArray[np.floating], triangles: NDArray[np.integer]) -> "pyvista.PolyData":
    """Return points (n, 3), as float32, and triangles (faces, 3) as a mesh."""
    import pyvista

    kept: Any = points.astype(np.float32, copy=False)  # Any: annotated as float64 there
    faces: Any = triangles
    return pyvista.PolyData.from_regular_faces(kept, faces)
