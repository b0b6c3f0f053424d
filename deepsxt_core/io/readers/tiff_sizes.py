"""Voxel size and origin of TIFF files, as ImageJ, OME and plain TIFF keep them."""

from typing import Any

import tifffile

from deepsxt_core.io.readers.calibration import as_length, nm_per_unit
from deepsxt_core.io.readers.placement import as_origin

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}
# Coarser than this, a resolution per inch or cm is one for the printer (72 dpi is 353 µm).
_PRINT_NM = 1000.0
# What stands where the size is not known.
_NO_UNITS = ("", "none", "pixel", "pixels", "voxel", "voxels", "reference frame")


def edges_nm(tif: tifffile.TiffFile, index: int) -> tuple[float | None, float | None, float | None]:
    """Return the voxel edges (z, y, x) in nm, None where the file says nothing usable."""
    if tif.is_ome:
        return _ome_edges_nm(tif.ome_metadata or "", index)
    page = tif.series[index].keyframe
    y, x = (_pixels_per_unit(page, tag) for tag in ("YResolution", "XResolution"))
    header = tif.imagej_metadata or {}
    unit_nm = nm_per_unit(header.get("unit"))
    if unit_nm is not None:
        z_unit_nm = nm_per_unit(header["zunit"]) if "zunit" in header else unit_nm
        y_unit_nm = nm_per_unit(header["yunit"]) if "yunit" in header else unit_nm
        return as_length(header.get("spacing"), z_unit_nm), _per(y_unit_nm, y), _per(unit_nm, x)
    tag = page.tags.get("ResolutionUnit")
    unit_nm = nm_per_unit(_RESOLUTION_UNITS.get(int(tag.value) if tag else 0))
    y, x = _per(unit_nm, y), _per(unit_nm, x)
    if y is None or x is None or max(y, x) >= _PRINT_NM:
        return None, None, None
    return None, y, x


def odd_units(tif: tifffile.TiffFile, index: int) -> tuple[str, ...]:
    """Return the word on sizes in a unit that is no length."""
    if tif.is_ome:
        pixels = _ome_pixels(tif.ome_metadata or "", index)
        told = [
            pixels.get(f"PhysicalSize{axis}Unit")
            for axis in "ZYX"
            if f"PhysicalSize{axis}" in pixels
        ]
    else:
        header = tif.imagej_metadata or {}
        told = [header.get(key) for key in ("unit", "yunit", "zunit")]
    odd = [
        name
        for name in (str(each or "").strip() for each in told)
        if nm_per_unit(name) is None and name.lower() not in _NO_UNITS
    ]
    if not odd:
        return ()
    return (
        f"The file gives its voxel size in the unit '{odd[0]}', which is no length that is known "
        "here; it is not used. Enter the voxel size in nm.",
    )


def origin_nm(
    tif: tifffile.TiffFile, index: int, edges: tuple[float | None, float | None, float | None]
) -> tuple[float, float, float]:
    """Return the position of the first voxel, (z, y, x) in nm."""
    if tif.is_ome:
        planes = _ome_pixels(tif.ome_metadata or "", index).get("Plane")
        first = planes[0] if isinstance(planes, list) and planes else planes
        if not isinstance(first, dict):
            return 0.0, 0.0, 0.0
        places = [
            float(first.get(f"Position{axis}", 0.0))
            * (nm_per_unit(first.get(f"Position{axis}Unit", "µm")) or 0.0)
            for axis in "ZYX"
        ]
        return as_origin(places)
    # ImageJ tells which pixel lies at the origin.
    header = tif.imagej_metadata or {}
    pixels = [header.get(f"{axis}origin", 0.0) for axis in "zyx"]
    if None in edges or not all(isinstance(pixel, int | float) for pixel in pixels):
        return 0.0, 0.0, 0.0
    return as_origin([-p * (edge or 0.0) + 0.0 for p, edge in zip(pixels, edges, strict=True)])


def _pixels_per_unit(page: tifffile.TiffPage, name: str) -> float | None:
    tag = page.tags.get(name)
    if tag is None:
        return None
    numerator, denominator = tag.value
    return as_length(numerator / denominator) if denominator else None


def _per(unit_nm: float | None, pixels: float | None) -> float | None:
    return None if unit_nm is None or pixels is None else unit_nm / pixels


def _ome_edges_nm(ome_xml: str, index: int) -> tuple[float | None, float | None, float | None]:
    pixels = _ome_pixels(ome_xml, index)
    z, y, x = (
        as_length(
            pixels.get(f"PhysicalSize{axis}"),
            # The OME schema's default unit is the micrometre.
            nm_per_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm")),
        )
        for axis in "ZYX"
    )
    return z, y, x


def _ome_pixels(ome_xml: str, index: int) -> dict[str, Any]:
    images = tifffile.xml2dict(ome_xml)["OME"]["Image"]
    image = images[index] if isinstance(images, list) else images
    pixels: dict[str, Any] = image["Pixels"]
    return pixels
