"""What an HDF5 file says about the axes of a dataset, and about the size of its voxels.

ilastik and vigra (``axistags``), NeXus (``NXdata``, https://manual.nexusformat.org), NCEM's EMD
(``dim1``, ...), and the named sizes of all others. What is seen and not used is told.
"""

import json

import h5py
import numpy as np

from deepsxt_core.io.hdf5_guard import dataset_inside
from deepsxt_core.io.readers.calibration import as_length
from deepsxt_core.io.readers.named_sizes import (
    UNITS,
    Told,
    axis_letters,
    axis_names,
    scaled_words,
    sizes_told,
    text_of,
    texts_of,
    unit_nm,
)
from deepsxt_core.io.readers.parts import Layout, guessed_layout

_LONGEST_COORDINATES = 1 << 20
_EVEN = 1e-3
_MOST_SIBLINGS = 256


def told_layout(array: h5py.Dataset) -> Layout | None:
    """Return the axes of a dataset: as it names them, or as they usually are."""
    letters = _axis_letters(array) or _matlab_letters(array)
    if letters is not None:
        return Layout(letters, tuple(int(n) for n in array.shape))
    return guessed_layout(tuple(array.shape))


def told_about(array: h5py.Dataset) -> Told:
    """Return all that the file says about a dataset."""
    layout = told_layout(array)
    if layout is None:
        return Told(None, {}, {})
    nodes = [dict(node.attrs) for node in (array, array.parent, array.file)]
    sizes = sizes_told(nodes, layout)
    coordinates = _by_coordinates(array, layout)
    edges = coordinates.edges_nm | sizes.edges_nm
    unused = () if edges else sizes.warnings
    if _axis_letters(array) is None and _matlab_letters(array):
        unused += (
            "The file is MATLAB's, which stores its arrays the other way round: it is taken as "
            "rows, columns, slices there. If it was kept as slices, rows, columns, give the axes.",
        )
    return Told(
        layout,
        edges,
        coordinates.origin_nm | sizes.origin_nm,
        coordinates.backwards,
        coordinates.warnings + unused + scaled_words(array.attrs),
    )


def _axis_letters(array: h5py.Dataset) -> str | None:
    tags = array.attrs.get("axistags")
    if tags is None:
        return axis_letters(_axis_names(array), array.ndim)
    try:
        return axis_letters([str(a["key"]) for a in json.loads(text_of(tags))["axes"]], array.ndim)
    except (ValueError, KeyError, TypeError):
        return None


def _matlab_letters(array: h5py.Dataset) -> str | None:
    """Return the axes of what MATLAB wrote: rows, columns, slices, stored the other way round."""
    return "zxy"[-array.ndim :] if "MATLAB_class" in array.attrs and array.ndim in (2, 3) else None


def _axis_names(array: h5py.Dataset) -> tuple[str, ...]:
    own = axis_names(dict(array.attrs))
    group = array.parent.attrs
    signal = text_of(group["signal"]) if "signal" in group else None
    if not own and "axes" in group and signal in (None, array.name.rpartition("/")[2]):
        return tuple(texts_of(group["axes"]))
    return own or _scale_names(array)


def _scale_names(array: h5py.Dataset) -> tuple[str, ...]:
    """Return what the dimension scales beside a dataset, as in netCDF, call its axes.

    By the scales' own lists of where they belong: those of the dataset have values of variable
    length, which the library reads without bounds.
    """
    names = [""] * array.ndim
    group = array.parent
    for name in list(group)[:_MOST_SIBLINGS]:
        if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
            continue
        attributes = group[name].attrs
        if "REFERENCE_LIST" not in attributes or attributes.get_id("REFERENCE_LIST").shape is None:
            continue
        for reference, axis in attributes["REFERENCE_LIST"][:_MOST_SIBLINGS]:
            if reference and array.file[reference] == array and 0 <= axis < array.ndim:
                names[axis] = name
    return tuple(names) if all(names) else ()


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
        unit = next((text_of(node.attrs[key]) for key in UNITS if key in node.attrs), "")
        nm, steps = unit_nm(unit), np.diff(values)
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
    names = list(_axis_names(array))
    if not names and "emd_group_type" in array.parent.attrs:
        names = [f"dim{axis + 1}" for axis in range(array.ndim)]
    return names if len(names) == array.ndim else []


def _coordinates(array: h5py.Dataset, name: str, n: int) -> np.ndarray | None:
    path = f"{array.parent.name}/{name}".lstrip("/")
    if (
        "/" in name
        or name not in set(array.parent)
        or array.parent.get(name, getclass=True, getlink=True) is not h5py.HardLink
    ):
        return None
    if not isinstance(array.parent[name], h5py.Dataset):
        return None
    node = dataset_inside(array.file, path)
    if node.shape != (n,) or n > _LONGEST_COORDINATES or node.dtype.kind not in "iuf":
        return None
    values = np.asarray(node[()], float)
    return values if np.isfinite(values).all() else None
