"""What an HDF5 file says about the axes of a dataset, and about the size of its voxels.

ilastik and vigra (``axistags``), NeXus (``NXdata``, https://manual.nexusformat.org), funlib and CREMI
(``resolution``, ``offset``, ``units``), Fiji (``element_size_um``), NCEM's EMD (``dim1``, ...), and
the usual spellings beside these. What is seen and not used is told.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from deepsxt_core.io.hdf5_guard import dataset_inside
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit
from deepsxt_core.io.readers.parts import Layout, guessed_layout

_SIZES = (
    "element_size",
    "voxel_size",
    "voxelsize",
    "voxel_spacing",
    "pixel_size",
    "pixelsize",
    "resolution",
    "spacing",
    "scale",
)
_PLACES = ("offset", "origin", "translation")
_UNITS = ("units", "unit", "voxel_unit", "voxel_size_unit", "voxel_size_units", "pixel_unit")
_SUFFIX = re.compile(r"(.*?)[ _]?(?:\(|\[|_)(nm|um|µm|mm|a|angstroms?|pm|m)[\)\]]?")
_SIZE_WORDS = re.compile(r"voxel|pixel|spacing|resolution|element_size")
_LONGEST_COORDINATES = 1 << 20
_EVEN = 1e-3
_LETTERS = {"slice": "z", "depth": "z", "row": "y", "height": "y", "column": "x", "width": "x"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says about one dataset.

    Attributes
    ----------
    layout : Layout or None
        None where it cannot be a volume.
    edges_nm : dict of str to float
        By the letter of the axis.
    origin_nm : dict of str to float
        By the letter of the axis; of the first voxel as stored.
    backwards : str
        The axes of space whose coordinates fall.
    warnings : tuple of str
    """

    layout: Layout | None
    edges_nm: dict[str, float]
    origin_nm: dict[str, float]
    backwards: str = ""
    warnings: tuple[str, ...] = ()


def told_layout(array: h5py.Dataset) -> Layout | None:
    """Return the axes of a dataset: as it names them, or as they usually are."""
    letters = _axis_letters(array)
    if letters is not None and len(letters) == array.ndim and len(set(letters)) == array.ndim:
        return Layout(letters, tuple(int(n) for n in array.shape))
    return guessed_layout(tuple(array.shape))


def told_about(array: h5py.Dataset) -> Told:
    """Return all that the file says about a dataset."""
    layout = told_layout(array)
    if layout is None:
        return Told(None, {}, {})
    sizes = _by_attributes(array, layout)
    coordinates = _by_coordinates(array, layout)
    edges = coordinates.edges_nm | sizes.edges_nm
    unused = () if edges else sizes.warnings
    return Told(
        layout,
        edges,
        coordinates.origin_nm | sizes.origin_nm,
        coordinates.backwards,
        coordinates.warnings + unused,
    )


def _text(value: Any) -> str:
    first = np.ravel(value)[0] if np.size(value) else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)


def _texts(value: Any) -> list[str]:
    found = [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in np.ravel(value)]
    if len(found) == 1:
        found = [part for part in re.split(r"[:,;\s\[\]]+", found[0]) if part]
    return found


def _axis_letters(array: h5py.Dataset) -> str | None:
    tags = array.attrs.get("axistags")
    if tags is not None:
        try:
            return "".join(str(axis["key"]).lower() for axis in json.loads(_text(tags))["axes"])
        except (ValueError, KeyError, TypeError):
            return None
    names = _axis_names(array)
    if len(names) == 1 and len(names[0]) == array.ndim:
        names = list(names[0])
    if len(names) != array.ndim:
        return None
    letters = [_letter(name) for name in names]
    spare = iter("abdefghijk")
    found = "".join(letter or next(spare, "?") for letter in letters)
    # Names that mean nothing are not better than none.
    return found if sum(letter in "zyx" for letter in found) >= 2 else None


def _axis_names(array: h5py.Dataset) -> list[str]:
    for key in ("axes", "axis_names", "axis_labels", "DIMENSION_LABELS"):
        if key in array.attrs:
            return _texts(array.attrs[key])
    group = array.parent.attrs
    signal = _text(group["signal"]) if "signal" in group else None
    if "axes" in group and signal in (None, array.name.rpartition("/")[2]):
        return _texts(group["axes"])
    return []


def _letter(name: str) -> str | None:
    name = name.lower().strip()
    for word, letter in _LETTERS.items():
        if name.startswith(word):
            return letter
    parts = re.split(r"[_\W]+", name)
    short = [part for part in parts if part in ("z", "y", "x", "c", "t")]
    if short:
        return short[0]
    return {"channel": "c", "time": "t", "frame": "t"}.get(name.rstrip("s"))


