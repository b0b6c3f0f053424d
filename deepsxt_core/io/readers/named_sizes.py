"""What named attributes say about axes and the size of voxels, in HDF5 and in zarr."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepsxt_core.io.readers.calibration import nm_per_unit
from deepsxt_core.io.readers.parts import Layout

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
UNITS = ("units", "unit", "voxel_unit", "voxel_size_unit", "voxel_size_units", "pixel_unit")
_SUFFIX = re.compile(r"(.*?)[ _]?(?:\(|\[|_)(nm|um|µm|mm|a|angstroms?|pm|m)[\)\]]?")
_SIZE_WORDS = re.compile(r"voxel|pixel|spacing|resolution|element_size|apix|cell_size|^step$")
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


def text_of(value: Any) -> str:
    """Return an attribute as text; of several, the first."""
    first = np.ravel(value)[0] if np.size(value) else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)


def texts_of(value: Any) -> list[str]:
    """Return an attribute as texts; one text is taken apart at its colons, commas and spaces."""
    found = [
        v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in np.ravel(value)
    ]
    if len(found) == 1:
        found = [part for part in re.split(r"[:,;\s\[\]]+", found[0]) if part]
    return found


def axis_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the attributes of an array call its axes; nothing where they do not."""
    for key in ("axes", "axis_names", "axis_labels", "DIMENSION_LABELS", "_ARRAY_DIMENSIONS"):
        if key in attributes and not any(isinstance(v, dict) for v in np.ravel(attributes[key])):
            return tuple(texts_of(attributes[key]))
    return ()


def axis_letters(names: Sequence[str], n_axes: int) -> str | None:
    """Return one letter for each axis, ``z``, ``y``, ``x`` for those of space; None if unclear."""
    if len(names) == 1 and len(names[0]) == n_axes:
        names = list(names[0])
    if len(names) != n_axes:
        return None
    letters = [_letter(name) for name in names]
    if letters.count(None) == 1 and "z" not in letters:
        # What lies between rows and columns is a slice, or taken for one until it is refused.
        letters[letters.index(None)] = "z"
    spare = iter("abdefghijk")
    found = "".join(letter or next(spare, "?") for letter in letters)
    unique = len(set(found)) == n_axes
    # Names that mean nothing are not better than none.
    return found if unique and sum(letter in "zyx" for letter in found) >= 2 else None


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


def sizes_told(nodes: Sequence[Mapping[str, Any]], layout: Layout) -> Told:
    """Return what attributes say: those of the array come first, then those of what it is in."""
    unused: list[str] = []
    for place, attributes in enumerate(nodes):
        units = next((attributes[key] for key in UNITS if key in attributes), None)
        edges = _lengths(attributes, _SIZES, units, layout, unused)
        if edges and all(edge > 0 for edge in edges.values()):
            return Told(layout, edges, _lengths(attributes, _PLACES, units, layout, []))
        if place == 0:
            unused += [key for key in attributes if _SIZE_WORDS.search(key.lower())]
    if not unused:
        return Told(layout, {}, {})
    listed = ", ".join(f"'{key}'" for key in sorted(set(unused)))
    return Told(
        layout,
        {},
        {},
        warnings=(
            f"The file says something about the size of its voxels ({listed}), but not in which "
            "unit or in which form; it is not used. Enter the voxel size in nm.",
        ),
    )


def scaled_words(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the word on values that are stored scaled, as in netCDF; they are read as stored."""
    names = [name for name in ("scale_factor", "add_offset") if name in attributes]
    if not names:
        return ()
    told = " and ".join(f"{name} {text_of(attributes[name])}" for name in names)
    return (f"The file says that its values are to be scaled ({told}); they are read as stored.",)


def _lengths(
    attributes: Mapping[str, Any],
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
        if values.dtype.kind not in "iuf" or values.size not in (
            1,
            len(space),
            len(layout.letters),
        ):
            continue
        named = [own_unit] if own_unit else texts_of(units) if units is not None else []
        nm = [unit_nm(unit) for unit in named]
        if not nm or None in nm or len(nm) not in (1, values.size):
            unused.append(key)
            continue
        if values.size == len(layout.letters) > len(space):
            kept = [i for i, letter in enumerate(layout.letters) if letter in "zyx"]
            values, nm = values[kept], nm if len(nm) == 1 else [nm[i] for i in kept]
        lengths = np.broadcast_to(values * np.array(nm, float), len(space))
        if np.isfinite(lengths).all():
            return dict(zip(space, map(float, lengths), strict=True))
    return {}


def unit_nm(unit: str) -> float | None:
    """Return a unit in nm, without the marks that EMD puts around it: ``[n_m]`` is nm."""
    return nm_per_unit(unit.strip("[]() ").replace("_", ""))
