"""The voxel size that a file claims: units, gaps and doubts."""

import math
from collections.abc import Sequence

from deepsxt_core.geometry import VoxelSize, doubts

# Length of one unit in nm, under the spellings found in TIFF, OME and ImageJ headers.
_NM_PER_UNIT = {
    **dict.fromkeys(("pm", "picometer", "picometre"), 1e-3),
    **dict.fromkeys(("å", "a", "angstrom", "angström", "ångström", "ångstrom"), 0.1),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1.0),
    **dict.fromkeys(("µm", "um", "micron", "micrometer", "micrometre"), 1e3),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e6),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e7),
    **dict.fromkeys(("m", "meter", "metre"), 1e9),
    **dict.fromkeys(("in", "inch", '"'), 2.54e7),
}


def nm_per_unit(unit: object) -> float | None:
    """Return the length of `unit` in nm, or None for a pixel, an unknown or a missing unit."""
    name = str(unit).strip().replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    # Greek mu and the Ångström sign look like the micro sign and the letter, but are others.
    name = name.replace("μ", "µ").replace("\u212b", "å").replace("Âµ", "µ").lower()
    return _NM_PER_UNIT.get(name, _NM_PER_UNIT.get(name.removesuffix("s")))


def as_length(value: object, unit_nm: float | None = 1.0) -> float | None:
    """Return `value` units as nm, or None where that is no finite length above 0."""
    if unit_nm is None or not isinstance(value, int | float | str):
        return None
    try:
        length = float(value) * unit_nm
    except ValueError:
        return None
    return length if math.isfinite(length) and length > 0 else None


def settle_voxel_size(
    claimed: tuple[float | None, float | None, float | None],
    given: VoxelSize | None,
    n_slices: int,
) -> tuple[VoxelSize | None, tuple[str, ...]]:
    """Decide on the voxel size from what a file claims and what the user gives.

    Parameters
    ----------
    claimed : tuple of float or None
        (z, y, x) in nm as in the file, None where it says nothing usable.
    given : VoxelSize or None
        The user's own value, which always wins.
    n_slices : int
        A missing z is only worth a word where there is more than one slice.

    Returns
    -------
    voxel_size_nm : VoxelSize or None
    warnings : tuple of str
        What was assumed and what looks wrong.
    """
    if given is not None:
        return given, ()
    z, y, x = claimed
    if y is None or x is None:
        return None, ()
    warnings = []
    if z is None:
        z = y
        if n_slices > 1:
            warnings.append(
                f"The file gives the pixel size ({y:g} nm) but no distance between slices; "
                "the voxels are taken to be as high as they are long."
            )
    voxel_size_nm = VoxelSize(z, y, x)
    warnings += doubts(voxel_size_nm)
    return voxel_size_nm, tuple(warnings)


def unitless(edges: Sequence[float]) -> tuple[str, ...]:
    """Return the word about edges (z, y, x) without a unit; none about 1, which means nothing."""
    if all(edge in (0.0, 1.0) or not math.isfinite(edge) for edge in edges):
        return ()
    listed = " x ".join(f"{edge:g}" for edge in edges)
    return (
        f"The file gives a voxel of {listed} without saying in which unit; it is not used. "
        "Enter the voxel size in nm.",
    )
