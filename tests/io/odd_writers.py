"""Writers of plausible but odd files: valid headers with unusual choices, and what they say.

Each function writes one file at a path, takes its choices from a generator of random numbers, and
returns the `Truth`: what is in the file, by its format and not by any reader of this project.
"""

import gzip
import json
import math
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import tifffile
import zarr
from nibabel.quaternions import mat2quat
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from tests.cases.chiral_body import chiral
from tests.io.more_files import amira_file, em_file, zeiss_file

ORDERS = list(permutations(range(3)))
Triple = tuple[float, float, float]


@dataclass
class Truth:
    """What a file says.

    Attributes
    ----------
    values : ndarray
        (z, y, x), in space.
    edges_nm : tuple of float or None
        None where the file does not say it, or not in which unit.
    origin_nm : tuple of float or None
        Of the first voxel of `values`; None where nobody can say.
    noted : str
        Aspects ("values", "size", "origin") that may come out otherwise if a note says so.
    choices : list of str
        What is unusual.
    seen : str
        A pattern for what has to be said in any case: of something that is seen and not used.
    """

    values: NDArray
    edges_nm: Triple | None = None
    origin_nm: Triple | None = None
    noted: str = ""
    choices: list[str] = field(default_factory=list)
    seen: str = ""


def pick(rng: Generator, *options):
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


def content(rng: Generator, dtypes: str) -> NDArray:
    """Return the body in one of the ways in which masks, labels and tomograms are kept."""
    body = chiral() > 0
    dtype = np.dtype(pick(rng, *dtypes.split()))
    values = np.zeros(body.shape, dtype)
    if dtype.kind == "b":
        return body
    most = 1e4 if dtype.kind == "f" else min(np.iinfo(dtype).max, 10**9)
    kind = pick(rng, "mask", "labels", "unjudged", "grey", "grey", "nan")
    if kind == "mask":
        values[body] = pick(rng, 1, 7, 100, most)
        if dtype == np.int8 and rng.random() < 0.3:
            return np.where(body, -127, -128).astype(np.int8)
        return values
    if kind == "labels":
        values[body] = 1 + np.nonzero(body)[2] // 10
        return values
    if kind == "unjudged" and dtype.kind in "if":
        values[body] = 1
        values[:, -3:] = -1
        return values
    grey = rng.normal(60, 8, body.shape) - 30 * body
    if dtype.kind == "i":
        grey -= 40
    if dtype.itemsize > 1 and rng.random() < 0.5:
        grey *= pick(rng, 1, 50, 0.5)
    values[...] = np.clip(grey, -100 if dtype.kind in "if" else 0, most)
    if kind == "nan" and dtype.kind == "f":
        values[:, :, -5:] = pick(rng, np.nan, np.inf, -np.inf)
        values[0, 0, 0] = np.nan
    return values


def lengths(rng: Generator) -> Triple:
    """Return edges (z, y, x) in nm."""
    if rng.random() < 0.4:
        return (pick(rng, 10.0, 13.0, 32.5),) * 3
    z, y, x = (float(round(v, 2)) for v in rng.uniform(8, 30, 3))
    return z, y, x


def places(rng: Generator) -> Triple:
    """Return a position (z, y, x) in nm."""
    if rng.random() < 0.3:
        return 0.0, 0.0, 0.0
    z, y, x = (float(round(v, 1)) for v in rng.uniform(-4000, 4000, 3))
    return z, y, x


def turned(values: NDArray, order, flips) -> NDArray:
    """Return the array as it is stored along `order` of z, y, x, backwards where told."""
    ways = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    return np.ascontiguousarray(values[ways].transpose(order))


def affine(edges: Triple, origin: Triple, order, flips, shape) -> tuple[NDArray, NDArray]:
    """Return the steps (x, y, z) along the stored axes, and where the first stored voxel lies."""
    columns = np.zeros((3, 3))
    for place, axis in enumerate(order):
        columns[place, 2 - axis] = edges[axis] * (-1 if flips[axis] else 1)
    first = [
        start + (n - 1) * edge if flip else start
        for start, n, edge, flip in zip(origin, shape, edges, flips, strict=True)
    ]
    return columns, np.array(first[::-1])


def flips_of(rng: Generator) -> tuple[bool, bool, bool]:
    """Return which of z, y, x are stored backwards."""
    return tuple(bool(v) for v in rng.random(3) < 0.4)  # type: ignore[return-value]


# Spellings of units, and nm in each.
UNITS = {
    "nm": 1,
    "nanometer": 1,
    "nanometers": 1,
    "Nanometre": 1,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "\\u00B5m": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "Micrometre": 1e3,
    "Å": 0.1,
    "\u212b": 0.1,
    "A": 0.1,
    "Angstrom": 0.1,
    "angstroms": 0.1,
    "mm": 1e6,
    "millimeters": 1e6,
    "m": 1e9,
    "meter": 1e9,
    "pm": 1e-3,
    "cm": 1e7,
    "pixel": None,
    "voxel": None,
    "furlong": None,
    "": None,
}


_NO_LENGTH = r"unit|size|no length"


def seen_unit(name: str | None) -> str:
    """Return the pattern for the word on sizes in a unit that is no length."""
    return _NO_LENGTH if name == "furlong" else ""


def unit(rng: Generator) -> tuple[str, float | None]:
    """Return a spelling of a unit, and nm in it, None if it is no length."""
    name = pick(rng, *UNITS)
    return name, UNITS[name]


