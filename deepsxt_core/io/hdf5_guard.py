"""HDF5 files from outside: opened so that they can show what is in them, and nothing else.

An HDF5 file may say that values lie in other files: by external storage, by a virtual dataset, or
by a link. The library follows all of them with the rights of the server. Every module that opens an
HDF5 file which it has not written itself does so here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from deepsxt_core.errors import UnreadableFileError

_MOST_LINKS = 100_000
# Filters that shrink as far as the values allow; what unpacks a chunk grows with what it finds.
_SHRINKING = frozenset((h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF, h5py.h5z.FILTER_SZIP))
# Filters that are told the number of values, and where among their parameters it stands (H5Z.c).
_VALUES_AT = {h5py.h5z.FILTER_NBIT: 2, h5py.h5z.FILTER_SCALEOFFSET: 2}


@contextmanager
def opened_hdf5(path: Path, *, whole: bool = False) -> Iterator[h5py.File]:
    """Open a file to read.

    Parameters
    ----------
    path : Path
    whole : bool
        Whether anything in the file that refers to another one refuses it: then whatever is in it
        may be read. Otherwise such things are left alone, as many programs keep links to their raw
        data, and datasets must be taken out with `dataset_inside`.

    Raises
    ------
    OSError
        If it is no HDF5 file, or a damaged one.
    UnreadableFileError
        With `whole`, if the file holds external storage, a virtual dataset, a link into another
        file or of an unknown kind, or very many objects. Links inside the file are fine.
    """
    with h5py.File(path, "r", locking="best-effort") as file:
        if whole:
            _refuse_references(file)
        yield file


def dataset_inside(file: h5py.File, name: str) -> h5py.Dataset:
    """Return a dataset that is stored in the file itself, with all its values.

    Raises
    ------
    KeyError
        If there is none of that name.
    UnreadableFileError
        If the way to it, or its values, lead into another file.
    """
    _refuse_way_out(file, name)
    node = file[name]
    if not isinstance(node, h5py.Dataset):
        raise KeyError(f"{name!r} is no dataset")
    refuse_foreign_values(file, node)
    return node


def refuse_foreign_values(file: h5py.File, array: h5py.Dataset) -> None:
    """Raise if the values lie in other files, or its filters claim more values than it has.

    Raises
    ------
    UnreadableFileError
    """
    if array.is_virtual or array.external:
        raise UnreadableFileError(
            f"The dataset '{array.name}' of '{_name(file)}' only points to values in other files. "
            "Copy the dataset with its values into one file, for example with h5repack."
        )
    plist = array.id.get_create_plist()
    filters = [plist.get_filter(i)[:3:2] for i in range(plist.get_nfilters())]
    codes = [code for code, _ in filters if code != h5py.h5z.FILTER_FLETCHER32]
    # One after another multiply, and only of the last one can a chunk be measured beforehand.
    hidden = any(code in _SHRINKING for code in codes[:-1])
    n_values = int(np.prod(array.chunks or array.shape, dtype=object))
    if hidden or any(
        code in _VALUES_AT and values[_VALUES_AT[code]] > n_values for code, values in filters
    ):
        raise UnreadableFileError(
            f"The dataset '{array.name}' of '{_name(file)}' is stored through filters that could "
            "make it grow beyond its size. Save it with gzip alone, for example with h5repack."
        )


def declared_bytes(file: h5py.File) -> int:
    """Return how many bytes all datasets of a file claim to have, unpacked."""
    return sum(array.size * array.dtype.itemsize for array in _arrays(file))


def _arrays(file: h5py.File) -> list[h5py.Dataset]:
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, node: found.append(node) if isinstance(node, h5py.Dataset) else None)
    return found


def _refuse_references(file: h5py.File) -> None:
    """Look through the whole file; every object is visited once, by its hard links alone."""
    n_seen = 0
    foreign: list[tuple[bytes, h5py.h5l.LinkInfo]] = []

    # What a callback raises is lost on its way through the library: it ends the visit instead.
    def visit_link(name: bytes, link: h5py.h5l.LinkInfo) -> bool | None:
        nonlocal n_seen
        n_seen += 1
        if link.type not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT):
            foreign.append((name, link))
        return True if foreign or n_seen > _MOST_LINKS else None

    file.id.links.visit(visit_link, info=True)
    for name, link in foreign:
        raise _leads_out(file, name, link)
    if n_seen > _MOST_LINKS:
        raise UnreadableFileError(
            f"'{_name(file)}' holds more than {_MOST_LINKS} objects and is refused."
        )
    for array in _arrays(file):
        refuse_foreign_values(file, array)


def _refuse_way_out(file: h5py.File, name: str) -> None:
    """Raise unless every step to `name` stays in the file."""
    step = b""
    for part in name.strip("/").encode("utf-8", "surrogateescape").split(b"/"):
        step = step + b"/" + part
        if not file.id.links.exists(step):
            raise KeyError(f"there is no {name!r}")
        link = file.id.links.get_info(step)
        if link.type != h5py.h5l.TYPE_HARD:
            raise _leads_out(file, step, link)


def _leads_out(file: h5py.File, name: bytes, link: h5py.h5l.LinkInfo) -> UnreadableFileError:
    if link.type == h5py.h5l.TYPE_EXTERNAL:
        file_name, target = file.id.links.get_val(name)
        where = f"'{_shown(target)}' in another file, '{_shown(file_name)}', which is not opened"
    elif link.type == h5py.h5l.TYPE_SOFT:
        where = f"'{_shown(file.id.links.get_val(name))}', which is not followed"
    else:
        where = "something of an unknown kind, which is not followed"
    return UnreadableFileError(
        f"'{_shown(name)}' in '{_name(file)}' is only a link to {where}. Open that itself."
    )


def _shown(name: bytes) -> str:
    return name.decode(errors="backslashreplace").lstrip("/") or "/"


def _name(file: h5py.File) -> str:
    return Path(str(file.filename)).name
