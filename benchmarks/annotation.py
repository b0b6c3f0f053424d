"""Time and memory of editing a large annotation.

    python benchmarks/annotation.py [--voxels 2e9] [--folder DIR] [--empty]

Prints the median time of single operations on a tomogram of 1024 x 1024 x 300 voxels, and the
highest memory of a process that makes and edits an annotation of one of 2 GB.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import (
    Annotation,
    Box,
    Brush,
    Delete,
    FillBox,
    FillSlice,
    Grow,
    Interpolate,
    Limits,
    Merge,
    Operation,
    Paint,
    Polygon,
    Smooth,
    SourceParams,
    Split,
    create_annotation,
    open_annotation,
)
from deepsxt_core.volume import Score, Volume, VoxelSize


def tubes(shape: tuple[int, int, int]) -> Score:
    """Return a score of walls that run through all slices, made as it is read."""
    y, x = np.ogrid[: shape[1], : shape[2]]
    wall = Score.encode(np.sin(y / 19) * np.sin(x / 23))
    levels = Score.decode(np.arange(256, dtype=np.uint8))

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        return np.stack([Score.encode(levels * np.cos(z / 31))[wall] for z in range(z0, z1)])

    return Score(Volume(shape, np.dtype(np.uint8), VoxelSize.isotropic(10), read))


def timed_operations(folder: Path) -> None:
    """Print how long single operations take."""
    shape = (300, 1024, 1024)
    tomogram = tubes(shape).volume
    start = time.perf_counter()
    create_annotation(folder / "timed", tomogram, tubes(shape), SourceParams(threshold=0.5))
    print(f"made from a score of {shape}: {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    annotation = open_annotation(folder / "timed", tomogram=tomogram)
    print(
        f"opened: {(time.perf_counter() - start) * 1e3:.0f} ms, {len(annotation.objects)} objects"
    )
    start = time.perf_counter()
    annotation.apply(Delete(objects=[5]))
    print(f"first object deleted: {time.perf_counter() - start:.2f} s")
    new = max(annotation.objects) + 1
    rng = np.random.default_rng(0)

    def report(name: str, made: list[Operation]) -> None:
        times = []
        for operation in made:
            start = time.perf_counter()
            applied = annotation.apply(operation)
            times.append(time.perf_counter() - start)
        print(f"{name}: {median(times) * 1e3:.1f} ms, {applied.voxels} voxels in the last")

    places = rng.integers((40, 40, 40), (260, 980, 980), (20, 3)).tolist()
    balls = [Brush(points=[place], radius=20) for place in places]
    report("ball of radius 20", [Paint(object=new, stroke=ball) for ball in balls])
    ways = [np.linspace(place, np.add(place, (0, 30, 30)), 40).tolist() for place in places]
    discs = [Brush(points=way, radius=8, plane="xy") for way in ways]
    report("disc of radius 8, 40 points", [Paint(object=new, stroke=disc) for disc in discs])
    lines = [Brush(points=way, radius=8) for way in ways]
    report("ball of radius 8, 40 points", [Paint(object=new, stroke=line) for line in lines])
    gaps = [_gap(annotation, place, number) for number, place in enumerate(places[:10], new + 1)]
    report("10 slices interpolated, 60 x 76 pixels", gaps)
    seeds = [(int(z), int(y), int(x)) for z, y, x in places]
    report(
        "slice of 1024 x 1024 filled",
        [FillSlice(object=new + 20, seed=seed, plane="xy") for seed in seeds],
    )
    fills: list[Operation] = [
        FillBox(
            object=new + 21,
            seed=seed,
            first=(seed[0] - 32, seed[1] - 32, seed[2] - 32),
            end=(seed[0] + 32, seed[1] + 32, seed[2] + 32),
        )
        for seed in seeds
    ]
    report("box of 64 x 64 x 64 filled", fills)
    others = list(range(new + 1, new + 11))
    report("grown by 3", [Grow(object=number, radius=3) for number in others])
    report("smoothed by 2", [Smooth(object=number, radius=2) for number in others])
    report("split", [_split(annotation, places[i], others[i]) for i in range(10)])
    report("merged", [Merge(objects=others)])
    report("deleted", [Delete(objects=[others[0]])])
    start = time.perf_counter()
    annotation.undo()
    print(f"undone: {(time.perf_counter() - start) * 1e3:.1f} ms")


def _gap(annotation: Annotation, place: list[int], number: int) -> Interpolate:
    """Draw an object in two slices, and return what fills those between them."""
    z, y, x = place
    for index, shift in ((z, 0), (z + 11, 9)):
        circle = np.linspace(0, 2 * np.pi, 100)
        ring = np.stack([np.sin(circle) * 30 + y + shift, np.cos(circle) * 38 + x], 1)
        outline = Polygon(plane="xy", index=index, corners=ring.tolist())
        annotation.apply(Paint(object=number, stroke=outline))
    return Interpolate(object=number, plane="xy", first=z, last=z + 11, limits=Limits())


def _split(annotation: Annotation, place: list[int], number: int) -> Split:
    box = Box(*place, *(index + 12 for index in place))
    voxels = np.argwhere(annotation.read_box(box) == number) + place
    return Split(object=number, seeds=[tuple(voxels[0].tolist()), tuple(voxels[-1].tolist())])


def edited_at_large(folder: Path, voxels: float, *, empty: bool) -> None:
    """Print the memory that editing a large annotation takes."""
    depth = round(voxels / 2000**2)
    shape = (depth, 2000, 2000)
    score = tubes(shape)
    start = time.perf_counter()
    params = SourceParams(threshold=0.5, min_voxels=100)
    create_annotation(folder / "large", score.volume, None if empty else score, params)
    seconds = time.perf_counter() - start
    print(f"made {'empty' if empty else 'from a score'}, {shape}: {seconds:.1f} s, {_memory()}")
    annotation = open_annotation(folder / "large", tomogram=score.volume, score=score)
    far = [depth - 30, 1950, 1950]
    operations = [
        Paint(object=1, stroke=Brush(points=[(30, 30, 30)], radius=20)),
        Paint(object=60_000, stroke=Brush(points=[(30, 30, 30), far], radius=20)),
        Paint(object=60_001, stroke=Brush(points=[far], radius=30), limits={"score": (0, 1)}),
        Merge(objects=[1, *list(annotation.objects)[1:200], 60_001, 60_000]),
        Grow(object=1, radius=2),
        Split(object=1, seeds=[(30, 30, 30), tuple(far)]),
        Delete(objects=[1]),
    ]
    for operation in operations:
        start = time.perf_counter()
        applied = annotation.apply(operation)
        seconds = time.perf_counter() - start
        print(f"{operation.kind}: {seconds:.2f} s, {applied.voxels} voxels, {_memory()}")
    start = time.perf_counter()
    for _ in operations:
        annotation.undo()
    print(f"all undone: {time.perf_counter() - start:.2f} s, {_memory()}")


def _memory() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most so far"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--voxels", type=float, default=2e9)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--empty", action="store_true", help="begin the large one empty")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        timed_operations(Path(scratch))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        edited_at_large(Path(scratch), arguments.voxels, empty=arguments.empty)
