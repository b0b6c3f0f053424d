"""Files that cannot be opened, told by how they begin: what they are, and what to do."""

import re

_EXPORT = "Export the tomogram from its program as TIFF, MRC or HDF5"
_MESH = "It holds a surface and no voxels. Open the labels or the score that it was made from"

# In the order of the first bytes; what comes first wins.
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xfd7zXZ", "compressed with xz", "Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4", "Unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first"),
    (b"Rar!", "a RAR archive", "Unpack it first"),
    (b"\x89PNG", "a PNG picture", "Save the slices as a TIFF stack, for example with Fiji"),
    (b"\xff\xd8\xff", "a JPEG picture", "Save the slices as a TIFF stack, for example with Fiji"),
    (b"GIF8", "a GIF picture", "Save the slices as a TIFF stack, for example with Fiji"),
    (b"%PDF", "a PDF document", "Choose the file with the tomogram"),
    (
        b"IMOD",
        "an IMOD model, with contours and no voxels",
        "Make a mask of it with IMOD's imodmop, and open that",
    ),
    (b"# HyperSurface", "a surface of Amira or Avizo", _MESH),
    (b"ZISRAWFILE", "a Zeiss CZI file", _EXPORT),
    (b"\xda\xce\xbe\x0a", "a Nikon ND2 file", _EXPORT),
    (b"\x70\0\0\0", "a Leica LIF file", _EXPORT),
    (b"ply\n", "a PLY surface", _MESH),
    (b"ply\r", "a PLY surface", _MESH),
    (b"solid ", "an STL surface", _MESH),
    (b"glTF", "a glTF surface", _MESH),
    (
        b"# vtk DataFile",
        "a VTK file",
        "Save it as MRC, NRRD or TIFF, for example with ParaView or 3D Slicer",
    ),
    (b"SIMPLE  =", "a FITS file", "Save it as TIFF"),
    (b"MATLAB 5.0", "a MATLAB file", "Save the array as HDF5 (-v7.3), or as TIFF"),
    (b"\x80\x04", "a Python pickle", "Save the plain array with numpy.save"),
    (
        b"CDF",
        "a netCDF file of the old kind",
        "Convert it to netCDF-4 or HDF5, for example with nccopy",
    ),
    (b"BM", "a BMP picture", "Save the slices as a TIFF stack, for example with Fiji"),
)
_DICOM = slice(128, 132)
# Where Gatan's DM3 and DM4 tell their byte order as 0 or 1.
_GATAN = {3: slice(8, 12), 4: slice(12, 16)}
_TAR = slice(257, 262)
_OBJ = re.compile(rb"(#[^\n]*\n|\s)*(v|mtllib|o|g) \S")


def looks_like(head: bytes) -> tuple[str, str] | None:
    """Return what a file is that starts with `head`, and what to do; None where it is not known."""
    for start, what, remedy in _STARTS:
        if head.startswith(start):
            return what, remedy
    version = int.from_bytes(head[:4], "big")
    if version in _GATAN and int.from_bytes(head[_GATAN[version]], "big") in (0, 1):
        remedy = "Export it as MRC or TIFF, with DigitalMicrograph, Fiji or IMOD's dm2mrc"
        return f"a Gatan DM{version} file", remedy
    if head[_DICOM] == b"DICM":
        return "a DICOM file", "Save the series as NRRD or NIfTI, for example with 3D Slicer"
    if head[_TAR] == b"ustar":
        return "a tar archive", "Unpack it first"
    return _text(head)


def _text(head: bytes) -> tuple[str, str] | None:
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begin or any(byte < 9 or 13 < byte < 32 for byte in begin):
        return None
    if b"<SpimData" in begin:
        return "the description of a BigDataViewer image", "Open the .h5 file that belongs to it"
    if b"<VTKFile" in begin:
        return "a VTK file", "Save volumes as MRC, NRRD or TIFF; of surfaces, open the labels"
    if begin.startswith(b"<"):
        return "a text file (XML or HTML)", "Choose the file with the voxels"
    if begin.startswith((b"{", b"[")):
        return "a text file (JSON)", "Choose the file with the voxels"
    if _OBJ.match(begin):
        return "an OBJ surface", _MESH
    return "a text file", "Choose the file with the voxels"
