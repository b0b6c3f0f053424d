"""How far a surface lies from another one, or from a truth: a number for each of its points.

A file has them for the points of one of the two meshes that the browser's 3D view draws, float32,
little-endian: above 0 outside of the other surface, below 0 inside, not a number where the other
one does not say what is there, as it was not scored or not judged there.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.files import require_bytes, written_beside
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ReconstructParams, Surfaces, reconstruct
from deepsxt_core.surface.measure.distances import signed_distances, voxels_of
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.surface.view import VIEW_FILES, view_points
from deepsxt_core.volume import NOT_JUDGED_CODE, Mask, Score, Volume
from deepsxt_core.workspace.annotated import source_region
from deepsxt_core.workspace.annotations import AnnotationVersion, annotation
from deepsxt_core.workspace.downloads import exports_folder, order_of, view_file, view_version
from deepsxt_core.workspace.making import made
from deepsxt_core.workspace.results import Result, is_id
from deepsxt_core.workspace.tomogram import Tomogram
from deepsxt_core.workspace.truths import Compared, codes_beside, named_truth

NotJudged = Callable[[int, int], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class _Other:
    """Another surface, the voxels that it was made of, and where nobody has judged these."""

    surfaces: Surfaces
    volume: Volume
    not_judged: NotJudged | None = None


def comparable_surfaces(surface: Result, known: Iterable[Result]) -> list[Result]:
    """Return those of the other known surfaces that lie in the same space."""
    unit, _ = load_table(surface.folder)
    return [
        other
        for other in known
        if other.id != surface.id
        and other.voxel_size_nm == surface.voxel_size_nm
        and load_table(other.folder)[0] == unit
    ]


def distances_file(tomogram: Tomogram, result: Result, name: str, other: str) -> Path:
    """Return the distances of the points of a mesh of the 3D view, made if they are not there.

    Parameters
    ----------
    tomogram : Tomogram
    result : Result
        The surface.
    name : str
        The mesh, one of `deepsxt_core.surface.view.VIEW_FILES`.
    other : str
        Id of another surface, or what `named_truth` understands.

    Raises
    ------
    DeepSXTError
        If one of both is gone, they do not lie in the same space, or the truth holds nothing.
    """
    if name not in VIEW_FILES:
        raise InvalidParameterError(
            f"A surface is seen as {' or '.join(VIEW_FILES)}: got '{name}'."
        )
    content = (name, view_version(result.folder), other, _version(tomogram, other))
    digest = hashlib.sha256(repr(content).encode()).hexdigest()[:16]
    path = exports_folder(result) / f"distances-{digest}.bin"
    order = order_of("distances", result, tomogram, name=name, other=other)
    return made(path, order, partial(_write, tomogram, result, name, other))


def _version(tomogram: Tomogram, other: str) -> int:
    """Return what changes with the other side; a surface never does."""
    if _is_surface(tomogram, other):
        return 0
    return named_truth(tomogram, other)[0].stat().st_mtime_ns


def _is_surface(tomogram: Tomogram, other: str) -> bool:
    return is_id(other) and any(each.id == other for each in tomogram.results("surfaces"))


def _write(tomogram: Tomogram, result: Result, name: str, other: str, path: Path) -> None:
    points = view_points(view_file(result.folder, name))
    if _is_surface(tomogram, other):
        against = _surface(tomogram, result, tomogram.result("surfaces", other))
    else:
        against = _truth(tomogram, result, other)
    distances = signed_distances(points, against.surfaces)
    distances[~_known(points, against)] = np.nan
    content = distances.astype("<f4").tobytes()
    verify = partial(require_bytes, n_bytes=len(content))
    with written_beside(path, verify=verify, room_bytes=len(content)) as beside:
        beside.write_bytes(content)


def _surface(tomogram: Tomogram, result: Result, other: Result) -> _Other:
    if other not in comparable_surfaces(result, tomogram.readable_results("surfaces")):
        raise InvalidParameterError(
            "The two surfaces were made with different voxel sizes and do not lie in the same "
            "space. Make the older one again."
        )
    not_judged = None
    annotated = other.identity.get("annotation")
    if annotated is not None:
        with suppress(DeepSXTError):  # that version may not be kept any more
            kept = annotation(tomogram, annotated["id"])
            not_judged = kept.labels(AnnotationVersion(**annotated)).not_judged
    volume = _placed(tomogram.surface_source(other))
    return _Other(Surfaces.load(other.folder), volume, not_judged)


def _truth(tomogram: Tomogram, result: Result, other: str) -> _Other:
    path, ignore_label = named_truth(tomogram, other)
    source = tomogram.surface_source(result)
    compared = Compared(source, source_region(tomogram, result))
    codes = codes_beside(tomogram, compared, path, ignore_label)
    codes = codes.with_geometry(_placed(source).geometry)

    def not_judged(z0: int, z1: int) -> NDArray[np.bool_]:
        return codes.read(z0, z1) == NOT_JUDGED_CODE

    def marked(z0: int, z1: int) -> NDArray[np.uint8]:
        return (codes.read(z0, z1) > NOT_JUDGED_CODE).astype(np.uint8)

    params = replace(result.params(ReconstructParams), each_label=False, merge=())
    surfaces = reconstruct(Mask(replace(codes, reader=marked)), params, NoProgress())
    return _Other(surfaces, codes, not_judged)


def _placed(source: Score | Mask) -> Volume:
    return source.placed if isinstance(source, Score) else source.volume


def _known(points: NDArray[np.float32], other: _Other) -> NDArray[np.bool_]:
    """Return which points lie where the other side says what is there, bool (n,)."""
    shape = np.array(other.volume.shape)
    voxels = voxels_of(points, other.volume)
    known: NDArray[np.bool_] = np.all((voxels >= -1) & (voxels <= shape), axis=1)
    if other.not_judged is None:
        return known
    z, y, x = np.clip(voxels, 0, shape - 1).T
    order = np.argsort(z, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(z[order])) + 1):
        if len(group):
            at = int(z[group[0]])
            known[group] &= ~other.not_judged(at, at + 1)[0][y[group], x[group]]
    return known
