"""Surfaces of two public label volumes, seen from three sides and measured.

Run as ``python -m benchmarks.real_surfaces FOLDER``, where the folder holds
``vesicle_membrane_labels.mrc`` (from pycurv) and ``fibsem_mitochondrion_labels.tif`` (from the data
of doi 10.1371/journal.ppat.1011829): writes docs/real-surfaces.md and its pictures.
"""

import argparse
from pathlib import Path
from typing import Any

from deepsxt_core.io import open_volume
from deepsxt_core.surface import ReconstructParams, Surfaces, quantify, reconstruct
from deepsxt_core.surface.surfaces import object_colours
from deepsxt_core.volume import Mask, VoxelSize

DOCS = Path(__file__).parents[1] / "docs"
SIDES = ((1, 0.25, 0.35), (0.3, -1, 0.35), (0.15, -0.25, 1))


def draw(surfaces: Surfaces, path: Path, see_through: tuple[int, ...] = ()) -> None:
    """Draw the surfaces from three sides into one picture."""
    import pyvista

    plotter: Any = pyvista.Plotter(off_screen=True, shape=(1, 3), window_size=(1260, 420))
    for place, side in enumerate(SIDES):
        plotter.subplot(0, place)
        plotter.set_background("white")
        for row in surfaces.objects:
            one = surfaces.select([row.id]).mesh
            colour = tuple((object_colours(one.cell_data["object"][:1])[0] / 255).tolist())
            opacity = 0.2 if row.id in see_through else 1.0
            plotter.add_mesh(one, color=colour, opacity=opacity, smooth_shading=True)
        plotter.view_vector(side, (0, 0, 1) if place < 2 else (0, 1, 0))
        plotter.camera.zoom(1.15)
    image = plotter.screenshot(return_img=True)
    from PIL import Image

    Image.fromarray(image).quantize(128).save(path, optimize=True)


def rows(surfaces: Surfaces, scale: float, unit: str) -> list[str]:
    """Return a table, lengths times `scale` in `unit`."""
    lines = [
        f"| object | volume ({unit}³) | area ({unit}²) | thickness ({unit}) | Euler number |",
        "|--:|--:|--:|--:|--:|",
    ]
    return lines + [
        f"| {each.object} | {each.volume * scale**3:.4g} | {each.area * scale**2:.4g} "
        f"| {each.mean_thickness * scale:.3g} | {each.euler_number} |"
        for each in quantify(surfaces)
    ]


def main() -> None:
    """Reconstruct, draw, measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    lines = [
        "# Surfaces of real labels",
        "",
        "Made by `python -m benchmarks.real_surfaces FOLDER`. The three views are from",
        "the side of large x, of small y (z up in both), and of large z (y up).",
    ]
    # Its header holds no voxel size, but 1 Å.
    volume = open_volume(folder / "vesicle_membrane_labels.mrc", voxel_size_nm=VoxelSize(1, 1, 1))
    vesicle = reconstruct(Mask(volume.with_voxel_size(None)))
    draw(vesicle, DOCS / "pictures" / "real-vesicle.png")
    lines += [
        "\n## A membrane from cryo electron tomography\n",
        "![The membrane from three sides](pictures/real-vesicle.png)\n",
        "The labels of a vesicle's membrane that come with pycurv (Salfer *et al.* 2020, PLoS",
        "Computational Biology, doi 10.1371/journal.pcbi.1007962), as a mask; lengths in voxels.\n",
        *rows(vesicle, 1, "voxel"),
    ]
    volume = open_volume(folder / "fibsem_mitochondrion_labels.tif")
    labels = reconstruct(Mask(volume), ReconstructParams(each_label=True))
    draw(labels, DOCS / "pictures" / "real-mitochondrion.png", see_through=(2, 3))
    lines += [
        "\n## A mitochondrion from a focused ion beam\n",
        "![The mitochondrion from three sides](pictures/real-mitochondrion.png)\n",
        "FIB-SEM labels by Leclerc *et al.* (doi 10.1371/journal.ppat.1011829, Apache-2.0), an",
        "object per value (`--each-label`): 3 is the outer membrane, 1 and 2 fill what is within",
        "it. The volume cuts the mitochondrion along z. In the picture 2 and 3 are transparent.\n",
        *rows(labels, 1000, "nm"),
        "",
        *(labels.report.sentences(labels.mesh.n_cells, "µm") if labels.report else []),
    ]
    (DOCS / "real-surfaces.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