def ascii_unit(rng: Generator) -> tuple[str, float | None]:
    """Return a spelling of a unit without other letters than those of ASCII."""
    names = [name for name in UNITS if name.isascii() and "\\" not in name]
    name = pick(rng, *names)
    return name, UNITS[name]


# TIFF.
def imagej(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 u2 f4")
    edges, origin = lengths(rng), places(rng)
    name, nm = unit(rng)
    name = name if all(ord(c) < 128 for c in name) else "\\u00B5m" if nm == 1e3 else "Angstrom"
    per = nm or 1.0
    axes = pick(rng, "ZYX", "TZYX", "ZCYX", "TZCYX")
    shape = tuple({"Z": 12, "Y": 20, "X": 30}.get(letter, 1) for letter in axes)
    metadata = {"axes": axes, "unit": name}
    told: Triple | None = edges if nm else None
    words = ""
    spacing = pick(rng, "yes", "yes", "none", "negative", "zero")
    if spacing == "yes":
        metadata["spacing"] = edges[0] / per
    elif spacing == "none":
        words, told = "size", None
    else:
        metadata["spacing"] = -edges[0] / per if spacing == "negative" else 0.0
        words, told = "size values", None
    if rng.random() < 0.3 and nm:
        metadata |= {"min": 0.0, "max": 1.0, "finterval": 2.0, "loop": False}
    if rng.random() < 0.4:
        metadata |= {f"{a}origin": -o / e for a, o, e in zip("zyx", origin, edges, strict=True)}
    else:
        origin = (0.0, 0.0, 0.0)
    resolution = (per / edges[2], per / edges[1])
    tifffile.imwrite(
        path,
        values.reshape(shape),
        imagej=True,
        metadata=metadata,
        resolution=resolution,
        compression=pick(rng, None, "zlib", "packbits" if values.dtype.itemsize == 1 else None),
        truncate=False,
    )
    seen = "furlong" if name == "furlong" else ""
    return Truth(values, told, origin if told else None, words, [axes, name, spacing], seen)


def ome(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 f4 f8")
    edges, origin = lengths(rng), places(rng)
    names = {"nm": 1, "µm": 1e3, "mm": 1e6, "Å": 0.1, "pm": 1e-3, "m": 1e9, "pixel": None}
    name = pick(rng, *names)
    nm = names[name]
    axes = pick(rng, "ZYX", "TZYX", "CZYX", "ZCYX", "TCZYX", "CTZYX", "ZTYX")
    shape = tuple({"Z": 12, "Y": 20, "X": 30}.get(letter, 1) for letter in axes)
    metadata: dict = {"axes": axes}
    with_z = rng.random() < 0.8
    for axis, edge in zip("ZYX", edges, strict=True):
        if axis == "Z" and not with_z:
            continue
        metadata[f"PhysicalSize{axis}"] = edge / (nm or 1)
        if name != "µm" or rng.random() < 0.5:
            metadata[f"PhysicalSize{axis}Unit"] = name
    told = edges if nm and with_z else None
    place: Triple | None = (0.0, 0.0, 0.0)
    if rng.random() < 0.5:
        n = 12
        metadata["Plane"] = {
            "PositionX": [origin[2] / (nm or 1)] * n,
            "PositionY": [origin[1] / (nm or 1)] * n,
            "PositionZ": [(origin[0] + z * edges[0]) / (nm or 1) for z in range(n)],
            **{f"Position{a}Unit": [name] * n for a in "XYZ"},
        }
        place = origin
    options: dict = {"compression": pick(rng, None, "zlib", "lzw", "zstd")}
    if rng.random() < 0.3:
        options["tile"] = (16, 16)
    if options["compression"] in ("zlib", "lzw") and values.dtype.kind != "f":
        options["predictor"] = bool(rng.random() < 0.5)
    tifffile.imwrite(
        path,
        values.reshape(shape),
        ome=True,
        photometric=pick(rng, "minisblack", "minisblack", "miniswhite"),
        byteorder=pick(rng, "<", ">"),
        bigtiff=bool(rng.random() < 0.3),
        metadata=metadata,
        **options,
    )
    return Truth(values, told, place if told else None, "" if told else "size", [axes, name])


def ome_planes(path: Path, rng: Generator) -> Truth:
    """Planes that lie in another order in the file than in space."""
    values = content(rng, "u1 u2 i2 f4")
    z_of_page = rng.permutation(12) if rng.random() < 0.5 else np.arange(12)[::-1]
    kinds = {"u1": "uint8", "u2": "uint16", "i2": "int16", "f4": "float"}
    planes = "".join(
        f'<TiffData FirstZ="{z}" FirstC="0" FirstT="0" IFD="{page}" PlaneCount="1"/>'
        for page, z in enumerate(z_of_page)
    )
    order = pick(rng, "XYZCT", "XYCZT", "XYTZC")
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/'
        f'OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="{order}" '
        f'Type="{kinds[values.dtype.str[1:]]}" SizeX="30" SizeY="20" SizeZ="12" SizeC="1" '
        f'SizeT="1" PhysicalSizeX="0.01" PhysicalSizeY="10" PhysicalSizeYUnit="nm" '
        f'PhysicalSizeZ="130" PhysicalSizeZUnit="Å"><Channel ID="Channel:0:0" '
        f'SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    packing = pick(rng, None, "zlib")
    with tifffile.TiffWriter(path, bigtiff=bool(rng.random() < 0.3)) as tif:
        for page, z in enumerate(z_of_page):
            tif.write(
                values[z],
                description=xml.encode() if page == 0 else None,
                metadata=None,
                contiguous=False,
                compression=packing,
            )
    return Truth(values, (13.0, 10.0, 10.0), (0, 0, 0), "", [order, str(z_of_page)])


def plain_tiff(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 f2 f4 f8 b1 u8")
    options: dict = {"photometric": pick(rng, "minisblack", "minisblack", "miniswhite")}
    compression = pick(rng, None, "zlib", "lzw", "zstd", "lzma", "packbits", "deflate")
    if values.dtype.kind == "b":
        compression = None
    options["compression"] = compression
    if compression in ("zlib", "lzw", "zstd", "lzma", "deflate") and rng.random() < 0.5:
        options["predictor"] = values.dtype.itemsize in (1, 4) or values.dtype.str[1:] in "u2 i2"
    if rng.random() < 0.3 and values.dtype.kind != "b":
        options["tile"] = pick(rng, (16, 16), (32, 48), (4, 16, 16))
    elif rng.random() < 0.4:
        options["rowsperstrip"] = pick(rng, 1, 3, 7)
    edges = lengths(rng)
    told: Triple | None = None
    words = "size"
    metadata = pick(rng, None, {"axes": "ZYX"}, {"axes": "QYX"}, {"axes": "TYX"}, {"axes": "CYX"})
    how = pick(rng, "none", "cm", "inch", "dpi", "no unit")
    if how in ("cm", "inch"):
        nm = 1e7 if how == "cm" else 2.54e7
        options["resolution"] = (nm / edges[2], nm / edges[1])
        options["resolutionunit"] = "CENTIMETER" if how == "cm" else "INCH"
    elif how == "dpi":
        options |= {"resolution": (72, 72), "resolutionunit": "INCH"}
    elif how == "no unit":
        options |= {"resolution": (0.1, 0.1), "resolutionunit": "NONE"}
    extra = []
    if rng.random() < 0.2:
        extra.append((274, 3, 1, pick(rng, 1, 2, 4, 6), True))
    with tifffile.TiffWriter(
        path, bigtiff=bool(rng.random() < 0.3), byteorder=pick(rng, "<", ">")
    ) as tif:
        thumbnail = pick(rng, "no", "no", "before", "behind")
        small = np.zeros((7, 9), np.uint8)
        if thumbnail == "before":
            tif.write(small, metadata=None)
        tif.write(values, metadata=metadata, extratags=extra, **options)
        if thumbnail == "behind":
            tif.write(small, metadata=None)
    choices = [how, str(metadata), thumbnail, str(options), str(extra)]
    seen = "white" if options["photometric"] == "miniswhite" else ""
    return Truth(values, told, None, words, choices, seen)


def tiff_pyramid(path: Path, rng: Generator) -> Truth:
    """Smaller levels in sub-directories or as further pages."""
    values = content(rng, "u1 u2 f4")
    inside = bool(rng.random() < 0.5)
    with tifffile.TiffWriter(path, ome=bool(rng.random() < 0.5) and inside) as tif:
        tif.write(values, subifds=1 if inside else 0, tile=(16, 16), photometric="minisblack")
        tif.write(values[:, ::2, ::2], tile=(16, 16), subfiletype=1, photometric="minisblack")
    return Truth(values, noted="size", choices=["sub-directories" if inside else "pages"])


def folder_of_slices(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 u2")
    path.mkdir()
    kind = pick(rng, "tif", "png", "bmp", "TIF")
    if kind in ("png", "bmp") and values.dtype != np.uint8:
        values = values.astype(np.uint16)
        kind = "png"
    start, step = pick(rng, 0, 1, 7, 98), pick(rng, 1, 1, 10)
    name = pick(rng, "slice_{}", "{:04}", "a1b2_z{:03}", "Slice {} of 12", "x-{:02}.rec")
    gap = bool(rng.random() < 0.3)
    if gap:
        values = values[np.arange(12) != 6]
    for z, image in enumerate(values):
        z += gap and z > 5
        file = path / f"{name.format(start + step * z)}.{kind}"
        if kind.lower() == "tif":
            tifffile.imwrite(
                file,
                image,
                compression=pick(rng, None, "zlib"),
                byteorder=pick(rng, "<", ">"),
                metadata=None,
            )
        else:
            Image.fromarray(image).save(file)
    if rng.random() < 0.4:
        (path / pick(rng, "Thumbs.db", "notes.txt", ".DS_Store", "._slice_1.tif")).write_bytes(
            b"\0\1"
        )
    choices = [kind, name, f"{start} by {step}", f"gap {gap}"]
    return Truth(values, noted="size", choices=choices, seen="left out" if gap else "")


# MRC.
def mrc(path: Path, rng: Generator) -> Truth:
    values = content(rng, "i1 i2 u2 f4 f2")
    edges, origin = lengths(rng), places(rng)
    order = pick(rng, *ORDERS, (0, 1, 2), (0, 1, 2))
    stored = turned(values, order, (False,) * 3)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(stored.astype(stored.dtype.newbyteorder(pick(rng, "<", ">"))))
    at = rng.integers(0, 3)
    words, told, place, seen = "", edges, origin, ""
    with mrcfile.mmap(path, "r+") as file:
        header = file.header
        header.ispg = pick(rng, 1, 0, 1, 4)
        header.maps, header.mapr, header.mapc = (3 - axis for axis in order)
        factor = pick(rng, 1, 1, 2)
        for name, n, edge in zip("zyx", values.shape, edges, strict=True):
            header[f"m{name}"] = n * factor
            header.cella[name] = n * factor * edge * 10
        header.cellb = pick(rng, (90, 90, 90), (0, 0, 0), (90, 90, 120))
        where = pick(rng, "origin", "start", "none")
        if where == "origin":
            header.origin = tuple(v * 10 for v in reversed(origin))
        elif where == "start":
            starts = [int(v) for v in rng.integers(-50, 50, 3)]
            place = tuple(n * e for n, e in zip(starts, edges, strict=True))  # type: ignore
            header.nzstart, header.nystart, header.nxstart = (starts[axis] for axis in order)
        else:
            place = (0.0, 0.0, 0.0)
        odd = pick(
            rng, "", "", "", "cell", "mx", "maps", "stack", "stamp", "mark", "minmax", "imod"
        )
        if odd == "cell":
            header.cella = (0, 0, 0)
            told = None
        elif odd == "mx":
            header.mx = header.my = header.mz = 0
            told, words = None, "size"
        elif odd == "maps" and order == (0, 1, 2):
            header.maps = header.mapr = header.mapc = 0
        elif odd == "stack" and order == (0, 1, 2):
            header.mz, header.ispg = 1, 0
            header.cella.z = edges[0] * 10
            words = "size origin"
        elif odd == "minmax":
            header.dmin, header.dmax, header.dmean, header.rms = 0, -1, -2, -1
        elif odd == "imod" and values.dtype != np.int8:
            flags = pick(rng, 1, 5)
            made_by = np.frombuffer(header.extra2.tobytes(), np.uint8).copy()
            made_by[40:48] = np.array([1146047817, flags], header.nx.dtype).view(np.uint8)
            header.extra2 = made_by.tobytes()
            seen = "IMOD" if flags == 1 and where == "origin" and any(origin) else ""
        header.nlabl = pick(rng, 0, 1, 10)
        if rng.random() < 0.3:
            file.set_extended_header(np.frombuffer(rng.bytes(pick(rng, 1, 80, 1024)), "V1"))
            header.exttyp = pick(rng, b"CCP4", b"AGAR", b"\0\0\0\0", b"MRCO")
    made = bytearray(path.read_bytes())
    if odd == "stamp":
        made[212:216] = pick(rng, b"DA\0\0", b"\x11\x11\0\0", b"\0\0\0\0")
        made[212:216] = bytes(4)
    elif odd == "mark":
        made[208:212] = bytes(4)
    path.write_bytes(gzip.compress(made) if at == 0 else made)
    if odd == "stack" and where == "start" and order == (0, 1, 2):
        place = None  # type: ignore[assignment]
    choices = [str(order), where, odd, f"{factor}"]
    return Truth(values, told, place if told else None, words, choices, seen)


# HDF5.
def hdf5(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 b1")
    edges, origin = lengths(rng), places(rng)
    order = pick(rng, (0, 1, 2), (0, 1, 2), *ORDERS)
    stored = turned(values, order, (False,) * 3)
    names = ["zyx"[axis] for axis in order]
    ones = pick(rng, "", "", "c", "t", "tc")
    for letter in ones:
        at = int(rng.integers(0, len(names) + 1))
        stored, names = np.expand_dims(stored, at), [*names[:at], letter, *names[at:]]
    stored = stored.astype(stored.dtype.newbyteorder(pick(rng, "<", ">")))
    options: dict = {}
    if rng.random() < 0.6:
        options = {
            "chunks": tuple(int(rng.integers(1, n + 1)) for n in stored.shape),
            "compression": pick(rng, None, "gzip", "lzf"),
            "shuffle": bool(rng.random() < 0.5),
            "fletcher32": bool(rng.random() < 0.3),
            "maxshape": pick(rng, None, (None,) * stored.ndim),
        }
    name, nm = unit(rng)
    with h5py.File(
        path,
        "w",
        userblock_size=pick(rng, 0, 0, 512),
        libver=pick(rng, "earliest", "latest"),
        track_order=bool(rng.random() < 0.3),
    ) as file:
        place = pick(rng, "data", "volumes/raw", "exchange/data", "a b/ü/x.y")
        data = file.create_dataset(place, data=stored, **options)
        how = pick(rng, "tags", "labels", "axes", "dims", "coordinates", "scales")
        plain = order == (0, 1, 2) and not ones
        if how == "tags":
            tags = {"axes": [{"key": letter, "typeFlags": 2} for letter in names]}
            data.attrs["axistags"] = json.dumps(tags)
        elif how == "labels":
            for axis, letter in enumerate(names):
                data.dims[axis].label = letter
        elif how == "axes":
            joined = pick(rng, "".join(names), ":".join(names), list(names), ",".join(names))
            data.attrs["axes"] = (
                joined if rng.random() < 0.7 or isinstance(joined, list) else (np.bytes_(joined))
            )
        elif how == "coordinates" and "/" in place:
            group = data.parent
            group.attrs["NX_class"] = "NXdata"
            group.attrs["signal"] = place.rpartition("/")[2]
            group.attrs["axes"] = [f"axis_{letter}" for letter in names]
            for letter in names:
                if letter in "zyx":
                    axis = "zyx".index(letter)
                    n = values.shape[axis]
                    at = origin[axis] + np.arange(n) * edges[axis]
                    group[f"axis_{letter}"] = at / (nm or 1.0)
                    group[f"axis_{letter}"].attrs["units"] = name
                else:
                    group[f"axis_{letter}"] = np.zeros(1)
        elif how == "scales":
            # As netCDF has it.
            for at, letter in enumerate(names):
                n = stored.shape[at]
                axis = "zyx".find(letter)
                along = origin[axis] + np.arange(n) * edges[axis] if axis >= 0 else np.zeros(n)
                scale = data.parent.create_dataset(letter, data=along / (nm or 1.0))
                scale.attrs["units"] = name
                scale.make_scale(letter)
                data.dims[at].attach_scale(scale)
        else:
            how = "none"
        if how == "dims" or (how == "none" and not plain):
            # Nothing tells the axes: they are as stored.
            stored = stored.reshape(tuple(n for n in stored.shape if n > 1))
            values = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder("=")))
            names = list("zyx")
            edges = tuple(edges[axis] for axis in order)  # type: ignore[assignment]
            how = "none"
        told: Triple | None = edges if nm else None
        at_place: Triple | None = origin
        sized = how in ("coordinates", "scales")
        if not sized:
            at_place = (0.0, 0.0, 0.0)
            space = [letter for letter in names if letter in "zyx"]
            along = np.array([edges["zyx".index(letter)] for letter in space]) / (nm or 1.0)
            key = pick(rng, "voxel_size", "resolution", "spacing", "pixel_size", "element_size")
            node = pick(rng, data, data.parent) if place.count("/") else data
            if rng.random() < 0.8:
                sized = True
                node.attrs[key] = pick(rng, along, along.tolist())
                node.attrs[pick(rng, "unit", "units")] = pick(
                    rng, name, [name] * 3, np.bytes_(name.encode())
                )
                if rng.random() < 0.4:
                    starts = [origin["zyx".index(letter)] / (nm or 1) for letter in space]
                    node.attrs["offset"], at_place = starts, origin
            else:
                told = None
        if rng.random() < 0.3:
            file["history"] = "made by hand"
            file["table"] = np.arange(12.0)
    choices = [how, str(names), name, place, str(options)]
    seen = seen_unit(name) if sized else ""
    return Truth(values, told, at_place if told else None, "", choices, seen)


# OME-Zarr.
_OME_UNITS = {
    "nanometer": 1,
    "micrometer": 1e3,
    "angstrom": 0.1,
    "millimeter": 1e6,
    "meter": 1e9,
    "picometer": 1e-3,
    "centimeter": 1e7,
    "inch": 2.54e7,
    "µm": 1e3,
    "pixel": None,
    None: None,
}


def ome_zarr(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 f2 f4 f8 b1 i8")
    edges, origin = lengths(rng), places(rng)
    name = pick(rng, *_OME_UNITS)
    nm = _OME_UNITS[name]
    order = pick(rng, (0, 1, 2), (0, 1, 2), *ORDERS)
    letters = pick(rng, "", "", "t", "c", "tc") + "".join("zyx"[axis] for axis in order)
    stored = turned(values, order, (False,) * 3)
    stored = stored.reshape((1,) * (len(letters) - 3) + stored.shape)
    version = pick(rng, "0.5", "0.4", "0.4", "0.3", "0.1")
    if version == "0.1":
        order, letters = (0, 1, 2), "tczyx"
        stored = values.reshape(1, 1, *values.shape)
    level = pick(rng, "0", "s0", "scale0/image", "full")
    format_ = 3 if version == "0.5" else 2
    chunks = tuple(int(rng.integers(1, n + 1)) for n in stored.shape)
    options: dict = {"chunks": chunks}
    if format_ == 2:
        options |= {
            "order": pick(rng, "C", "F"),
            "chunk_key_encoding": {"name": "v2", "separator": pick(rng, "/", ".")},
            "fill_value": pick(rng, 0, None, 0),
        }
        stored = stored.astype(stored.dtype.newbyteorder(pick(rng, "<", ">")))
    elif rng.random() < 0.3:
        options["shards"] = tuple(2 * c for c in chunks)
    group = zarr.open_group(path, mode="w", zarr_format=format_)
    group.create_array(level, data=stored, **options)
    small = stored[..., ::2, ::2]
    group.create_array("1", data=np.ascontiguousarray(small))
    axes = []
    for letter in letters:
        axis: dict = {"name": letter if rng.random() < 0.8 else letter.upper()}
        if rng.random() < 0.8:
            axis["type"] = {"t": "time", "c": "channel"}.get(letter, "space")
        if letter in "zyx" and name is not None:
            axis["unit"] = name
        axes.append(axis)
    per = nm or 1.0
    scale = [edges["zyx".index(a)] / per if a in "zyx" else 1.0 for a in letters]
    shift = [origin["zyx".index(a)] / per if a in "zyx" else 0.0 for a in letters]
    steps: list = [{"type": "scale", "scale": scale}]
    place: Triple = (0.0, 0.0, 0.0)
    if rng.random() < 0.6:
        steps.append({"type": "translation", "translation": shift})
        place = origin
    image: list = []
    if rng.random() < 0.3:
        doubled = [{**steps[0], "scale": [v / 2 for v in scale]}]
        if len(steps) > 1:
            doubled.append({**steps[1], "translation": [v / 2 for v in shift]})
        steps, image = doubled, [{"type": "scale", "scale": [2.0] * len(letters)}]
    elif rng.random() < 0.2:
        image = [{"type": "identity"}]
    described: dict = {
        "version": version,
        "name": "",
        "axes": axes if version in ("0.4", "0.5") else list(letters),
        "datasets": [
            {"path": level, "coordinateTransformations": steps},
            {
                "path": "1",
                "coordinateTransformations": [
                    {
                        "type": "scale",
                        "scale": [
                            s * (1 if i < len(scale) - 2 else 2) for i, s in enumerate(scale)
                        ],
                    }
                ],
            },
        ],
        "coordinateTransformations": image,
    }
    told: Triple | None = edges if nm else None
    if version in ("0.3", "0.1"):
        for each in described["datasets"]:
            del each["coordinateTransformations"]
        del described["coordinateTransformations"]
        told = None
        if version == "0.1":
            del described["axes"]
    if not image:
        described.pop("coordinateTransformations", None)
    if version == "0.5":
        described.pop("version")
        group.attrs["ome"] = {"version": version, "multiscales": [described]}
    else:
        group.attrs["multiscales"] = [described]
        if rng.random() < 0.3:
            group.attrs["omero"] = {"channels": [{"color": "FFFFFF"}], "version": version}
    if rng.random() < 0.3:
        with np.testing.suppress_warnings() as quiet:
            quiet.filter(UserWarning)
            zarr.consolidate_metadata(path, zarr_format=format_)
    if rng.random() < 0.2:
        described["datasets"].reverse()
        group.attrs.update(
            {"ome": {"version": version, "multiscales": [described]}}
            if version == "0.5"
            else {"multiscales": [described]}
        )
        level += " behind the smaller one"
    zipped = bool(rng.random() < 0.25)
    if zipped:
        folder = path.with_name("zipped")
        path.rename(folder)
        inside = pick(rng, "", "body.ome.zarr/")
        with zipfile.ZipFile(path, "w", pick(rng, 0, 8)) as archive:
            for member in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.write(member, inside + member.relative_to(folder).as_posix())
    choices = [version, letters, str(name), level, str(options), f"zip {zipped}"]
    return Truth(values, told, place if told else None, "", choices)


def plain_zarr(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 u2 i4 f4")
    edges = lengths(rng)
    order = pick(rng, (0, 1, 2), *ORDERS)
    stored = turned(values, order, (False,) * 3)
    format_ = pick(rng, 2, 3)
    names = ["zyx"[axis] for axis in order]
    options: dict = {}
    how = pick(rng, "dimension_names", "xarray", "none")
    if how == "dimension_names" and format_ == 3:
        options["dimension_names"] = names
    elif how == "dimension_names" or (how == "none" and order != (0, 1, 2)):
        how = "xarray"
    array = zarr.create_array(path, data=stored, zarr_format=format_, **options)
    if how == "xarray":
        array.attrs["_ARRAY_DIMENSIONS"] = names
    name, nm = unit(rng)
    array.attrs["voxel_size"] = [edges[axis] / (nm or 1) for axis in order]
    array.attrs["unit"] = name
    choices = [how, str(names), name]
    return Truth(values, edges if nm else None, None, "", choices, seen_unit(name))


# NIfTI.
_NIFTI_UNITS = {"micron": 1e3, "mm": 1e6, "meter": 1e9, "unknown": None}


def nifti(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 f4 f8 i8 u8")
    edges, origin = lengths(rng), places(rng)
    order, flips = pick(rng, *ORDERS, (0, 1, 2)), flips_of(rng)
    kind = pick(rng, nibabel.Nifti1Image, nibabel.Nifti2Image)
    name = pick(rng, *_NIFTI_UNITS)
    nm = _NIFTI_UNITS[name]
    columns, first = affine(edges, origin, order, flips, values.shape)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = columns[::-1].T / (nm or 1), first / (nm or 1)
    stored = turned(values, order, flips).transpose()
    extra = pick(rng, 0, 0, 1, 2)
    header = kind.header_class(endianness=pick(rng, "<", ">"))
    header.set_data_dtype(stored.dtype)
    image = kind(stored.reshape(stored.shape + (1,) * extra), matrix, header, dtype=stored.dtype)
    image.header.set_xyzt_units(name, pick(rng, "unknown", "sec", "hz"))
    how = pick(rng, "both", "sform", "qform", "neither", "codes")
    codes = (pick(rng, 1, 2, 3, 4), pick(rng, 1, 2))
    image.set_sform(matrix, codes[0] if how in ("both", "sform", "codes") else 0)
    image.set_qform(matrix, codes[1] if how in ("both", "qform", "codes") else 0)
    image.header["cal_max"] = pick(rng, 0, 1)
    image.header["descrip"] = b"odd"
    image.header["scl_slope"] = np.nan
    if rng.random() < 0.3:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 50))
    words = ""
    content_ = image.to_bytes()
    if how == "neither":
        # Nothing says how the axes run: as stored.
        values = np.ascontiguousarray(stored.transpose())
        edges = tuple(edges[axis] for axis in order)  # type: ignore[assignment]
        origin = (0.0, 0.0, 0.0)
    scaled = pick(rng, "no", "no", "slope")
    offset = 108 if kind is nibabel.Nifti1Image else None
    if scaled == "slope":
        at = 112 if offset else 176
        code = image.header.endianness + ("f4" if offset else "f8")
        made = bytearray(content_)
        pair = pick(rng, (1 / 255, 0.0), (2.0, -100.0), (0.0, 7.0), (1.0, 0.0))
        size = np.dtype(code).itemsize
        made[at : at + 2 * size] = np.array(pair, code).tobytes()
        content_ = bytes(made)
        if pair[0] and pair != (1.0, 0.0):
            slope, intercept = (float(v) for v in np.array(pair, code))
            values = values * slope + intercept
        scaled = str(pair)
    if rng.random() < 0.3:
        content_ = gzip.compress(content_)
    path.write_bytes(content_)
    choices = [kind.__name__, name, str(order), str(flips), how, scaled, f"+{extra} axes"]
    return Truth(values, edges if nm else None, origin if nm else None, words, choices)


def rotated_nifti(path: Path, rng: Generator) -> Truth:
    """Axes at an angle: what is not carried on has to be said."""
    values = content(rng, "u1 i2 f4")
    angle = math.radians(float(rng.uniform(5, 40)))
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * 0.013
    image = nibabel.Nifti1Image(values.transpose(), matrix)
    image.header.set_xyzt_units("micron")
    if rng.random() < 0.5:
        image.header["quatern_b"] = mat2quat(turn)[1]
    path.write_bytes(image.to_bytes())
    return Truth(values, (13.0,) * 3, (0, 0, 0), "must values", [f"{math.degrees(angle):.0f}°"])


# NRRD.
def nrrd_file(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 f4 f8 i8")
    edges, origin = lengths(rng), places(rng)
    order, flips = pick(rng, *ORDERS, (0, 1, 2)), flips_of(rng)
    space = pick(
        rng,
        "none",
        "right-anterior-superior",
        "left-posterior-superior",
        "left-anterior-superior",
        "RAS",
        "LPS",
        "LAS",
        "scanner-xyz",
        "3D-right-handed",
        "3D-left-handed",
    )
    name, nm = ascii_unit(rng)
    names: list[str] | None = [name] * 3
    if space[0].lower() in "rls" and rng.random() < 0.6:
        names, nm = None, 1e6
    elif not name:
        names, nm = None, None
        if space[0].lower() in "rls":
            nm = 1e6
    if nm is None and space[0].lower() in "rls":
        nm = 1e6  # what is no unit leaves that of the anatomical spaces
    columns, first = affine(edges, origin, order, flips, values.shape)
    if space.lower() in ("las", "left-anterior-superior", "3d-left-handed"):
        other = np.array([-1, 1, 1])
        columns, first = columns * other, first * other
    stored = turned(values, order, flips).transpose()
    stored = stored.astype(stored.dtype.newbyteorder(pick(rng, "<", ">")))
    header: dict = {"encoding": pick(rng, "raw", "gzip", "bzip2", "ascii")}
    told: Triple | None = edges if nm else None
    place: Triple | None = origin
    how = pick(rng, "directions", "directions", "spacings", "nothing")
    if how == "directions":
        if space == "none":
            header["space dimension"] = 3
        else:
            header["space"] = space
        header["space directions"] = columns[::-1] / (nm or 1)
        header["space origin"] = first / (nm or 1)
        if names:
            header["space units"] = names
        if rng.random() < 0.3:
            header["kinds"] = ["domain"] * 3
        if rng.random() < 0.3:
            header["measurement frame"] = np.eye(3)
    else:
        values = np.ascontiguousarray(stored.transpose().astype(stored.dtype.newbyteorder("=")))
        edges = tuple(edges[axis] for axis in order)  # type: ignore[assignment]
        place, told = (0.0, 0.0, 0.0), None
        if how == "spacings":
            name, nm = ascii_unit(rng)
            header["spacings"] = [e / (nm or 1) for e in edges[::-1]]
            if name:
                header["units"] = [name] * 3
            told = edges if nm else None
            if rng.random() < 0.4:
                header["axis mins"] = [o / (nm or 1) for o in origin[::-1]]
                place = origin
    centering = "centerings"
    header[centering] = pick(rng, ["cell"] * 3, ["node"] * 3, ["???"] * 3)
    if how == "spacings" and "axis mins" in header and header[centering][0] != "node":
        # The low edge of the first voxel.
        place = tuple(o + e / 2 for o, e in zip(origin, edges, strict=True))
    mixed = bool(nm) and how != "nothing" and rng.random() < 0.3
    key = "space units" if how == "directions" else "units"
    if mixed and key in header:
        if how == "spacings":
            # The slowest axis in another unit than the others.
            header["spacings"][2] *= nm / 1000
            header["units"] = [name, name, "um"]
            if "axis mins" in header:
                header["axis mins"][2] *= nm / 1000
        else:
            # z in another unit than x and y.
            for row in (*header["space directions"], header["space origin"]):
                row[2] *= nm / 1000
            header["space units"] = [name, name, "um"]
    if how == "spacings" and rng.random() < 0.3:
        # A list of one in front, that has no size.
        stored = stored[np.newaxis]
        for told_key, none in (
            ("spacings", np.nan),
            ("axis mins", np.nan),
            ("units", ""),
            (centering, "???"),
        ):
            if told_key in header:
                header[told_key] = [none, *header[told_key]]
        how += " behind a list"
    header["note"] = "=odd: value"
    with path.open("wb") as file:
        nrrd.write(file, stored, header, detached_header=False)
    made = path.read_bytes()
    if rng.random() < 0.5:
        made = made.replace(b"centerings:", b"centers:", 1)
    if rng.random() < 0.5:
        made = made.replace(b'"um"', '"µm"'.encode(), 3)
    if rng.random() < 0.3:
        made = made.replace(b"\n", b"\n# made by hand\n", 1)
    path.write_bytes(made)
    choices = [space, str(header.get(key)), how, header["encoding"], str(order), str(flips)]
    seen = "" if nm or how == "nothing" else seen_unit(name)
    return Truth(values, told, place if told else None, "origin", choices, seen)


# MetaImage.
_MET = {"u1": "UCHAR", "i1": "CHAR", "u2": "USHORT", "i2": "SHORT", "u4": "UINT", "i4": "INT"}
_MET |= {"f4": "FLOAT", "f8": "DOUBLE", "i8": "LONG_LONG"}


def mha(path: Path, rng: Generator) -> Truth:
    values = content(rng, " ".join(_MET))
    edges, origin = lengths(rng), places(rng)
    order, flips = pick(rng, *ORDERS, (0, 1, 2)), flips_of(rng)
    columns, first = affine(edges, origin, order, flips, values.shape)
    sizes = np.linalg.norm(columns, axis=1)
    per = pick(rng, 1e6, 1e6, 1e3, 1.0)
    order_ = pick(rng, "<", ">")
    stored = turned(values, order, flips)

    def text(numbers) -> str:
        return " ".join(repr(float(v)) for v in np.ravel(numbers))

    raw = stored.astype(stored.dtype.newbyteorder(order_)).tobytes()
    packed = bool(rng.random() < 0.3)
    raw = zlib.compress(raw) if packed else raw
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": pick(rng, "True", "true"),
        pick(rng, "BinaryDataByteOrderMSB", "ElementByteOrderMSB"): str(order_ == ">"),
        "CompressedData": str(packed),
        pick(rng, "TransformMatrix", "Rotation", "Orientation"): text(
            columns[::-1] / sizes[::-1, None]
        ),
        pick(rng, "Offset", "Position", "Origin"): text(first / per),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": pick(rng, "RAI", "LPS", "???"),
        pick(rng, "ElementSpacing", "ElementSize"): text(sizes[::-1] / per),
        "DimSize": " ".join(map(str, stored.shape[::-1])),
    }
    if packed and rng.random() < 0.7:
        lines["CompressedDataSize"] = str(len(raw))
    if rng.random() < 0.5:
        lines["ElementNumberOfChannels"] = "1"
    if not packed and rng.random() < 0.2:
        lines["HeaderSize"] = "-1"
    seen = ""
    if rng.random() < 0.2:
        lines["ElementToIntensityFunctionSlope"] = "2.5"
        seen = "scaled|ElementToIntensity"
    lines["ElementType"] = "MET_" + _MET[values.dtype.str[1:]]
    lines["ElementDataFile"] = "LOCAL"
    end = pick(rng, "\n", "\n", "\r\n")
    gap = pick(rng, " = ", "=", " =  ")
    head = "".join(f"{key}{gap}{value}{end}" for key, value in lines.items())
    path.write_bytes(head.encode() + raw)
    told = edges if per == 1e6 else None
    choices = [str(order), str(flips), f"{per:g}", *lines]
    return Truth(values, told, origin if told else None, "", choices, seen)


# Others.
def numpy_file(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8 b1")
    stored = values.astype(values.dtype.newbyteorder(pick(rng, "<", ">")))
    stored = np.asarray(stored, order=pick(rng, "C", "F"))
    shape = pick(rng, stored.shape, (1, *stored.shape), (*stored.shape, 1))
    how = pick(rng, "npy", "npz", "npz-packed", "several")
    made = stored.reshape(shape) if stored.flags["C_CONTIGUOUS"] else stored
    with path.open("wb") as file:
        if how == "npy":
            version = pick(rng, (1, 0), (2, 0))
            np.lib.format.write_array(file, made, version=version)
        elif how == "several":
            np.savez(file, affine=np.eye(4), body=made, names=np.array(["a", "b"]))
        else:
            (np.savez if how == "npz" else np.savez_compressed)(file, body=made)
    return Truth(values, None, None, "", [how, str(stored.flags["F_CONTIGUOUS"]), str(shape)])


def amira(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 u2 f4")
    values = np.nan_to_num(values, posinf=1e4, neginf=-1e4)
    edges, origin = lengths(rng), places(rng)
    names = {k: v for k, v in UNITS.items() if all(ord(c) < 256 and c != "\\" for c in k)}
    name = pick(rng, *names)
    nm = names[name]
    how = pick(rng, "raw", "big", "zip", "rle" if values.dtype == np.uint8 else "raw", "text")
    if how == "text" and values.dtype.kind == "f":
        how = "raw"
    told = tuple(e / (nm or 1) for e in edges)
    at = tuple(o / (nm or 1) for o in origin)
    made = amira_file(values, told, how, at, name)
    path.write_bytes(made)
    seen = seen_unit(name)
    return Truth(values, edges if nm else None, origin if nm else None, "", [how, name], seen)


def em(path: Path, rng: Generator) -> Truth:
    values = content(rng, "i1 i2 i4 f4 f8")
    pixel = pick(rng, 0, 13000, 32500)
    made = bytearray(em_file(values, pixel))
    path.write_bytes(made)
    return Truth(values, (pixel / 1e3,) * 3 if pixel else None, None, "", [f"{pixel} pm"])


def zeiss(path: Path, rng: Generator) -> Truth:
    values = content(rng, "u1 u2 f4")
    pixel = pick(rng, 0.013, 0.0325)
    path.write_bytes(zeiss_file(values, pixel))
    return Truth(values, (pixel * 1e3,) * 3, None, "", [])


WRITERS: dict[str, Callable[[Path, Generator], Truth]] = {
    "imagej": imagej,
    "ome-tiff": ome,
    "ome-planes": ome_planes,
    "tiff": plain_tiff,
    "tiff-pyramid": tiff_pyramid,
    "slices": folder_of_slices,
    "mrc": mrc,
    "hdf5": hdf5,
    "ome-zarr": ome_zarr,
    "zarr": plain_zarr,
    "nifti": nifti,
    "rotated-nifti": rotated_nifti,
    "nrrd": nrrd_file,
    "mha": mha,
    "numpy": numpy_file,
    "amira": amira,
    "em": em,
    "zeiss": zeiss,
}
