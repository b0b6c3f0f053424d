"""Organelles from clicks and proposals on simulated tomograms, with the bundled model's scores.

    python -m benchmarks.organelles FOLDER [--phantoms 20] [--shape 64,256,256] [--propose]

Phantoms and their scores are kept in FOLDER (minutes each). Counted are organelles of which a
ball of at least 8 voxels fits into the tomogram. Clicks are at the deepest voxel and at a random
one; the second click goes to the middle of the thickest error. Presets and seeds are none of
those that `tools/train_outlines.py` learns from. Times are those of the processor.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from deepsxt_core.annotation import Propose, create_annotation, open_annotation
from deepsxt_core.bodies.growth import REACH_PX, grow_body
from deepsxt_core.bodies.views import Views
from deepsxt_core.volume import Score, Volume
from tools.train_outlines import SHAPE, Scored, scored_phantom

PHANTOMS = [(("hzb", "mistral", "b24")[i % 3], 201 + i) for i in range(20)]
LEAST_ACROSS_PX = 8
GOOD, SAME = 0.8, 0.5

Voxel = tuple[int, int, int]
Target = tuple[str, NDArray[np.bool_], Voxel, Voxel]


def targets(phantom: Scored, rng: np.random.Generator) -> Iterator[Target]:
    """Yield kind, mask, deepest voxel and a random voxel of each organelle that counts."""
    for organelle in phantom.organelles:
        mask = phantom.whole(organelle)
        if not mask.any():
            continue
        place, depth = deepest(mask)
        if 2 * depth >= LEAST_ACROSS_PX:
            points = np.argwhere(mask)
            some = points[rng.integers(len(points))].tolist()
            yield organelle.label.name.lower(), mask, place, (some[0], some[1], some[2])


def deepest(mask: NDArray[np.bool_]) -> tuple[Voxel, float]:
    """Return the voxel farthest from the outside, and how far it is."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1))[1:-1, 1:-1, 1:-1]
    found = np.unravel_index(int(depth.argmax()), depth.shape)
    z, y, x = (int(i) + cut.start for i, cut in zip(found, box, strict=True))
    return (z, y, x), float(depth.max())


