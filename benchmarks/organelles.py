"""Organelles from clicks and proposals on simulated tomograms, with the bundled model's scores.

    python -m benchmarks.organelles FOLDER [--phantoms 20] [--shape 64,256,256] [--propose]

Phantoms and their scores are kept in FOLDER (a minute each). Counted are organelles of which a
ball of at least 8 voxels fits into the tomogram. Clicks are at the deepest voxel and at a random
one; the second click goes to the middle of the thickest error after the first. Presets and seeds
are none of those that `tools/train_bodies.py` and `tools/calibrate_bodies.py` learn from. Times
are those of the processor.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.annotation import Propose, create_annotation, open_annotation
from deepsxt_core.bodies.growth import Body
from deepsxt_core.volume import Score, Volume
from tools.scored_phantoms import (
    Scored,
    Target,
    Voxel,
    clicked,
    deepest,
    overlap,
    plain,
    scored_phantom,
    targets,
)

PHANTOMS = [(("hzb", "mistral", "b24")[i % 3], 201 + i) for i in range(20)]
GOOD, SAME = 0.8, 0.5
# An organelle is shown if the score is above 0 on so much of its outline.
_SHOWN, _OUTLINE_PX = 0.3, 4


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


@dataclass(frozen=True, slots=True)
class Row:
    """What clicks at one organelle gave.

    Attributes
    ----------
    middle, anywhere, two : float
        Dice of a click at the deepest voxel, at a random one, and of two clicks.
    ratio : float
        Found volume over the true one, of the click at the deepest voxel.
    is_covered : bool
        Whether its interval holds the true volume.
    is_closed : bool
        Whether the organelle lies within the tomogram.
    is_shown : bool
        Whether the score shows it: in the slice of its deepest voxel it is above 0 on 30 % of the
        outline or more.
    """

    kind: str
    middle: float
    anywhere: float
    two: float
    ratio: float
    is_covered: bool
    is_closed: bool
    is_shown: bool
    seconds: float


def row_of(phantom: Scored, target: Target) -> Row:
    """Click at an organelle."""
    begun = time.process_time()
    found, body = clicked(phantom, [target.middle])
    seconds = time.process_time() - begun
    again, two = second_click(found, target.mask), found
    if again is not None:
        place, is_inside = again
        inside = [target.middle, place] if is_inside else [target.middle]
        two, _ = clicked(phantom, inside, [] if is_inside else [place])
    faces = (face for axis in range(3) for face in (target.mask.take(end, axis) for end in (0, -1)))
    return Row(
        target.kind,
        dice(found, target.mask),
        dice(clicked(phantom, [target.anywhere])[0], target.mask),
        dice(two, target.mask),
        np.count_nonzero(found) / np.count_nonzero(target.mask),
        is_covered(body, target.mask),
        not any(face.any() for face in faces),
        is_shown(phantom, target),
        seconds,
    )


def is_shown(phantom: Scored, target: Target) -> bool:
    """Return whether the score shows the outline of an organelle."""
    mask, score = (each[target.middle[0]] for each in (target.mask, phantom.score))
    inner = ndimage.binary_erosion(mask, iterations=_OUTLINE_PX)
    outline = ndimage.binary_dilation(mask) & ~inner
    return bool((score[outline] > 0).mean() >= _SHOWN)


def is_covered(body: Body | None, truth: NDArray[np.bool_]) -> bool:
    """Return whether the interval of a body holds the true volume."""
    if body is None:
        return False
    low, high = body.true_voxels
    return low <= np.count_nonzero(truth) <= high


def report_clicks(phantoms: Sequence[Scored]) -> None:
    """Print how well one click and two do."""
    rng = np.random.default_rng(0)
    rows = [row_of(phantom, each) for phantom in phantoms for each in targets(phantom, rng)]
    print(
        "| organelles | n | good, deepest voxel | random voxel | two clicks | median Dice |", end=""
    )
    print(" volume off by | of the good | interval holds | processor time |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    groups = {"all": rows, "closed": [row for row in rows if row.is_closed]}
    groups |= {
        name: [row for row in rows if row.is_shown == shown]
        for name, shown in (("shown by the score", True), ("not shown", False))
    }
    groups |= {kind: [r for r in rows if r.kind == kind] for kind in sorted({r.kind for r in rows})}
    for name, group in groups.items():
        if not group:
            continue
        dices = np.array([(row.middle, row.anywhere, row.two) for row in group])
        off = np.abs(np.array([row.ratio for row in group]) - 1)
        cells = [
            *(f"{share:.0%}" for share in (dices >= GOOD).mean(axis=0)),
            f"{np.median(dices[:, 0]):.2f}",
            f"{np.median(off):.1%}",
            f"{np.median(off[dices[:, 0] >= GOOD]):.1%}",
            f"{np.mean([row.is_covered for row in group]):.0%}",
            f"{np.median([row.seconds for row in group]):.2f} s",
        ]
        print(f"| {name} | {len(group)} | {' | '.join(cells)} |")


def report_proposals(phantoms: list[Scored]) -> None:
    """Print precision and recall of all proposals at an overlap of one half."""
    print("| confidence from | proposals | precision | recall | volume off by |")
    print("|---|---|---|---|---|")
    pairs: list[tuple[float, float, float]] = []
    wanted = 0
    for phantom in phantoms:
        truths = [one.mask for one in targets(phantom, np.random.default_rng(0))]
        wanted += len(truths)
        every = [phantom.whole(one) for one in phantom.organelles]
        pairs += list(_matched(phantom, truths, [mask for mask in every if mask.any()]))
    for least in (0.3, 0.5, 0.7, 0.8):
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
        overlaps = [overlap(found, truth) for truth in every]
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
    parser.add_argument("--shape", default="64,256,256")
    parser.add_argument("--propose", action="store_true")
    chosen = parser.parse_args()
    depth, height, width = map(int, chosen.shape.split(","))
    phantoms = [
        scored_phantom(chosen.folder, plain(preset, seed, (depth, height, width)), preset)
        for preset, seed in PHANTOMS[: chosen.phantoms]
    ]
    if chosen.propose:
        report_proposals(phantoms)
        return
    report_clicks(phantoms)


if __name__ == "__main__":
    main()
