"""How many triangles a mesh file holds, read from the file itself.

A file that was just written is looked at again before it gets its name: some writers report
success when half of it is missing.
"""

import base64
import json
import mmap
import re
from collections.abc import Callable
from pathlib import Path

_GLB_HEAD_BYTES = 20
_STL_HEAD_BYTES, _STL_FACET_BYTES = 84, 50
_PLY_POINT_BYTES, _PLY_FACE_BYTES = 15, 13


def count_triangles(path: Path) -> int | None:
    """Return how many triangles a whole file of `write_mesh` holds; None if it is not whole."""
    if path.stat().st_size == 0:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            return _COUNTS[path.suffix.lower()](content)
        except (ValueError, KeyError, IndexError, AttributeError):
            return None


def _number(pattern: bytes, content: mmap.mmap) -> int:
    """Return the number that the first match of a pattern holds."""
    found = re.search(pattern, content)
    if found is None:
        raise ValueError(pattern)
    return int(found[1])


def _lines(pattern: bytes, content: mmap.mmap) -> int:
    if content[-1:] != b"\n":
        raise ValueError("The last line is not whole.")
    return sum(1 for _ in re.finditer(pattern, content, re.MULTILINE))


def _after(mark: bytes, content: mmap.mmap) -> int:
    place = content.find(mark)
    if place < 0:
        raise ValueError(f"There is no {mark!r}.")
    return place + len(mark)


def _ended(content: mmap.mmap, end: bytes) -> None:
    if content[-len(end) :] != end:
        raise ValueError(f"The end is not {end!r}.")


def _stl(content: mmap.mmap) -> int | None:
    faces = int.from_bytes(content[_STL_HEAD_BYTES - 4 : _STL_HEAD_BYTES], "little")
    return faces if len(content) == _STL_HEAD_BYTES + _STL_FACET_BYTES * faces else None


def _ply(content: mmap.mmap) -> int | None:
    points = _number(rb"element vertex (\d+)\n", content)
    faces = _number(rb"element face (\d+)\n", content)
    start = _after(b"end_header\n", content)
    whole = start + _PLY_POINT_BYTES * points + _PLY_FACE_BYTES * faces
    return faces if len(content) == whole else None


def _off(content: mmap.mmap) -> int | None:
    faces = _number(rb"\n\d+ (\d+) 0\n", content)
    return faces if _lines(rb"^3 \d+ \d+ \d+$", content) == faces else None


def _vtk(content: mmap.mmap) -> int:
    _ended(content, b"\n")
    points = _number(rb"\nPOINT_DATA (\d+)\n", content)
    if points != _number(rb"\nPOINTS (\d+) float\n", content):
        raise ValueError("The points are not those of their data.")
    return _number(rb"\nPOLYGONS (\d+) \d+\n", content)


def _vtp(content: mmap.mmap) -> int:
    if not content[-64:].rstrip().endswith(b"</VTKFile>"):
        raise ValueError("The end is missing.")
    return _number(rb'NumberOfPolys="(\d+)"', content)


def _inp(content: mmap.mmap) -> int:
    start = _after(b"*ELEMENT", content)
    end = content.find(b"\n*", start)
    if not content[-1:].isspace():
        raise ValueError("The last line is not whole.")
    if end < 0:
        raise ValueError("The elements are not followed by their sets.")
    return sum(1 for _ in re.finditer(rb"^\d+,", content[start:end], re.MULTILINE))


def _msh(content: mmap.mmap) -> int:
    _ended(content, b"$EndElementData\n")
    start = _after(b"$Elements\n", content)
    # The number of blocks comes first.
    return int.from_bytes(content[start + 8 : start + 16], "little")


def _glb(content: mmap.mmap) -> int | None:
    if int.from_bytes(content[8:12], "little") != len(content):
        return None
    length = int.from_bytes(content[12:16], "little")
    return _gltf_triangles(json.loads(content[_GLB_HEAD_BYTES : _GLB_HEAD_BYTES + length]))


def _gltf(content: mmap.mmap) -> int | None:
    tree = json.loads(content.read())
    for buffer in tree["buffers"]:
        if len(base64.b64decode(buffer["uri"].partition(",")[2])) != buffer["byteLength"]:
            return None
    return _gltf_triangles(tree)


def _gltf_triangles(tree: dict) -> int:
    return sum(
        tree["accessors"][part["indices"]]["count"] // 3
        for mesh in tree["meshes"]
        for part in mesh["primitives"]
    )


_COUNTS: dict[str, Callable[[mmap.mmap], int | None]] = {
    ".stl": _stl,
    ".obj": lambda content: _lines(rb"^f ", content),
    ".ply": _ply,
    ".off": _off,
    ".vtk": _vtk,
    ".vtp": _vtp,
    ".inp": _inp,
    ".msh": _msh,
    ".glb": _glb,
    ".gltf": _gltf,
}