def clicked(
    phantom: Scored, inside: list[Voxel], outside: list[Voxel], plain: bool
) -> NDArray[np.bool_]:
    """Return the body of some clicks, by outlines or by a plain seeded watershed."""
    low = np.maximum(np.subtract(inside[0], REACH_PX), 0)
    high = np.minimum(np.add(inside[0], REACH_PX + 1), phantom.score.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    whole = np.zeros(phantom.score.shape, bool)
    here = [
        [tuple(np.subtract(each, low).tolist()) for each in points if _within(each, low, high)]
        for points in (inside, outside)
    ]
    if plain:
        whole[box] = _watershed(phantom.score[box], *here)
        return whole
    body = grow_body(Views(phantom.score[box], phantom.grey[box]), *here)
    if body is not None:
        first = np.add(body.first, low)
        part = tuple(slice(a, a + n) for a, n in zip(first, body.mask.shape, strict=True))
        whole[part] = body.mask
    return whole


def _within(point: Voxel, low: NDArray, high: NDArray) -> bool:
    return bool((np.array(point) >= low).all() and (np.array(point) < high).all())


def _watershed(
    score: NDArray[np.float32], inside: list[Voxel], outside: list[Voxel]
) -> NDArray[np.bool_]:
    markers = np.zeros(score.shape, np.int8)
    markers[:, [0, -1]] = markers[:, :, [0, -1]] = 2
    for number, points in ((2, outside), (1, inside)):
        for z, y, x in points:
            markers[z, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = number
    basins = watershed(ndimage.gaussian_filter(score, 1), markers)
    return ndimage.binary_dilation(basins == 1, iterations=1)


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the overlap, 2 |A ∩ B| / (|A| + |B|)."""
    return 2 * np.count_nonzero(found & truth) / max(found.sum() + truth.sum(), 1)


def second_click(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[Voxel, bool] | None:
    """Return the middle of the thickest error, and whether it is to be inside."""
    errors = [(truth & ~found, True), (found & ~truth, False)]
    places = [(*deepest(error), inside) for error, inside in errors if error.any()]
    if not places:
        return None
    place, _, inside = max(places, key=lambda each: each[1])
    return place, inside


def report_clicks(phantoms: list[Scored], plain: bool) -> None:
    """Print how well one click and two do."""
    rng, rows = np.random.default_rng(0), []
    for phantom in phantoms:
        for kind, truth, middle, anywhere in targets(phantom, rng):
            begun = time.process_time()
            found = clicked(phantom, [middle], [], plain)
            seconds = time.process_time() - begun
            one, other = dice(found, truth), dice(clicked(phantom, [anywhere], [], plain), truth)
            two, again = one, second_click(found, truth)
            if again is not None:
                inside = [middle, again[0]] if again[1] else [middle]
                outside = [] if again[1] else [again[0]]
                two = max(one, dice(clicked(phantom, inside, outside, plain), truth))
            is_cut = any(truth.take(end, axis).any() for axis in range(3) for end in (0, -1))
            error = np.nan if is_cut else abs(found.sum() / truth.sum() - 1)
            rows.append((kind, one, other, two, seconds, error))
    print("| organelles | n | deepest | anywhere | two clicks | median | volume off by | time |")
    print("|---|---|---|---|---|---|---|---|")
    kinds = sorted({row[0] for row in rows})
    for name in ("all", *kinds):
        of_kind = np.array([row[1:] for row in rows if name in ("all", row[0])], float)
        shares = [f"{np.mean(of_kind[:, i] >= GOOD):.0%}" for i in range(3)]
        print(
            f"| {name} | {len(of_kind)} | {' | '.join(shares)} | {np.median(of_kind[:, 0]):.2f} | "
            f"{np.nanmedian(of_kind[:, 4]):.0%} | {np.median(of_kind[:, 3]):.2f} s |"
        )


def report_proposals(phantoms: list[Scored]) -> None:
    """Print precision and recall of all proposals at an overlap of one half."""
    print("| confidence from | proposals | precision | recall | volume off by |")
    print("|---|---|---|---|---|")
    pairs: list[tuple[float, float, float]] = []
    wanted = 0
    for phantom in phantoms:
        truths = [mask for _, mask, *_ in targets(phantom, np.random.default_rng(0))]
        wanted += len(truths)
        every = [phantom.whole(one) for one in phantom.organelles]
        pairs += list(_matched(phantom, truths, [mask for mask in every if mask.any()]))
    for least in (0.3, 0.5, 0.7, 0.9):
        sure = np.array([pair[1:] for pair in pairs if pair[0] >= least]).reshape(-1, 3)
        right = sure[:, 0] >= SAME
        print(
            f"| {least:g} | {len(sure)} | {right.mean():.2f} | {sure[:, 2].sum() / wanted:.2f} | "
            f"{np.median(np.abs(sure[right, 1] - 1)):.0%} |"
        )


def _matched(
    phantom: Scored, truths: list[NDArray[np.bool_]], every: list[NDArray[np.bool_]]
) -> Iterator[tuple[float, float, float, bool]]:
    """Yield confidence, overlap, ratio of volumes, and whether it is one that counts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotation"
        create_annotation(path, Volume.from_array(phantom.grey))
        score = Score(Volume.from_array(Score.encode(phantom.score)))
        tomogram = Volume.from_array(phantom.grey)
        with open_annotation(path, score=score, tomogram=tomogram) as annotation:
            annotation.apply(Propose(least_confidence=0.3))
            labels = annotation.labels.read(0, phantom.score.shape[0])
            rows = list(annotation.objects.values())
    for row in rows:
        found = labels == row.id
        overlaps = [np.count_nonzero(found & t) / np.count_nonzero(found | t) for t in every]
        best = int(np.argmax(overlaps))
        counts = overlaps[best] >= SAME and any(
            every[best] is t or (every[best] == t).all() for t in truths
        )
        confidence = float(row.origin.rsplit(" ", 1)[1])
        yield confidence, overlaps[best], found.sum() / every[best].sum(), counts


def main() -> None:
    """Measure and print tables of Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--phantoms", type=int, default=len(PHANTOMS))
    parser.add_argument("--shape", default=",".join(map(str, SHAPE)))
    parser.add_argument("--propose", action="store_true")
    chosen = parser.parse_args()
    depth, height, width = map(int, chosen.shape.split(","))
    phantoms = [
        scored_phantom(chosen.folder, preset, seed, (depth, height, width))
        for preset, seed in PHANTOMS[: chosen.phantoms]
    ]
    if chosen.propose:
        report_proposals(phantoms)
        return
    for plain in (False, True):
        print("\nSeeded watershed of the score" if plain else "\nOutlines")
        report_clicks(phantoms, plain)


if __name__ == "__main__":
    main()
