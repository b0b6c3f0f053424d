"""All that was made from a tomogram in one zip file, for correlative work in other programs.

Fiji opens the ``.tif`` files as they are and at the right scale, ChimeraX the ``.mrc`` files and
the mesh in Å, which lies where the voxels lie. Everything is written file by file and slab by
slab.
"""

import json
import math
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from deepsxt_core.export.meshes import in_unit, write_mesh
from deepsxt_core.files import prepare_file, require_archive, written_beside
from deepsxt_core.geometry import Region
from deepsxt_core.io import mask_volume, write_volume
from deepsxt_core.io.spool import spooled
from deepsxt_core.preprocessing.cutting import cut
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface import ReconstructParams, Surfaces, quantify
from deepsxt_core.surface.measure.quantities import write_quantities
from deepsxt_core.volume import Labels, Mask, Score, Volume

BUNDLE_NAME = "bundle.zip"
"""What a bundle is called in a folder of results."""

PREVIEW_VOXELS = 1 << 26
"""Voxels of the preview, at most: 0.13 GB in 16 bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContent:
    """What goes into a bundle. Each volume is read once.

    Attributes
    ----------
    tomogram : Volume
        What was segmented.
    mask : Volume
        1 where something was segmented, else 0.
    instances : Volume
        The number of the object at each voxel.
    surfaces : Surfaces
    segmentation : str
        What the mask is, for people.
    """

    tomogram: Volume
    mask: Volume
    instances: Volume
    surfaces: Surfaces
    segmentation: str

    @classmethod
    def of(
        cls,
        tomogram: Volume,
        source: Score | Mask,
        params: ReconstructParams,
        instances: Volume,
        surfaces: Surfaces,
    ) -> Self:
        """Put together what was made from a score or a mask.

        With a second threshold of a score, the mask is where objects are.
        """
        if isinstance(source, Score):
            mask, segmentation = mask_volume(source, params.threshold), f"score {params.above}"
            if params.low is not None:
                mask = replace(
                    instances,
                    dtype=np.dtype(bool),
                    reader=lambda z0, z1: instances.read(z0, z1) > 0,
                )
        else:
            mask = replace(source.volume, dtype=np.dtype(bool), reader=source.read_mask)
            is_annotation = isinstance(source, Labels)
            segmentation = "an annotation" if is_annotation else "labels from a file"
        return cls(
            tomogram=tomogram,
            mask=mask,
            instances=instances,
            surfaces=surfaces,
            segmentation=segmentation,
        )


def write_bundle(
    path: Path,
    content: BundleContent,
    records: Mapping[str, Mapping[str, Any]],
    progress: Progress | None = None,
) -> Path:
    """Write the bundle of a tomogram to `path`, and return it.

    Parameters
    ----------
    path : Path
        By convention ``.zip``; replaced if it exists. Its folder needs room for the largest file in
        it, besides.
    content : BundleContent
    records : mapping
        ``run.json`` of the steps, by the name that they get in the bundle.
    progress : Progress, optional

    Raises
    ------
    CancelledError
        If the user stops; nothing is left then.
    """
    progress = progress or NoProgress()
    prepare_file(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".bundle-") as name:
        folder = Path(name)
        with (
            written_beside(path, verify=require_archive) as beside,
            zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):

            def add(name: str, write: Callable[[Path], object]) -> None:
                write(folder / name)
                archive.write(folder / name, name)
                (folder / name).unlink()

            volumes = {
                "preview": preview(content.tomogram),
                "mask": content.mask,
                "instances": content.instances,
            }
            progress.stage("Bundling", sum(v.shape[0] for v in volumes.values()), "slice")
            for stem, volume in volumes.items():
                copy = spooled(volume, folder / "spool", progress)
                for suffix in ("tif", "mrc"):
                    add(f"{stem}.{suffix}", partial(write_volume, copy))
            progress.stage("Measuring", 1, "surface")
            surfaces = content.surfaces
            table = quantify(surfaces)
            add("measurements.csv", partial(write_quantities, table, surfaces.unit))
            in_angstrom = in_unit(surfaces, "angstrom") if surfaces.unit == "µm" else surfaces
            for stem, mesh, suffix in (
                ("surface", surfaces, "ply"),
                ("surface", surfaces, "stl"),
                ("surface-chimerax", in_angstrom, "obj"),
            ):
                add(f"{stem}.{suffix}", partial(write_mesh, mesh))
            progress.advance()
            for step, record in records.items():
                archive.writestr(f"{step}.run.json", json.dumps(record, indent=1))
            archive.writestr("README.txt", _readme(content, volumes))
    return path


def preview(tomogram: Volume, most_voxels: int = PREVIEW_VOXELS) -> Volume:
    """Return the tomogram, averaged over 2³ voxels until it has at most `most_voxels`.

    Integers stay integers. What has a single slice stays as it is.
    """
    small = tomogram
    while math.prod(small.shape) > most_voxels and min(small.shape) > 1:
        small = cut(small, Region(bin=2))
    if small.dtype == tomogram.dtype or tomogram.dtype.kind == "f":
        return small
    means = small.reader
    return replace(
        small,
        dtype=tomogram.dtype,
        reader=lambda z0, z1: np.rint(means(z0, z1)).astype(tomogram.dtype),
    )


_README = """\
DeepSXT bundle
==============

Tomogram: {name}, {shape} voxels (x × y × z), {size}
Segmentation: {segmentation}; {objects} objects.

preview.tif, preview.mrc        the tomogram{binned}
mask.tif, mask.mrc              1 where something was segmented, else 0
instances.tif, instances.mrc    the number of the object at each voxel, 0 where there is none
surface.ply, surface.stl        the surfaces, coordinates x, y, z in {unit}
surface-chimerax.obj            the same in {chimerax}, as ChimeraX counts
measurements.csv                one line per object, by the numbers of instances and meshes
*.run.json                      parameters, versions and hashes of the steps

All files lie in the same space: the same point has the same coordinates in each.{unknown}

Fiji: drag the .tif files into its window. Show preview.tif and instances.tif side by side with
Analyze > Tools > Synchronize Windows; colours for the objects: Image > Lookup Tables > glasbey.
The surfaces: Plugins > 3D Viewer, then File > Import surfaces > STL.

ChimeraX:  open preview.mrc; open mask.mrc; open surface-chimerax.obj
"""


def _readme(content: BundleContent, volumes: Mapping[str, Volume]) -> str:
    tomogram, surfaces = content.tomogram, content.surfaces
    size = tomogram.voxel_size_nm
    shown = volumes["preview"].shape
    known = surfaces.unit == "µm"
    return _README.format(
        name=tomogram.path.name if tomogram.path else "tomogram",
        shape=" × ".join(str(n) for n in reversed(tomogram.shape)),
        size=(
            f"voxel {size.x:g} × {size.y:g} × {size.z:g} nm (x × y × z)"
            if size
            else "voxel size not known"
        ),
        segmentation=content.segmentation,
        objects=len(surfaces.objects),
        binned=(
            ""
            if shown == tomogram.shape
            else f", averaged to {' × '.join(str(n) for n in reversed(shown))} voxels"
        ),
        unit=surfaces.unit,
        chimerax="Å" if known else "voxels",
        unknown="" if known else " Lengths are in voxels, as the voxel size is not known.",
    )
