"""What is found when a tomogram is checked: a number, how bad it is, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from deepsxt_core.geometry import VoxelSize, doubts
from deepsxt_core.numerals import number_text
from deepsxt_core.preprocessing.familiarity import Look, unfamiliar
from deepsxt_core.preprocessing.margins import Margins
from deepsxt_core.preprocessing.polarity import BRIGHT_FROM
from deepsxt_core.preprocessing.totals import Totals
from deepsxt_core.preprocessing.validity import VoidRule
from deepsxt_core.preprocessing.wedge import Wedge

Level = Literal["ok", "notice", "warning"]

_UNSURE = 0.08
_NEARLY_EMPTY = 25.0
_VALUES_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What, such as ``"Hot voxels"``.
    level : {"ok", "notice", "warning"}
    value : float or None
        What was measured, in `unit`; None where it could not be.
    unit : str
        Such as ``"%"``; empty for a pure number.
    text : str
        What was found, and one sentence on what to do about it.
    """

    name: str
    level: Level
    value: float | None
    unit: str
    text: str

    def __str__(self) -> str:
        number = (
            ""
            if self.value is None
            else f": {number_text(self.value, digits=3)} {self.unit}".rstrip()
        )
        return f"{self.name}{number}. {self.text}"


def _finding(name: str, level: Level, value: float | None, unit: str, text: str) -> Finding:
    return Finding(name=name, level=level, value=value, unit=unit, text=text)


def voxel_size(size: VoxelSize | None) -> Finding:
    """Judge the size of a voxel that the file claims."""
    name, unit = "Voxel size", "nm"
    if size is None:
        text = "Not known: lengths are in voxels. Enter it if you can."
        return _finding(name, "notice", None, unit, text)
    doubtful = doubts(size)
    level: Level = "warning" if doubtful else "ok"
    return _finding(name, level, size.x, unit, " ".join(doubtful) or "Believable.")


def polarity(asymmetry: float) -> Finding:
    """Judge whether membranes are bright, and how sure that is."""
    name = "Polarity"
    told = "bright, so grey values are inverted" if asymmetry > BRIGHT_FROM else "dark"
    if abs(asymmetry - BRIGHT_FROM) < _UNSURE:
        text = f"Membranes seem {told}, but that is not sure. Look at a slice and set it by hand."
        return _finding(name, "notice", asymmetry, "", text)
    return _finding(name, "ok", asymmetry, "", f"Membranes look {told}.")


def valid_region(totals: Totals, void: VoidRule) -> Finding:
    """Judge how many voxels hold something that was measured, and why the others do not."""
    name, unit = "Valid region", "%"
    percent = 100 * totals.valid_share
    if not void.find:
        return _finding(name, "ok", percent, unit, "All voxels are treated as data, as you chose.")
    if not totals.void:
        return _finding(name, "ok", percent, unit, "All voxels count.")
    listed = [
        f"{number_text(100 * n / totals.seen, digits=3)} % "
        + ("NaN or infinite" if value != value else f"{value:g}")
        for value, n in totals.void_values.most_common(_VALUES_TOLD)
    ]
    how = (
        "reaches the border of the slices or fills a block in them"
        if void.value is None
        else "you gave for the void"
    )
    text = (
        f"The others hold one value that {how}, or none ({', '.join(listed)}): nothing was "
        "measured there. They decide nothing, and nothing is marked in them. If they are data, say "
        "so."
    )
    level: Level = "warning" if percent < _NEARLY_EMPTY else "notice"
    return _finding(name, level, percent, unit, text)


def not_finite(totals: Totals) -> Finding:
    """Judge how many values are NaN or infinite."""
    percent = 100 * totals.nonfinite / totals.seen
    if not percent:
        return _finding("NaN and infinite", "ok", 0.0, "%", "None.")
    text = "They count as the median. If they are many, crop them away or export again."
    return _finding("NaN and infinite", "warning" if percent > 1 else "notice", percent, "%", text)


def flat_slices(flat: list[tuple[int, bool]], margins: Margins, depth: int) -> Finding:
    """Judge slices that hold one value alone: at the ends, or amid the others."""
    name, unit = "Empty slices", "%"
    percent = 100 * sum(each for _, each in flat) / len(flat)
    first, last = margins.z
    if first == depth:
        text = "All slices that were looked at hold one value alone. Check the file."
        return _finding(name, "warning", 100.0, unit, text)
    inside = any(each for z, each in flat if first <= z < depth - last)
    if inside:
        text = "Slices amid the others hold one value alone: the file may be damaged."
        return _finding(name, "warning", percent, unit, text)
    if first or last:
        text = f"{first} at the beginning and {last} at the end hold nothing. Crop them away."
        return _finding(name, "notice", 100 * (first + last) / depth, unit, text)
    return _finding(name, "ok", 0.0, unit, "None.")


def borders(margins: Margins) -> Finding:
    """Judge empty or broken borders of the slices."""
    name, unit = "Borders", "px"
    widest = max(*margins.y, *margins.x)
    if not widest:
        return _finding(name, "ok", 0.0, unit, "No empty or broken rows and columns.")
    (top, bottom), (left, right) = margins.y, margins.x
    text = (
        f"Without content, or far off the rest: {left} columns on the left, {right} on the right, "
        f"{top} rows at the top, {bottom} at the bottom. Crop them away: that saves "
        "time, and what is broken may be taken for membranes."
    )
    return _finding(name, "notice", float(widest), unit, text)


