"""Labelled data sets that others have published, made folders that a model is taught with.

A data set comes as zip archives, folders or single files. Images and labels belong together by
their names, in whatever folder of the archive they lie: what is left of a file name without its
suffix and without an ending of images, or of labels. Nothing is unpacked by its own path.
"""

import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from deepsxt_core.errors import NoRoomError, TrainingDataError
from deepsxt_core.files import safe_name
from deepsxt_core.io.readers import archive
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.unpacked import refuse_bomb

_ARCHIVE = ".zip"
_PIECE_BYTES = 1 << 20
_PROBLEMS_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSet:
    """A data set, and how its files are told apart.

    Attributes
    ----------
    name : str
        What it is called on the command line.
    title, licence, doi : str
    suffixes : tuple of str
        Of the files that belong to it; all others are left out.
    image_ends, label_ends : tuple of str
        Endings of names, before the suffix; the empty one of images is what labels do not have.
    zenodo : str or None
        The number of its record, where its files can be downloaded by name.
    files : tuple of str
        Of that record, what is needed.
    class_values : tuple of int
        Values of its labels, where they are classes of bodies and not membranes.
    not_judged : int or None
        The class within which nobody has marked all membranes.
    classes : str or None
        What the values mean, as `DataParams.classes` has it.
    """

    name: str
    title: str
    licence: str
    doi: str
    suffixes: tuple[str, ...]
    image_ends: tuple[str, ...]
    label_ends: tuple[str, ...]
    zenodo: str | None = None
    files: tuple[str, ...] = ()
    class_values: tuple[int, ...] = ()
    not_judged: int | None = None
    classes: str | None = None


PUBLISHED = PublicSet(
    name="published",
    title="The training data of Dyhr, Sadeghi et al., PNAS 2023: slices with membranes",
    licence="as its authors state",
    doi="10.17169/refubium-37222",
    suffixes=(".tif", ".tiff", ".npz"),
    image_ends=("",),
    label_ends=(".labels",),
)
INS1E_MITO = PublicSet(
    name="sxt-ins1e-mito",
    title="SXT-INS1E-Mito: 55 INS-1E cells with nucleus and mitochondria",
    licence="CC-BY-4.0",
    doi="10.5281/zenodo.20513085",
    suffixes=(".mrc", ".rec", ".tif", ".tiff"),
    image_ends=("_scaled", ""),
    label_ends=("_labels", "_label", ".labels"),
    zenodo="20513085",
    files=("Raw_tomograms.zip", "Labels.zip"),
    class_values=(0, 1, 2, 5),
    not_judged=1,
    classes="1=none,2=nucleus,5=mitochondrion",
)
PUBLIC_SETS = {found.name: found for found in (PUBLISHED, INS1E_MITO)}


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a data set, in an archive or on its own.

    Attributes
    ----------
    source : Path
        The archive, or the file itself.
    inside : str or None
        Its name in the archive.
    n_bytes : int
        Of it, unpacked.
    """

    source: Path
    inside: str | None
    n_bytes: int

    @property
    def name(self) -> str:
        """The last part of its path, a name that is safe on every system."""
        return safe_name(self.inside or self.source.name)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open it for reading; what an archive tells of its size bounds what comes."""
        if self.inside is None:
            with self.source.open("rb") as file:
                yield file
            return
        with zipfile.ZipFile(self.source) as zipped, zipped.open(self.inside) as file:
            yield file

    def copy(self, target: Path) -> None:
        """Write it to a file.

        Raises
        ------
        UnreadableFileError
            If it is damaged or ends too early.
        """
        with (
            blaming_file(self.source, archive.KIND if self.inside else "a file"),
            self.open() as packed,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(packed, out, _PIECE_BYTES)


@dataclass(frozen=True, slots=True)
class Pairing:
    """An image of a data set with its labels, by the name that both share."""

    name: str
    image: Member
    labels: Member | None


def find_members(sources: Iterable[Path], wanted: PublicSet) -> list[Member]:
    """Return the files of a data set in archives, folders and single files, by rules of names.

    Raises
    ------
    TrainingDataError
        If there is no such file or folder.
    UnreadableFileError
        If an archive is damaged, truncated, has a password or grows beyond all reason.
    """
    found: list[Member] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(path for path in source.rglob("*") if path.is_file())
            found += find_members([path for path in inside if not path.is_symlink()], wanted)
        elif source.suffix.lower() == _ARCHIVE:
            found += _archived(source, wanted)
        elif not source.is_file():
            raise TrainingDataError(f"There is no file or folder '{source}'.")
        elif source.suffix.lower() in wanted.suffixes and not source.name.startswith("."):
            found.append(Member(source, None, source.stat().st_size))
    return found


def _archived(path: Path, wanted: PublicSet) -> list[Member]:
    if not path.is_file():
        raise TrainingDataError(f"There is no file '{path}'.")
    with blaming_file(path, archive.KIND):
        infos = archive.members(path)
    if any(info.flag_bits & 1 for info in infos):
        raise TrainingDataError(f"'{path.name}' has a password. Unpack it and give the folder.")
    refuse_bomb(path, sum(info.file_size for info in infos), path.stat().st_size)
    return [
        Member(path, info.filename, info.file_size)
        for info in infos
        if PurePosixPath(info.filename).suffix.lower() in wanted.suffixes
    ]


def pair(members: Sequence[Member], wanted: PublicSet) -> list[Pairing]:
    """Return which images and labels belong together, sorted by name.

    Raises
    ------
    TrainingDataError
        If there are none, labels have no image, or several files share a name.
    """
    images: dict[str, list[Member]] = defaultdict(list)
    labels: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        stem = member.name[: -len(PurePosixPath(member.name).suffix)]
        end = _ending(stem, wanted.label_ends)
        if end is not None:
            labels[stem[: len(stem) - len(end)]].append(member)
        else:
            end = _ending(stem, wanted.image_ends) or ""
            images[stem[: len(stem) - len(end)]].append(member)
    problems = [
        f"'{found[0].name}' has no image" for name, found in labels.items() if name not in images
    ]
    for found in (images, labels):
        problems += [
            f"{len(same)} files are called '{same[0].name}' or alike; give them one at a time"
            for same in found.values()
            if len(same) > 1
        ]
    alone = all(member.name.endswith(".npz") for member in members)
    if not members or not (labels or alone):
        ends = " or ".join(f"NAME{end}" for end in wanted.label_ends)
        problems.append(
            f"there are {len(members)} files of {', '.join(wanted.suffixes)} and no labels among "
            f"them, which are called {ends}"
        )
    if problems:
        told = "; ".join(problems[:_PROBLEMS_TOLD])
        more = len(problems) - _PROBLEMS_TOLD
        raise TrainingDataError(
            f"This is not {wanted.name!r} as it is known: {told}"
            + (f"; and {more} more." if more > 0 else ".")
        )
    return [
        Pairing(name, images[name][0], labels[name][0] if name in labels else None)
        for name in sorted(images)
    ]


def _ending(stem: str, ends: Sequence[str]) -> str | None:
    return next((end for end in ends if stem.lower().endswith(end)), None)


def require_room(members: Iterable[Member], folder: Path) -> None:
    """Raise a `NoRoomError` if the disk of a folder has no room for all members."""
    needed = sum(member.n_bytes for member in members)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise NoRoomError(
            f"The data set needs {needed / 1e9:.1f} GB, and the disk of '{folder}' has "
            f"{free / 1e9:.1f} GB left. Make room, or choose another folder."
        )
