"""Surfaces as files, with all that is written beside them, from one pass over the score."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deepsxt_core.export.bundle import BundleContent, write_bundle
from deepsxt_core.export.mesh_writers import ColouredMesh
from deepsxt_core.export.meshes import in_unit, write_surfaces
from deepsxt_core.export.volumes import write_volume
from deepsxt_core.files import prepare_folder
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface import ReconstructParams, Surfaces, reconstruct, reconstruct_numbered
from deepsxt_core.volume import Labels, Mask, Score, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceFiles:
    """Which files are made of surfaces.

    Attributes
    ----------
    formats : tuple of str
        Of the mesh, such as ``("stl", "ply")``.
    unit : str or None
        Of its coordinates, of `deepsxt_core.export.meshes.UNITS`; None leaves that of the surface.
    objects : tuple of int
        Ids of the objects in the mesh files; none for all.
    instances : Path or None
        Gets the id of the object at each voxel.
    bundle : Path or None
        Gets everything in one zip file.
    """

    formats: tuple[str, ...] = ("stl",)
    unit: str | None = None
    objects: tuple[int, ...] = ()
    instances: Path | None = None
    bundle: Path | None = None


def reconstruct_to(
    out: Path,
    source: Score | Mask,
    params: ReconstructParams,
    files: SurfaceFiles,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
    mask: Volume | None = None,
    records: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Surfaces, list[Path]]:
    """Reconstruct surfaces and write the files that are wanted.

    Parameters
    ----------
    out : Path
        Folder of the meshes; made if it does not exist.
    source : Score or Mask
    params : ReconstructParams
    files : SurfaceFiles
    progress : Progress, optional
    tomogram : Volume, optional
        What was segmented; a bundle needs it.
    mask : Volume, optional
        The mask of the score at the threshold, where it is written already.
    records : mapping, optional
        ``run.json`` of the steps before, for the bundle.

    Returns
    -------
    Surfaces
    list of Path
        All files, in the order in which they were written.
    """
    progress = progress or NoProgress()
    prepare_folder(out)
    if files.instances is None and files.bundle is None:
        with unchanged(source_file(source)):
            surfaces = reconstruct(source, params, progress)
        return surfaces, _write_meshes(surfaces, source.volume, out, files)
    with tempfile.TemporaryDirectory(dir=out, prefix=".labels-") as scratch:
        with unchanged(source_file(source)):
            surfaces, numbered = reconstruct_numbered(
                source, params, Path(scratch) / "labels", progress
            )
        written = _write_meshes(surfaces, source.volume, out, files)
        if files.instances is not None:
            write_volume(numbered, files.instances)
            written.append(files.instances)
        if files.bundle is not None and tomogram is not None:
            content = BundleContent.of(tomogram, source, params, numbered, surfaces)
            if mask is not None and params.low is None:
                content = replace(content, mask=mask)
            steps = {"reconstruct": {"step": "reconstruct", "params": asdict(params)}}
            written.append(
                write_bundle(files.bundle, content, steps | dict(records or {}), progress)
            )
    return surfaces, written


def source_file(source: Score | Mask) -> Path | None:
    """Return the file that must not change; an annotation may."""
    return None if isinstance(source, Labels) else source.volume.path


def _write_meshes(surfaces: Surfaces, volume: Volume, out: Path, files: SurfaceFiles) -> list[Path]:
    meshes: ColouredMesh = surfaces.select(files.objects) if files.objects else surfaces
    if files.unit:
        meshes = in_unit(meshes, files.unit, volume.voxel_size_nm, volume.whole_origin_nm)
    return write_surfaces(meshes, out, files.formats)
