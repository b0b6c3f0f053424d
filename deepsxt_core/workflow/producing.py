"""From a step to its result: in a folder of its own, complete or resumable, and found again.

The proof that a result is complete is its ``run.json``, which is written last and holds the
result's identity; the id is the hash of that. Jobs, batches and the cluster all make results here.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from deepsxt_core.files import partial_folder, publish, read_json, safe_name, write_json
from deepsxt_core.inference import CHECKPOINT_NAME, has_slabs
from deepsxt_core.versions import versions
from deepsxt_core.workflow.class_folders import CLASSES_NAME, other_classes
from deepsxt_core.workspace import Identity, ResultKind, Tomogram, recipe_hash
from deepsxt_core.workspace.maker import note_maker
from deepsxt_core.workspace.results import RECORD_VERSION, RUN_NAME

Make = Callable[[Path], object]
"""Does the work of a step in the folder it is given, and writes ``run.json`` there last."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the result of a step is, or will be.

    Attributes
    ----------
    final : Path
        Its folder.
    work : Path
        The folder in which it is made: hidden, or the same as `final`.
    identity : mapping
        All that it depends on.
    """

    final: Path
    work: Path
    identity: Identity

    @classmethod
    def of_result(
        cls, tomogram: Tomogram, kind: ResultKind, identity: Identity, producer: str
    ) -> Self:
        """Return the place of a tomogram's result in the workspace."""
        final = tomogram.result_folder(kind, identity)
        return cls(final, partial_folder(final, producer), identity)

    @classmethod
    def in_folder(cls, folder: Path, identity: Identity) -> Self:
        """Return a folder that holds one result at a time, whichever was made there last."""
        return cls(folder, folder, identity)

    @property
    def result_id(self) -> str:
        """The id of the result."""
        return recipe_hash(self.identity)

    def of_class(self, name: str) -> Self:
        """Return where the score of another class than the first lies, once this one is there."""
        identity = {**self.identity, "class": name}
        if self.work == self.final:
            folder = self.final / CLASSES_NAME / safe_name(name)
            return replace(self, final=folder, work=folder, identity=identity)
        final = self.final.with_name(recipe_hash(identity))
        return replace(self, final=final, identity=identity)

    @property
    def is_complete(self) -> bool:
        """Whether the result is there."""
        run = read_json(self.final / RUN_NAME)
        if run is None:
            return False
        # A result of the workspace is named after its identity.
        return self.final.name == self.result_id or (
            isinstance(run.get("recipe"), dict) and recipe_hash(run["recipe"]) == self.result_id
        )


def produce(place: Place, producer: str, make: Make) -> Path:
    """Make a result, unless it is there, and return its folder.

    `producer` names who makes it: what the same one left unfinished is continued, and what it
    leaves is kept only where it can be continued.
    """
    if place.is_complete:
        return place.final
    hidden = place.work != place.final
    if not hidden:
        # It stands for what is in the folder, which changes now.
        (place.work / RUN_NAME).unlink(missing_ok=True)
    work_on(place.work, place.identity, producer, make, has_slabs if hidden else _always)
    (place.work / CHECKPOINT_NAME).unlink(missing_ok=True)
    if hidden:
        _publish_classes(place, producer)
        publish(place.work, place.final)
    return place.final


def _publish_classes(place: Place, producer: str) -> None:
    """Make the scores of the classes after the first results of their own."""
    for name, folder in list(other_classes(place.work)):
        there = place.of_class(name)
        work_on(folder, there.identity, producer, _nothing, _always)
        publish(folder, there.final)
    with suppress(OSError):
        (place.work / CLASSES_NAME).rmdir()
    # The first stays the newest, which pages show.
    (place.work / RUN_NAME).touch()


def work_on(
    work: Path, identity: Identity, producer: str, make: Make, keep: Callable[[Path], bool]
) -> None:
    """Do the work of a step in the folder `work`, unless it is complete there.

    Otherwise the folder stays only where ``keep(work)`` says that it can be continued.
    """
    work.mkdir(parents=True, exist_ok=True)
    proof = work / RUN_NAME
    try:
        # It is there already if the worker died between its last two steps.
        if not is_finished(work):
            make(work)
            note_maker(work)
        told = {"versions": versions()} | (read_json(proof) or {})
        marks = {"record_version": RECORD_VERSION, "recipe": dict(identity), "job": producer}
        write_json(proof, told | marks)
    finally:
        if not (is_finished(work) or keep(work)):
            shutil.rmtree(work, ignore_errors=True)


def is_finished(folder: Path) -> bool:
    """Return whether a step has written all that it makes into `folder`."""
    return read_json(folder / RUN_NAME) is not None


def take_over(final: Path, producer: str) -> None:
    """Give `producer` what an earlier one finished of this result; delete what is of no use."""
    own = partial_folder(final, producer)
    left = [folder for folder in final.parent.glob(f".{final.name}.*") if has_slabs(folder)]
    if left and own not in left:
        shutil.rmtree(own, ignore_errors=True)
        max(left, key=_last_change).rename(own)
    for folder in final.parent.glob(f".{final.name}.*"):
        if folder != own:
            shutil.rmtree(folder, ignore_errors=True)


def _last_change(folder: Path) -> float:
    return (folder / CHECKPOINT_NAME).stat().st_mtime


def _nothing(_work: Path) -> None:
    """Make what is made already."""


def _always(_work: Path) -> bool:
    return True