def flat_areas(totals: Totals) -> Finding:
    """Judge areas that hold one value alone."""
    name, unit = "Flat areas", "%"
    percent = 100 * totals.flat_tiles / totals.tiles if totals.tiles else 0.0
    if percent < 1:
        return _finding(name, "ok", percent, unit, "Hardly any.")
    text = (
        "Parts of the slices hold one value alone and count as data. Their outline may be taken "
        "for a membrane; if nothing was measured there, give their value as that of the void."
    )
    return _finding(name, "notice", percent, unit, text)


def saturation(totals: Totals, dtype: np.dtype) -> Finding:
    """Judge how many values lie at the ends of the range."""
    name, unit = "Saturation", "%"
    at_low, at_high = totals.at_lowest, totals.at_highest
    # What is flat lies at an end as well, and has a finding of its own.
    at_low = max(0, at_low - totals.flat_values)
    percent = 100 * max(at_low, at_high) / totals.values if totals.values else 0.0
    few = dtype.kind == "b" or (dtype.kind in "iu" and totals.highest - totals.lowest < 16)
    if percent < 0.5 or few:
        return _finding(name, "ok", percent, unit, "Grey values are not cut off.")
    which = "lowest" if at_low > at_high else "highest"
    text = (
        f"So many voxels hold the {which} value of all: grey values were cut off. Export with a "
        "wider range of grey values if details are lost in it."
    )
    return _finding(name, "warning" if percent > 5 else "notice", percent, unit, text)


def hot_voxels(totals: Totals) -> Finding:
    """Judge single voxels that stick out of their neighbours."""
    name, unit = "Hot voxels", "per million"
    ppm = 1e6 * totals.hot / totals.close_values if totals.close_values else 0.0
    if ppm < 5:
        return _finding(name, "ok", ppm, unit, "Hardly any.")
    text = (
        "Single voxels stick out. They are clipped before the network sees them; many of them "
        "leave spots. Remove outliers, for example in Fiji, if there are spots in the result."
    )
    return _finding(name, "warning" if ppm > 2000 else "notice", ppm, unit, text)


def noise(looks: list[Look]) -> Finding:
    """Judge how far details stand out of the noise."""
    name, unit = "Details over noise", "×"
    if not looks:
        return _finding(name, "notice", None, unit, "The slices are too flat or small to tell.")
    ratio = float(np.median([each.detail for each in looks]))
    if ratio < 1.5:
        text = "Hardly anything stands out of the noise. Bin 2×, and expect gaps in membranes."
        return _finding(name, "warning", ratio, unit, text)
    if ratio < 1.65:
        text = "Details are faint. Average 8 views when you segment, or bin 2×."
        return _finding(name, "notice", ratio, unit, text)
    return _finding(name, "ok", ratio, unit, "Details stand out of the noise.")


def missing_wedge(wedge: Wedge | None) -> Finding:
    """Judge the directions in which the tilt series has recorded nothing."""
    name, unit = "Missing wedge", "degrees"
    if wedge is None:
        return _finding(name, "notice", None, unit, "Too few slices to tell.")
    if not wedge.is_empty:
        return _finding(name, "ok", 0.0, unit, "None found: all directions are recorded.")
    missing, half = wedge.missing_axis, wedge.half_angle_deg
    if wedge.tilt_range_deg is None:
        text = (
            f"Details are much coarser along {missing} than across. Shapes are drawn out along "
            f"{missing}, and surfaces across it are blurred; mistrust thicknesses along {missing}."
        )
        return _finding(name, "notice", None, unit, text)
    reached = wedge.tilt_range_deg
    text = (
        f"Tilts about {wedge.tilt_axis} reached about ±{reached}°; directions within "
        f"{90 - reached}° of {missing} were never seen. Objects look drawn out along {missing}, "
        f"and membranes that lie across {missing} fade: expect holes at the ends of vesicles "
        f"there, and do not measure them along {missing}."
    )
    if missing != "z":
        text = (
            f"The slices lie along the beam, which runs along {missing}; the models know slices "
            f"across it. Turn the volume first, so that {missing} becomes z. {text}"
        )
        return _finding(name, "warning", 2 * half, unit, text)
    return _finding(name, "notice", 2 * half, unit, text)


_UNFAMILIAR = {
    "asymmetry": ("the grey values lean to one side", "check the polarity and crop bright borders"),
    "tails": ("the range of the grey values is another", "crop what is far brighter or darker"),
    "detail": ("details and background differ in another way", "try one slice before all"),
    "fineness": ("details are of another size", "check the voxel size, or bin 2× if it is finer"),
}


def familiar(looks: list[Look]) -> Finding:
    """Judge how much the slices look like those of the training."""
    name, unit = "Like the training data", "of 4 numbers differ"
    if not looks:
        return _finding(name, "notice", None, unit, "The slices are too flat or small to tell.")
    strange = unfamiliar(looks)
    count = float(len(strange))
    if not strange:
        text = "The slices look like those that the bundled model was trained on."
        return _finding(name, "ok", count, unit, text)
    what = "; ".join(_UNFAMILIAR[each][0] for each in strange)
    todo = _UNFAMILIAR[next(iter(strange))][1]
    text = f"Unlike the slices of the bundled model's training, {what}: {todo}."
    return _finding(name, "warning" if count > 1 else "notice", count, unit, text)
