"""Time and memory of surfaces, beside the published recipe.

The mask holds 250 shells that fill about a tenth of 128 × 512 × 512 voxels. Ours is everything
from the mask to smooth, closed, measured objects. The published recipe is written out: dilation
along z, marching cubes, a mesh object, its split into connected pieces, those of more than 1000
faces kept. With ``--large`` a mask of 700 × 1000 × 1000 voxels is reconstructed in a process of
its own, whose peak memory is reported.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import trimesh
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.volume import Mask, Volume, VoxelSize

SIZE = VoxelSize.isotropic(20)


def shells(shape: tuple[int, int, int], n: int, radius: float, thickness: float) -> NDArray:
    """Return a uint8 mask of `n` hollow balls, on a grid of places that keeps them apart."""
    mask = np.zeros(shape, np.uint8)
    rng = np.random.default_rng(0)
    reach = int(radius + thickness / 2) + 2
    grid = [np.arange(reach, side - reach + 1, 2 * reach) for side in shape]
    places = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 3)
    axis = np.arange(-reach, reach)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    for place in rng.permutation(places)[:n]:
        shift = rng.uniform(0, 1, 3)
        distance = np.sqrt(sum((a - s) ** 2 for a, s in zip((z, y, x), shift, strict=True)))
        where = tuple(slice(p - reach, p + reach) for p in place)
        body = np.abs(distance - radius * rng.uniform(0.9, 1)) < thickness / 2
        mask[where] |= body[tuple(slice(s.stop - s.start) for s in where)]
    return mask


def published(mask: NDArray) -> int:
    """Do what the published recipe does; return the number of surfaces kept."""
    thick = mask.copy()
    for z in range(2, len(mask) - 2):
        thick[z] = mask[z - 2 : z + 3].max(axis=0)
    thick = np.flip(np.transpose(thick, (1, 2, 0)), axis=2)
    points, triangles, *_ = marching_cubes(thick.astype(np.float32), 0.5)
    pieces = trimesh.Trimesh(points, triangles).split(only_watertight=False)
    return sum(len(piece.faces) > 1000 for piece in pieces)


def large() -> None:
    """Reconstruct the large mask and report the peak of this process beyond the mask."""
    mask = shells((700, 1000, 1000), 250, 35, 6)
    started = time.perf_counter()
    surfaces = reconstruct(Mask(Volume.from_array(mask, SIZE)))
    seconds = time.perf_counter() - started
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"700 × 1000 × 1000: {len(surfaces.objects)} objects, {surfaces.mesh.n_cells:,} faces in "
        f"{seconds:.1f} s; peak resident memory {peak_gb:.2f} GB with the mask of 0.70 GB"
    )


def main() -> None:
    """Make the masks, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="the large mask too")
    parser.add_argument("--only-large", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--skip-published", action="store_true")
    arguments = parser.parse_args()
    if arguments.only_large:
        large()
        return

    mask = shells((128, 512, 512), 250, 17, 4.2)
    print(f"128 × 512 × 512, {mask.mean():.1%} filled")
    reconstruct(Mask(Volume.from_array(mask[:8], SIZE)))  # loads VTK
    for title, params in (
        ("ours", ReconstructParams()),
        ("ours without mesh smoothing", ReconstructParams(taubin_iterations=0)),
    ):
        started, cpu = time.perf_counter(), time.process_time()
        surfaces = reconstruct(Mask(Volume.from_array(mask, SIZE)), params)
        print(
            f"  {title}: {time.perf_counter() - started:.1f} s "
            f"({time.process_time() - cpu:.1f} s of processor), "
            f"{len(surfaces.objects)} objects, {surfaces.mesh.n_cells:,} faces"
        )
    if not arguments.skip_published:
        started, cpu = time.perf_counter(), time.process_time()
        kept = published(mask)
        print(
            f"  published recipe: {time.perf_counter() - started:.1f} s "
            f"({time.process_time() - cpu:.1f} s of processor), {kept} surfaces"
        )
    if arguments.large:
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, "--only-large"], check=True)


if __name__ == "__main__":
    main()