def _by_attributes(array: h5py.Dataset, layout: Layout) -> Told:
    """Return what the attributes of the dataset say; else those of its group, or of the file."""
    unused: list[str] = []
    for node in (array, array.parent, array.file):
        attributes = dict(node.attrs)
        units = next((attributes[key] for key in _UNITS if key in attributes), None)
        edges = _lengths(attributes, _SIZES, units, layout, unused)
        if edges and all(edge > 0 for edge in edges.values()):
            return Told(layout, edges, _lengths(attributes, _PLACES, units, layout, []))
        unused += [
            key
            for key in attributes
            if node is array and _SIZE_WORDS.search(key.lower()) and key.lower() not in unused
        ]
    words = ()
    if unused:
        listed = ", ".join(f"'{key}'" for key in sorted(set(unused)))
        words = (
            f"The file says something about the size of its voxels ({listed}), but not in which "
            "unit or in which form; it is not used. Enter the voxel size in nm.",
        )
    return Told(layout, {}, {}, warnings=words)


def _lengths(
    attributes: dict[str, Any],
    known: tuple[str, ...],
    units: Any,
    layout: Layout,
    unused: list[str],
) -> dict[str, float]:
    """Return lengths in nm by axis from the first attribute of a known name that has a unit."""
    space = [letter for letter in layout.letters if letter in "zyx"]
    for key, value in attributes.items():
        name, own_unit = key.lower(), None
        suffix = _SUFFIX.fullmatch(name)
        if suffix and suffix[1] in known:
            name, own_unit = suffix[1], suffix[2]
        if name not in known:
            continue
        values = np.ravel(value)
        if values.dtype.kind not in "iuf" or values.size not in (1, len(space), layout_axes(layout)):
            continue
        named = [own_unit] if own_unit else _texts(units) if units is not None else []
        nm = [nm_per_unit(_bare(unit)) for unit in named]
        if not nm or None in nm or len(nm) not in (1, values.size):
            unused.append(key)
            continue
        if values.size == layout_axes(layout) > len(space):
            kept = [i for i, letter in enumerate(layout.letters) if letter in "zyx"]
            values, nm = values[kept], nm if len(nm) == 1 else [nm[i] for i in kept]
        lengths = np.broadcast_to(values * np.array(nm, float), len(space))
        if np.isfinite(lengths).all():
            return dict(zip(space, map(float, lengths), strict=True))
    return {}


def layout_axes(layout: Layout) -> int:
    """Return how many axes an array has."""
    return len(layout.letters)


def _bare(unit: str) -> str:
    """Return a unit without the marks that EMD puts around it: ``[n_m]`` is nm."""
    return unit.strip("[]() ").replace("_", "")


def _by_coordinates(array: h5py.Dataset, layout: Layout) -> Told:
    """Return what the coordinates of the axes say, one dataset for each."""
    edges: dict[str, float] = {}
    origin: dict[str, float] = {}
    backwards, warnings = "", []
    for place, name in enumerate(_coordinate_names(array)):
        letter = layout.letters[place]
        values = _coordinates(array, name, array.shape[place])
        if values is None or letter not in "zyx":
            continue
        node = array.parent[name]
        unit = next((_text(node.attrs[key]) for key in _UNITS if key in node.attrs), "")
        nm, steps = nm_per_unit(_bare(unit)), np.diff(values)
        if nm is None or not steps.size:
            if steps.size:
                warnings.append(
                    f"The file gives coordinates along {letter} ('{name}') in the unit '{unit}', "
                    "which is no length; they are not used."
                )
            continue
        step = float(np.mean(steps))
        if step == 0 or np.abs(steps - step).max() > _EVEN * abs(step):
            warnings.append(
                f"The coordinates along {letter} ('{name}') are not evenly spaced; they are not "
                "used."
            )
            continue
        edge = as_length(abs(step), nm)
        if edge is not None:
            edges[letter], origin[letter] = edge, float(values[0]) * nm
            backwards += letter if step < 0 else ""
    return Told(layout, edges, origin, backwards, tuple(warnings))


def _coordinate_names(array: h5py.Dataset) -> list[str]:
    names = _axis_names(array)
    if not names and "emd_group_type" in array.parent.attrs:
        names = [f"dim{axis + 1}" for axis in range(array.ndim)]
    return names if len(names) == array.ndim else []


def _coordinates(array: h5py.Dataset, name: str, n: int) -> np.ndarray | None:
    path = f"{array.parent.name}/{name}".lstrip("/")
    if "/" in name or array.parent.get(name, getclass=True, getlink=True) is not h5py.HardLink:
        return None
    if not isinstance(array.parent[name], h5py.Dataset):
        return None
    node = dataset_inside(array.file, path)
    if node.shape != (n,) or n > _LONGEST_COORDINATES or node.dtype.kind not in "iuf":
        return None
    values = np.asarray(node[()], float)
    return values if np.isfinite(values).all() else None
