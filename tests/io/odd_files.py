# ruff: noqa: T201
"""Write plausible but odd files and see that each opens as what it says, or a word tells of it.

::

    python -m tests.io.odd_files --cases 2000

Valid headers with unusual choices: axes in another order or backwards, units in odd spellings, byte
orders, signs, axes of length one, compressions, chunks, several series, keys that lack. Each holds
a chiral body at a known place. It must open with these voxels, this size and this place, or be
refused, or say in a note what is otherwise. The files come from a seed.
"""

import argparse
import re
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from deepsxt_core.errors import DatasetChoiceError, DeepSXTError
from deepsxt_core.io import list_datasets, open_volume
from deepsxt_core.io.content import mask_of
from deepsxt_core.volume import Volume
from tests.io.odd_writers import WRITERS, Truth

# As labels have them.
_FEW = 6
# What a note has to be about, where it is to excuse a difference.
_WORDS = {
    "values": r"turn|mirror|order|axes|axis|unsigned|slices|scaled",
    "size": r"size|spacing|distance|voxel|unit|cell",
    "origin": r"origin|position|place|rotation|voxel of|without saying in which unit",
}


def make_case(index: int, seed: int, folder: Path) -> tuple[str, Path, Truth]:
    """Write case number `index` into an empty folder; return its kind, its path and its truth."""
    rng = np.random.default_rng([seed, index])
    kind = list(WRITERS)[index % len(WRITERS)]
    path = folder / "body"
    if kind == "numpy":
        path = folder / "body.npz"
    return kind, path, WRITERS[kind](path, rng)


def opened(path: Path) -> Volume:
    """Open a file; where there is a choice, what a person would take: the largest."""
    try:
        return open_volume(path)
    except DatasetChoiceError as choice:
        entries = {name: shape for name, shape, _ in list_datasets(path)}
        largest = max(choice.candidates, key=lambda name: np.prod(entries.get(name, (0,))))
        return open_volume(path, dataset=largest)


def differences(volume: Volume, truth: Truth) -> list[str]:
    """Return what is otherwise than the file says: "values", "size", "origin"."""
    found = []
    values = volume.read(0, volume.shape[0])
    same = values.shape == truth.values.shape and np.allclose(
        values.astype(np.float64), truth.values.astype(np.float64), equal_nan=True, rtol=1e-5
    )
    if not same:
        found.append("values")
    known = volume.voxel_size_nm
    if (known is None) != (truth.edges_nm is None) or (
        known is not None and not np.allclose(known, truth.edges_nm, rtol=1e-3)
    ):
        found.append("size")
    if truth.origin_nm is not None and not np.allclose(
        volume.origin_nm, truth.origin_nm, atol=0.02, rtol=1e-3
    ):
        found.append("origin")
    return found


def mask_is_right(volume: Volume, truth: Truth) -> bool:
    """Return whether a file of few values is refused as a mask, or is that of the body."""
    try:
        mask = mask_of(volume)
    except DeepSXTError:
        return True
    values = truth.values
    # Where all of it is below 0, the least value is the outside.
    expected = values > (0 if values.max() > 0 else values.min())
    return np.array_equal(mask.read_mask(0, volume.shape[0]), expected)


def judged(path: Path, truth: Truth) -> tuple[str, str]:
    """Return how a case ended, with an exclamation mark if silently wrong, and the details."""
    try:
        volume = opened(path)
        found = differences(volume, truth)
    except DeepSXTError as error:
        return f"{type(error).__name__}", str(error)
    if not found and np.unique(truth.values).size <= _FEW and not mask_is_right(volume, truth):
        return "!another mask", str(np.unique(truth.values))
    said = " ".join(volume.warnings)
    if "must" in truth.noted and not re.search(_WORDS["values"], said):
        return "!not said", said
    if truth.seen and not re.search(truth.seen, said):
        return "!seen and not said", f"{truth.seen}: {said}"
    silent = [each for each in found if not re.search(_WORDS[each], said)]
    details = (
        f"{volume.format} {volume.shape} {volume.voxel_size_nm} {volume.origin_nm}, not "
        f"{truth.values.shape} {truth.values.dtype} {truth.edges_nm} {truth.origin_nm}; {said}"
    )
    if silent:
        return f"!silently other {' and '.join(silent)}", details
    return f"noted: {' and '.join(found)}" if found else "right", details


def main() -> int:
    """Run all cases; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="print what is not right, noted or not")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    outcomes: Counter[str] = Counter()
    by_kind: Counter[tuple[str, str]] = Counter()
    bad = 0
    for index in range(args.first, args.first + args.cases):
        with tempfile.TemporaryDirectory() as folder:
            kind, path, truth = make_case(index, args.seed, Path(folder))
            try:
                outcome, details = judged(path, truth)
            except Exception:  # noqa: BLE001
                outcome, details = "!crash", traceback.format_exc()
        outcomes[outcome] += 1
        by_kind[kind, outcome] += 1
        if outcome.startswith("!") or (args.all and outcome != "right"):
            bad += outcome.startswith("!")
            print(f"{index} {kind} {outcome}\n    {truth.choices}\n    {details}")
    for (kind, outcome), n in sorted(by_kind.items()):
        print(f"{n:6}  {kind}: {outcome}")
    for outcome, n in outcomes.most_common():
        print(f"{n:6}  {outcome}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
