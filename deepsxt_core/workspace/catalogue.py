"""All tomograms with what is known of each: for a list to search, sort and choose from.

Each file is read once: an entry is kept in memory and read again only when the modification time
of something that it was read from is another one.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace.annotations import annotations
from deepsxt_core.workspace.glance import FACTS_NAME, Facts, find_facts, kept_facts
from deepsxt_core.workspace.library import Workspace
from deepsxt_core.workspace.remarks import REMARKS_NAME, Remarks, remarks_of
from deepsxt_core.workspace.results import RUN_NAME, is_id
from deepsxt_core.workspace.tomogram import Tomogram, read_tomogram

EntryState = Literal["unscored", "scored", "surfaces", "annotated"]
Order = Literal["newest", "name", "largest"]
STATES: tuple[EntryState, ...] = get_args(EntryState)
ORDERS: tuple[Order, ...] = get_args(Order)

_WATCHED = (
    "tomogram.json",
    REMARKS_NAME,
    FACTS_NAME,
    "results/scores",
    "results/surfaces",
    "annotations",
)
_KEPT_WORKSPACES = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A tomogram as a list shows it.

    Attributes
    ----------
    tomogram : Tomogram
    remarks : Remarks
    facts : Facts or None
        None while nobody has looked into the file: `with_facts` does.
    scored : (first, end) or None
        The longest run of slices that a score covers, of those that it was cut to.
    slices : int
        How many slices that score could have covered; 0 without a score.
    scores, surfaces, annotations : int
        How many there are.
    """

    tomogram: Tomogram
    remarks: Remarks
    facts: Facts | None
    scored: tuple[int, int] | None
    slices: int
    scores: int
    surfaces: int
    annotations: int

    @property
    def voxel_size_nm(self) -> VoxelSize | None:
        """As the user has confirmed it, else as the file has it."""
        in_file = self.facts.voxel_size_nm if self.facts else None
        return self.tomogram.voxel_size_nm or in_file

    @property
    def states(self) -> tuple[EntryState, ...]:
        """What it counts as when a list is filtered."""
        found: list[EntryState] = ["scored" if self.scores else "unscored"]
        if self.surfaces:
            found.append("surfaces")
        if self.annotations:
            found.append("annotated")
        return tuple(found)


@dataclass(slots=True)
class _Kept:
    marks: tuple[Any, ...]
    entry: Entry


def catalogue(workspace: Workspace) -> list[Entry]:
    """Return an entry for each tomogram, newest first; folders that cannot be read are left out."""
    folder = workspace.folder / "tomograms"
    if not folder.is_dir():
        return []
    kept = _kept(workspace.folder)
    ids = [entry.name for entry in folder.iterdir() if is_id(entry.name)]
    for gone in kept.keys() - set(ids):
        kept.pop(gone, None)
    found = [_entry(folder / tomogram_id, kept) for tomogram_id in ids]
    known = [entry for entry in found if entry is not None]
    return sorted(known, key=lambda entry: entry.tomogram.created, reverse=True)


def with_facts(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries whose facts are known: of those that lack them the files are looked into."""
    return [
        entry if entry.facts else replace(entry, facts=find_facts(entry.tomogram))
        for entry in entries
    ]


def matching(
    entries: Iterable[Entry],
    *,
    text: str = "",
    tags: Iterable[str] = (),
    states: Iterable[EntryState] = (),
) -> list[Entry]:
    """Return the entries that have all of these.

    Parameters
    ----------
    entries : iterable of Entry
    text : str
        Words that must all stand in name, tags or notes, in any case.
    tags : iterable of str
    states : iterable of {"unscored", "scored", "surfaces", "annotated"}
    """
    words, wanted, required = text.casefold().split(), set(tags), set(states)
    return [
        entry
        for entry in entries
        if wanted <= set(entry.remarks.tags)
        and required <= set(entry.states)
        and all(word in _searched(entry) for word in words)
    ]


def ordered(entries: Sequence[Entry], order: Order) -> list[Entry]:
    """Return entries newest first, by name with numbers in their order, or largest first.

    Those of unknown size (`with_facts`) are the last then.
    """
    if order == "name":
        return sorted(entries, key=lambda entry: natural(entry.tomogram.name))
    if order == "largest":
        return sorted(entries, key=_voxels, reverse=True)
    return sorted(entries, key=lambda entry: entry.tomogram.created, reverse=True)


def known_tags(entries: Iterable[Entry]) -> list[str]:
    """Return all tags in use."""
    return sorted({tag for entry in entries for tag in entry.remarks.tags}, key=str.casefold)


@lru_cache(maxsize=_KEPT_WORKSPACES)
def _kept(_workspace: Path) -> dict[str, _Kept]:
    return {}


def _entry(folder: Path, kept: dict[str, _Kept]) -> Entry | None:
    known = kept.get(folder.name)
    # Taken before reading: what changes meanwhile is read again the next time.
    marks = tuple(_mark(folder / name) for name in _WATCHED)
    if known is not None and known.marks == (*marks, _mark(known.entry.tomogram.source)):
        return known.entry
    tomogram = read_tomogram(folder)
    if tomogram is None:
        kept.pop(folder.name, None)
        return None
    entry = _read(tomogram)
    kept[folder.name] = _Kept((*marks, _mark(tomogram.source)), entry)
    return entry


def _read(tomogram: Tomogram) -> Entry:
    scores = tomogram.results("scores")
    ranges = [found for found in (_scored(score.run) for score in scores) if found]
    (scored, slices) = max(ranges, key=lambda each: each[0][1] - each[0][0], default=(None, 0))
    return Entry(
        tomogram,
        remarks_of(tomogram.folder),
        kept_facts(tomogram),
        scored,
        slices,
        len(scores),
        sum(1 for _ in (tomogram.folder / "results" / "surfaces").glob(f"[!.]*/{RUN_NAME}")),
        len(annotations(tomogram)),
    )


def _scored(run: dict[str, Any]) -> tuple[tuple[int, int], int] | None:
    try:
        first, end = run["z"]
        return (int(first), int(end)), int(run["input"]["shape"][0])
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _searched(entry: Entry) -> str:
    return " ".join((entry.tomogram.name, *entry.remarks.tags, entry.remarks.notes)).casefold()


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return by what names are sorted so that the numbers in them are in order."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _voxels(entry: Entry) -> int:
    if entry.facts is None or entry.facts.shape is None:
        return -1
    depth, height, width = entry.facts.shape
    return depth * height * width
