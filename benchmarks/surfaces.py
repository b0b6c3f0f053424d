"""Time and memory of surfaces, beside the published recipe.

The mask holds 250 shells that fill about a tenth of 128 × 512 × 512 voxels. Ours is everything
from the mask to smooth, closed, measured objects, the middle one of three runs. The published
recipe is written out, and the time of each step told: dilation along z, marching cubes, a MeshFix
object whose repair is never run, the split of its mesh into connected pieces, those of more than
1000 faces kept. Times are those of the processor, so that other programs do not count.

MeshFix comes with ``pip install -r benchmarks/requirements.txt``; its licence, the AGPL, keeps it
out of DeepSXT itself. In version 0.18 the object loads the mesh when it is made; in 0.16, from the
time of the recipe, it only kept the arrays, which takes no time: so the sum without that step is
told too.

With ``--large`` a mask of 700 × 1000 × 1000 voxels is reconstructed in a process of its own, whose
peak memory is reported.
"""

import argparse
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.volume import Mask, Volume, VoxelSize

MESHFIX = "MeshFix object"
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


class Laps:
    """Times of the processor in s, step by step; other programs on the machine do not count."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def __call__(self, step: str) -> None:
        """End a step."""
        now = time.process_time()
        self.seconds[step] = now - self._last
        self._last = now


def published(mask: NDArray, laps: Laps, out: str | None = None) -> int:
    """Do what the published recipe does; return the number of surfaces kept.

    They are written to `out` as one OBJ file, where it is given.
    """
    try:
        from pymeshfix import MeshFix
    except ImportError:
        MeshFix = None  # noqa: N806
    laps("import")
    thick = mask.copy()
    for z in range(2, len(mask) - 2):
        thick[z] = mask[z - 2 : z + 3].max(axis=0)
    laps("dilation")
    thick = np.flip(np.transpose(thick, (1, 2, 0)), axis=2)
    points, triangles, *_ = marching_cubes(thick.astype(np.float32), 0.5)
    laps("marching cubes")
    if MeshFix is None:
        print("  pymeshfix is absent: pip install -r benchmarks/requirements.txt")
    else:
        mesh = MeshFix(points, triangles)
        points, triangles = _arrays(mesh)
        laps(MESHFIX)
    whole = trimesh.Trimesh(points, triangles)
    laps("trimesh object")
    pieces = whole.split(only_watertight=False)
    kept = [piece for piece in pieces if len(piece.faces) > 1000]
    laps("split and filter")
    if out is not None:
        trimesh.util.concatenate(kept).export(out)
        laps("writing")
    return len(kept)


def _arrays(mesh: Any) -> tuple[NDArray, NDArray]:
    """Return what the object holds; 0.16 and before called it otherwise."""
    return (mesh.points, mesh.faces) if hasattr(mesh, "points") else (mesh.v, mesh.f)


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
    spent = {}
    for title, params in (
        ("ours", ReconstructParams()),
        ("ours without mesh smoothing", ReconstructParams(taubin_iterations=0)),
    ):
        runs = []
        for _ in range(3):
            started = time.process_time()
            surfaces = reconstruct(Mask(Volume.from_array(mask, SIZE)), params)
            runs.append(time.process_time() - started)
        spent[title] = sorted(runs)[1]
        print(
            f"  {title}: {spent[title]:.1f} s ({min(runs):.1f} to {max(runs):.1f}), "
            f"{len(surfaces.objects)} objects, {surfaces.mesh.n_cells:,} faces"
        )
    if not arguments.skip_published:
        laps = Laps()
        kept = published(mask, laps)
        total = sum(laps.seconds.values())
        print(f"  published recipe: {total:.1f} s, {kept} surfaces")
        for step, seconds in laps.seconds.items():
            print(f"    {step}: {seconds:.2f} s")
        rest = total - laps.seconds.get(MESHFIX, 0)
        for title, ours in spent.items():
            print(
                f"  {title}: {total / ours:.1f} times as fast as the recipe, "
                f"{rest / ours:.1f} times without the MeshFix object"
            )
    if arguments.large:
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, "--only-large"], check=True)


if __name__ == "__main__":
    main()
