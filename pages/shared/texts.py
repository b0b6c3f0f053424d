"""Numbers as people read them, and the terms that need a word of explanation."""

import math
import re
from datetime import UTC, datetime

from deepsxt_core.numerals import number_text
from deepsxt_core.volume import Volume, VoxelSize

_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*([^\s()]*)[^()]*\)")
# Addresses are found by their scheme, by www. and by the @ of mail.
_LINKED = re.compile(r"\\?:(?=\\?/)|\bwww(?=\\?\.)|@", re.IGNORECASE)
_JOINER = "\u2060"

TERMS = {
    "score": "How sure the network is that a voxel belongs to a membrane: from -1 (certainly "
    "not) to +1 (certainly).",
    "threshold": "Voxels that score above this value count as membrane. Lower finds more and "
    "lets more errors in; higher keeps only what is certain.",
    "voxel size": "The edge length of one voxel. It turns pixels into nanometres: scale bars, "
    "areas, volumes and exported meshes depend on it.",
    "polarity": "The network expects dark membranes on a bright background, as in absorption "
    "contrast. If yours are bright, the values are inverted before they reach it.",
    "missing wedge": "A tilt series cannot cover all angles. Membranes that lie flat across the "
    "beam are therefore blurred along z, and gaps in the surface there are expected.",
    "f1": "How well marked and labelled pixels agree, from 0 to 1: the harmonic mean of precision "
    "and recall.",
    "precision": "Of the pixels that the model marks, the part that is labelled as membrane.",
    "recall": "Of the pixels that are labelled as membrane, the part that the model marks.",
    "accuracy": "The part of all judged pixels that is right. High for nearly every model, because "
    "most pixels are no membrane.",
    "step": "One batch of crops learnt from.",
    "held back": "A part of the labels is never trained on, and lies apart from the rest: whole "
    "files, or a run of slices, or a strip, with a gap. Neighbouring slices look nearly the same, "
    "so measuring on them would flatter the model.",
}


def shape_text(shape: tuple[int, int, int]) -> str:
    """Return a shape as columns, rows, slices: ``256 × 256 × 64``."""
    return " × ".join(str(n) for n in reversed(shape))


def extent_text(volume: Volume) -> str:
    """Return the physical size of a volume, x first."""
    return sides_text(volume.shape, volume.voxel_size_nm)


def sides_text(shape: tuple[int, int, int], voxel_size_nm: VoxelSize | None) -> str:
    """Return the physical size of so many voxels, x first, or the word for none."""
    if voxel_size_nm is None:
        return "not known"
    sides = [n * size / 1000 for n, size in zip(shape, voxel_size_nm, strict=True)]
    return " × ".join(number_text(side, digits=3) for side in reversed(sides)) + " µm"


def voxel_text(voxel_size_nm: VoxelSize | None) -> str:
    """Return a voxel size, x first, or the word for none."""
    if voxel_size_nm is None:
        return "not known"
    return " × ".join(number_text(edge) for edge in reversed(voxel_size_nm)) + " nm"


def voxels_text(voxels: float, size: VoxelSize | None) -> str:
    """Return a length in voxels, and in µm where the size (of a voxel's mean edge) is known."""
    text = f"{voxels:g} voxels"
    if size is None:
        return text
    return f"{text} ({number_text(voxels * math.cbrt(math.prod(size)) / 1000, digits=3)} µm)"


def voxels_of_text(shape: tuple[int, int, int], size: VoxelSize | None) -> str:
    """Return a shape with the voxel size, where that is known."""
    text = f"{shape_text(shape)} voxels"
    return text if size is None else f"{text} of {voxel_text(size)}"


def thresholds(threshold: float, low: float | None) -> str:
    """Return one threshold or two, such as ``0.50 over 0.20``."""
    return f"{threshold:.2f}" if low is None else f"{threshold:.2f} over {low:.2f}"


def duration_text(seconds: float) -> str:
    """Return a duration rounded to what matters."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def size_text(size_bytes: float) -> str:
    """Return a number of bytes in the unit that fits."""
    for size, name in ((1e9, "GB"), (1e6, "MB")):
        if size_bytes >= size:
            return f"{number_text(size_bytes / size, digits=3)} {name}"
    return f"{number_text(size_bytes / 1e3, digits=3)} kB"


def count_text(done: int, total: int, unit: str) -> str:
    """Return how far something is, such as ``3 of 7 slices``; bytes in the unit that fits."""
    if unit == "B":
        return f"{size_text(done)} of {size_text(total)}" if total else size_text(done)
    return f"{done} of {total} {unit}s"


def pace_text(per_second: float, unit: str) -> str:
    """Return how fast something goes; ``per_second`` units."""
    if unit == "B":
        return f"{size_text(per_second)} per second"
    if per_second >= 1:
        return f"{number_text(per_second, digits=3)} {unit}s per second"
    return f"{number_text(1 / per_second, digits=3)} s per {unit}"


def ago_text(moment: datetime) -> str:
    """Return how long ago a moment was."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return "just now" if seconds < 90 else f"{_coarse(seconds)} ago"


def _coarse(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = round(seconds / size)
        if count >= 1:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "1 minute"


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, without links and pictures.

    All that came from a file, an address or a person goes through here before it is drawn.
    """
    plain = "".join(f"\\{char}" if char in "\\`*_{}[]()<>#+-.!|~:$" else char for char in text)
    return _unlinked(plain)


def card(markdown: str) -> str:
    """Return a model card as Markdown: its headings small, its links and pictures as text."""
    text = _LINK.sub(r"\1 (\2)", markdown)
    text = re.sub("^#", "###", text, flags=re.MULTILINE)
    return _unlinked(re.sub(r"([\[\]<!])", r"\\\1", text))


def _unlinked(text: str) -> str:
    """Part what Markdown makes a link of without being asked, by a character without width."""
    return _LINKED.sub(f"\\g<0>{_JOINER}", text)


def shortened(text: str, longest: int = 34) -> str:
    """Return `text` with its middle left out if it is longer than `longest`."""
    if len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 1]}…{text[-tail:]}"
