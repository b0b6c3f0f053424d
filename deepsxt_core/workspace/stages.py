"""A tomogram of the workspace with all that was made of it, as pictures and films show it.

A result is named ``scores/<id>``, a truth ``truths/<name>``, after ``scores/<id>/`` if it lies
where that one does, an annotation as what it tells ``annotations/<id>/judged``: so they stand in
the addresses of their planes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from deepsxt_core.annotation import Annotation
from deepsxt_core.annotation.judged import judged_codes
from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.shots import PlaneShot, Shot
from deepsxt_core.export.stage import Layer, Reader, Stage, plane_reader
from deepsxt_core.surface import Surfaces
from deepsxt_core.volume import NOT_JUDGED_CODE
from deepsxt_core.workspace import display
from deepsxt_core.workspace.annotations import KeptAnnotation, annotation
from deepsxt_core.workspace.plane_sources import (
    Source,
    grey_source,
    place_of,
    score_source,
    truth_source,
)
from deepsxt_core.workspace.tomogram import Tomogram
from deepsxt_core.workspace.truths import named_truth

_KEPT = 4

Opener = Callable[[KeptAnnotation], Annotation]


def stage_of(tomogram: Tomogram, opened: Opener = KeptAnnotation.open) -> Stage:
    """Return what pictures of a tomogram can show.

    Parameters
    ----------
    opened : callable
        Opens an annotation.

    Raises
    ------
    VolumeError
        If its file is gone.
    """
    source = grey_source(tomogram)

    def layer(name: str) -> Layer:
        words, found = _named(tomogram, name)
        if isinstance(found, KeptAnnotation):
            ids, table = _ids(found, opened)
            codes = judged_codes(table)
            read: Reader = lambda axis, index: codes[ids.read(axis, index)]  # noqa: E731
            return replace(ids, name=words, read=read)
        return Layer(
            name=words,
            kind="score" if found.unjudged is None else "truth",
            shape=found.volume.shape,
            first=_first(found.place),
            bin=found.place["bin"],
            read=found.plane,
            unjudged=found.unjudged,
        )

    def objects(name: str) -> tuple[Layer, ObjectTable]:
        return _ids(annotation(tomogram, name), opened)

    def surfaces(name: str) -> Surfaces:
        return Surfaces.load(tomogram.result("surfaces", name).folder)

    return Stage(
        name=tomogram.name,
        shape=source.volume.shape,
        voxel_size_nm=source.volume.voxel_size_nm,
        grey=source.plane,
        layer=lru_cache(maxsize=_KEPT)(layer),
        objects=lru_cache(maxsize=_KEPT)(objects),
        surfaces=lru_cache(maxsize=_KEPT)(surfaces),
    )


def prepare(tomogram: Tomogram, shots: Iterable[Shot]) -> None:
    """Make the pyramids that shots of planes need, unless they are there.

    Raises
    ------
    DeepSXTError
        If what they are of cannot be read.
    """
    planes = [shot for shot in shots if isinstance(shot, PlaneShot) and shot.axis != "z"]
    if planes:
        display.build(grey_source(tomogram).shown.order)
    for name in dict.fromkeys(name for shot in planes for name in (shot.first, shot.other) if name):
        _, found = _named(tomogram, name)
        if not isinstance(found, KeptAnnotation):
            display.build(found.shown.order)


def versions(tomogram: Tomogram, shots: Iterable[Shot]) -> dict[str, str]:
    """Return what changes with what lies over planes, by its name.

    Raises
    ------
    DeepSXTError
        If something of it is gone.
    """
    found: dict[str, str] = {}
    for shot in shots:
        if not isinstance(shot, PlaneShot):
            continue
        labels = None if shot.annotation is None else f"annotations/{shot.annotation}/judged"
        for name in filter(None, (shot.first, shot.other, labels)):
            if name not in found:
                _, source = _named(tomogram, name)
                if isinstance(source, KeptAnnotation):
                    found[name] = source.version().digest
                else:
                    found[name] = source.shown.version
    return found


def _named(tomogram: Tomogram, name: str) -> tuple[str, Source | KeptAnnotation]:
    """Return what a name is of, in words, and that."""
    match name.split("/"):
        case ["scores", score]:
            result = tomogram.result("scores", score)
            marks = "" if result.class_name is None else f" for {result.class_name}"
            words = f"score of the model {result.run['model']['name']}{marks}"
            return words, score_source(tomogram, score)
        case ["annotations", kept, "judged"]:
            found = annotation(tomogram, kept)
            return f"annotation “{found.name}”", found
        case ["truths", truth]:
            return _truth(tomogram, truth, None)
        case ["scores", score, "truths", truth]:
            return _truth(tomogram, truth, score)
    raise InvalidParameterError(f"'{name[:80]}' names neither a result, a truth nor an annotation.")


def _truth(tomogram: Tomogram, name: str, score: str | None) -> tuple[str, Source]:
    path, _ = named_truth(tomogram, name)
    return f"truth {path.name}", truth_source(tomogram, name, score)


def _first(place: dict[str, Any]) -> tuple[int, int, int]:
    z, y, x = place["first"]
    return z, y, x


def _ids(kept: KeptAnnotation, opened: Opener) -> tuple[Layer, ObjectTable]:
    shown = opened(kept)
    shown.refresh()
    place = place_of(kept.volume(), kept.region)
    layer = Layer(
        name=kept.name,
        kind="annotation",
        shape=shown.shape,
        first=_first(place),
        bin=place["bin"],
        read=plane_reader(shown),
        unjudged=NOT_JUDGED_CODE,
    )
    return layer, shown.objects
