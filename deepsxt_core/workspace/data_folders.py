"""One folder of the server at a time: what is in it, with sizes and dates, to search and sort."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.folder import may_be_slices
from deepsxt_core.io.readers.ome_zarr import is_zarr_folder
from deepsxt_core.workspace.catalogue import natural
from deepsxt_core.workspace.data_roots import find_folder, is_allowed, is_offered

MOST_LOOKED_AT = 20_000
"""How many files and folders are looked at for one list."""

ItemOrder = Literal["name", "newest", "largest"]
ITEM_ORDERS: tuple[ItemOrder, ...] = get_args(ItemOrder)


@dataclass(frozen=True, slots=True)
class Item:
    """What may be a tomogram, or a folder to go into.

    Attributes
    ----------
    name : str
        Relative to the folder that was listed.
    is_folder : bool
        Whether it is one to go into. An OME-Zarr is none.
    size_bytes : int or None
        Of a file.
    changed : datetime
        When it was written last, in UTC.
    """

    name: str
    is_folder: bool
    size_bytes: int | None
    changed: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder.

    Attributes
    ----------
    items : tuple of Item
    is_stack : bool
        Whether the folder itself may be a tomogram: it holds numbered pictures.
    unreadable : tuple of str
        Names of which nothing could be told.
    is_complete : bool
        Whether all was looked at; otherwise there was more than `MOST_LOOKED_AT`.
    """

    items: tuple[Item, ...]
    is_stack: bool
    unreadable: tuple[str, ...]
    is_complete: bool


def list_folder(root: Path, name: str, *, text: str = "", order: ItemOrder = "name") -> Listing:
    """Return what is in a folder of the server, folders first; with `text`, what is below it.

    What is hidden, or leads out of the folders that the server offers, is left out.

    Parameters
    ----------
    root : Path
        One of `settings.data_roots`.
    name : str
        The folder, relative to `root`; "" is `root` itself.
    text : str
        Words that must all stand in the name of what is searched for, in any case.
    order : {"name", "newest", "largest"}
        Names with their numbers in order.

    Raises
    ------
    UnreadableFileError
        If it is no folder that the server offers, or may not be read.
    """
    folder, words = find_folder(root, name), text.casefold().split()
    found: list[Item] = []
    unreadable: list[str] = []
    pictures: list[str] = []
    left = MOST_LOOKED_AT
    waiting = [folder]
    while waiting and left > 0:
        inside = waiting.pop()
        try:
            entries = _entries(inside, left)
        except OSError as error:
            if inside == folder:
                raise UnreadableFileError(
                    f"The folder '{folder.name}' cannot be read: {error.strerror}."
                ) from error
            unreadable.append(str(inside.relative_to(folder)))
            continue
        left -= len(entries)
        if inside == folder:
            pictures = [entry.name for entry in entries]
        for entry in entries:
            item = _item(entry, folder)
            if item is None:
                unreadable.append(_shown(entry.path, folder))
            elif is_allowed(Path(entry.path).resolve()) and (item.is_folder or _offered(entry)):
                if all(word in item.name.casefold() for word in words):
                    found.append(item)
                if words and item.is_folder and not entry.is_symlink():
                    waiting.append(Path(entry.path))
    return Listing(
        tuple(_ordered(found, order)), may_be_slices(pictures), tuple(sorted(unreadable)), left > 0
    )


def _entries(folder: Path, most: int) -> Sequence[os.DirEntry[str]]:
    def seen() -> Iterator[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry

    return [entry for entry, _ in zip(seen(), range(most), strict=False)]


def _item(entry: os.DirEntry[str], folder: Path) -> Item | None:
    try:
        entry.path.encode()
        stat = entry.stat()
        to_enter = entry.is_dir() and not is_zarr_folder(Path(entry.path))
    except (OSError, UnicodeEncodeError):
        return None
    return Item(
        str(Path(entry.path).relative_to(folder)),
        to_enter,
        None if entry.is_dir() else stat.st_size,
        datetime.fromtimestamp(stat.st_mtime, UTC),
    )


def _offered(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() or is_offered(entry.name)


def _shown(path: str, folder: Path) -> str:
    return os.path.relpath(path, folder).encode(errors="replace").decode()


def _ordered(items: Sequence[Item], order: ItemOrder) -> list[Item]:
    if order == "newest":
        return sorted(items, key=lambda item: (not item.is_folder, -item.changed.timestamp()))
    if order == "largest":
        return sorted(items, key=lambda item: (not item.is_folder, -(item.size_bytes or 0)))
    return sorted(items, key=lambda item: (not item.is_folder, natural(item.name)))
