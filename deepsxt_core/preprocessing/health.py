"""Is this tomogram fit to be segmented? A report made from some slices, in seconds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import Region
from deepsxt_core.preprocessing import findings
from deepsxt_core.preprocessing.familiarity import Look, crops, look
from deepsxt_core.preprocessing.findings import Finding, Level
from deepsxt_core.preprocessing.margins import BorderProfiles, Margins, empty_ends, is_flat
from deepsxt_core.preprocessing.normalisation import clean
from deepsxt_core.preprocessing.polarity import BRIGHT_FROM, tail_asymmetry
from deepsxt_core.preprocessing.sampling import sampled
from deepsxt_core.preprocessing.totals import Totals
from deepsxt_core.preprocessing.validity import VoidRule, filled
from deepsxt_core.preprocessing.wedge import Wedge, find_wedge
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import Volume

_SLICES = 24
_LOOKED_AT_CLOSELY = 6
_CLOSE_PX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What was found.

    Attributes
    ----------
    findings : tuple of Finding
    margins : Margins
        Empty or broken borders.
    wedge : Wedge or None
        The emptiest wedge of the power spectrum, whether it is empty or not; None if the
        volume is too thin.
    slices : int
        How many slices were read for it, those for the spectrum aside.
    valid_share : float
        Of the voxels: those that count, in [0, 1].
    """

    findings: tuple[Finding, ...]
    margins: Margins
    wedge: Wedge | None
    slices: int
    valid_share: float = 1.0

    @property
    def tilt_range_deg(self) -> int | None:
        """The highest tilt that the spectrum tells of; None if it cannot be told."""
        return None if self.wedge is None else self.wedge.tilt_range_deg

    @property
    def level(self) -> Level:
        """The worst level of all findings."""
        levels = {finding.level for finding in self.findings}
        return next((each for each in ("warning", "notice") if each in levels), "ok")

    def to_dict(self) -> dict[str, Any]:
        """Return all but the pictures, ready for JSON."""
        return {
            "level": self.level,
            "findings": [
                {name: getattr(each, name) for name in ("name", "level", "value", "unit", "text")}
                for each in self.findings
            ],
            "margins": {axis: list(getattr(self.margins, axis)) for axis in "zyx"},
            "slices": self.slices,
            "tilt_range_deg": self.tilt_range_deg,
            "valid_share": self.valid_share,
        }


def check_health(
    volume: Volume, progress: Progress | None = None, void: VoidRule | None = None
) -> HealthReport:
    """Look at slices spread through a volume and tell what may spoil a segmentation.

    Up to 24 slices are read one by one, and up to 128 in the middle for the power spectrum;
    memory is bounded by a few slices. Voxels where nothing was measured, by the rule `void`, count
    for nothing but their own number.

    Raises
    ------
    UnreadableFileError
        If the file is damaged.
    """
    progress = progress or NoProgress()
    places = sampled(volume.shape[0], _SLICES)
    closely = set(places[:: max(1, len(places) // _LOOKED_AT_CLOSELY)])
    progress.stage("Checking", len(places) + 2, "step")
    void = void or VoidRule()
    asymmetry = tail_asymmetry(volume, void)
    bright = asymmetry > BRIGHT_FROM
    progress.advance()
    totals, profiles = Totals(), BorderProfiles(volume.shape[1:])
    flat: list[tuple[int, bool]] = []
    looks: list[Look] = []
    for z in places:
        image = volume.read(z, z + 1)[0]
        flat.append((z, is_flat(image)))
        valid = void.valid(image)
        totals.add_void(image, valid)
        totals.add(image[valid])
        if not flat[-1][1]:
            finite = image[np.isfinite(image)]
            values = clean(image, float(np.median(finite)))[0]
            totals.add_tiles(values, valid)
            # As the network gets it: an edge of the void is no detail.
            values = filled(values, valid)
            profiles.add(values, valid)
            if z in closely:
                totals.add_close(_middle(values))
                seen = [look(-crop if bright else crop) for crop in crops(_middle(values))]
                looks += [one for one in seen if one is not None]
        progress.advance()
    wedge = find_wedge(volume)
    progress.advance()
    rows, columns = profiles.widths()
    margins = Margins(z=empty_ends(volume, flat), y=rows, x=columns)
    found = (
        findings.voxel_size(volume.voxel_size_nm),
        findings.polarity(asymmetry),
        findings.valid_region(totals, void),
        findings.not_finite(totals),
        findings.flat_slices(flat, margins, volume.shape[0]),
        findings.borders(margins),
        findings.flat_areas(totals),
        findings.saturation(totals, volume.dtype),
        findings.hot_voxels(totals),
        findings.noise(looks),
        findings.missing_wedge(wedge),
        findings.familiar(looks),
    )
    return HealthReport(
        findings=found,
        margins=margins,
        wedge=wedge,
        slices=len(places),
        valid_share=totals.valid_share,
    )


def suggested_region(report: HealthReport, volume: Volume) -> Region | None:
    """Return the volume without its empty borders; None if it has none, or nothing else."""
    shape, margins = volume.shape, report.margins
    lost = zip((margins.z, margins.y, margins.x), shape, strict=True)
    if not margins.any or any(sum(ends) >= n for ends, n in lost):
        return None
    return margins.inner(shape)


def _middle(image: NDArray[np.float32]) -> NDArray[np.float32]:
    starts = [max(0, (n - _CLOSE_PX) // 2) for n in image.shape]
    return image[starts[0] : starts[0] + _CLOSE_PX, starts[1] : starts[1] + _CLOSE_PX]
