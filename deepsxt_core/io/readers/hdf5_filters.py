"""The filters that the values of an HDF5 dataset went through, where they cannot be undone here.

Numbers as registered with the HDF Group, https://github.com/HDFGroup/hdf5_plugins.
"""

from pathlib import Path

import h5py

from deepsxt_core.errors import UnreadableFileError

_NAMES = {
    305: "LZO",
    307: "bzip2",
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32016: "B3D",
    32017: "SZ",
    32019: "JPEG",
    32022: "BitGroom",
    32023: "Granular BitRound",
    32024: "SZ3",
    32026: "Blosc2",
    32028: "SPERR",
    32029: "FFMPEG",
    32030: "JPEG 2000",
}
_REPACK = (
    "Save it with gzip instead, with the program that wrote it or by: h5repack -f GZIP=1 IN OUT"
)


def require_filters(path: Path, array: h5py.Dataset) -> None:
    """Raise if a filter is missing, or is one that this version of the library cannot undo.

    Raises
    ------
    UnreadableFileError
    """
    properties = array.id.get_create_plist()
    filters = [properties.get_filter(i) for i in range(properties.get_nfilters())]
    for code, _, _, told in filters:
        if not h5py.h5z.filter_avail(code):
            name = _NAMES.get(code) or told.decode(errors="replace") or "unknown"
            raise UnreadableFileError(
                f"The dataset '{array.name}' of '{path.name}' is stored with the HDF5 filter "
                f"{name} (number {code}), which is an addition to HDF5 and not available here. "
                f"The file is not damaged. {_REPACK} (h5repack needs the filter, too)."
            )
    if any(code == h5py.h5z.FILTER_SCALEOFFSET for code, *_ in filters):
        _try_scale_offset(path, array)


def _try_scale_offset(path: Path, array: h5py.Dataset) -> None:
    try:
        array[(0,) * array.ndim]
    except OSError as error:
        version = h5py.version.hdf5_version
        raise UnreadableFileError(
            f"The dataset '{array.name}' of '{path.name}' is stored with the scale-offset filter, "
            f"as BigDataViewer does, and the HDF5 library here ({version}) cannot undo it in this "
            "file; HDF5 1.14 has this fault, 2.0 does not. The file is not necessarily damaged. "
            f"{_REPACK}, with the h5repack of another version of HDF5."
        ) from error
