"""One HTML file that tells an analysis: pictures, numbers, how they were made, how to cite them.

It asks for nothing, holds no script, and carries its table as CSV, so that it can be read in any
browser without this program.
"""

import base64
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader

from deepsxt_core.annotation.review_state import ReviewState
from deepsxt_core.files import not_as_written, written_beside
from deepsxt_core.numerals import number_text
from deepsxt_core.review import Estimate
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.measure.classes import ClassContacts, class_totals
from deepsxt_core.surface.measure.key_numbers import ERROR_OF, KEY_QUANTITIES
from deepsxt_core.surface.measure.neighbours import CONTACT_VOXELS
from deepsxt_core.surface.measure.processes import process_columns
from deepsxt_core.surface.measure.quantities import ObjectQuantities, table
from deepsxt_core.surface.measure.tables import Measurements
from deepsxt_core.surface.surfaces import PALETTE
from deepsxt_core.versions import versions
from deepsxt_core.volume import Volume

REPORT_NAME = "report.html"
"""What a report is called in a folder of results."""

PAPER = (
    "Dyhr MCA, Sadeghi M, et al. (2023). 3D surface reconstruction of cellular cryo-soft X-ray "
    "microscopy tomograms using semisupervised deep learning. Proceedings of the National Academy "
    "of Sciences 120(24)."
)
DOI = "10.1073/pnas.2209938120"

_FLAGS = {"cut_by_border": "cut by the border", "capped": "closed by the program"}
_UNCLASSED = "without a class"
_MOST_ROWS = 2000
_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture in a report.

    Attributes
    ----------
    file : Path
        PNG or SVG; it goes into the page.
    title, caption : str
        What it shows, and with which parameters.
    """

    file: Path
    title: str
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """What a report tells.

    Attributes
    ----------
    name : str
        Of the tomogram, for people.
    tomogram : Volume
    segmentation : str
        What the objects are made of, for people.
    measurements : Measurements
    steps : mapping
        The record of each step (``run.json``), by its name, in order.
    pictures : sequence of Picture
    review : ReviewState, optional
        Of the annotation that the objects are of.
    voxel_size_error : float
        By what part of it the edge of a voxel may be off.
    """

    name: str
    tomogram: Volume
    segmentation: str
    measurements: Measurements
    steps: Mapping[str, Mapping[str, Any]]
    pictures: Sequence[Picture] = ()
    review: ReviewState | None = None
    voxel_size_error: float = 0.0


def write_report(path: Path, content: ReportContent) -> Path:
    """Write the report as HTML to `path`, and return it.

    Raises
    ------
    WriteError
        If the disk does not take it.
    """
    environment = Environment(
        loader=PackageLoader("deepsxt_core.export", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(_told(content))
    encoded = page.encode("utf-8")
    with written_beside(path, verify=partial(_require_end, len(encoded))) as beside:
        beside.write_bytes(encoded)
    return path


def _require_end(n_bytes: int, path: Path) -> None:
    if path.stat().st_size != n_bytes:
        raise not_as_written(f"{path.stat().st_size} instead of {n_bytes} bytes")


def _told(content: ReportContent) -> dict[str, Any]:
    """Return what the template needs: words and numbers, no markup."""
    found, unit = content.measurements.objects, content.measurements.surfaces.unit
    volume = content.tomogram
    columns = pd.DataFrame(table(found, unit))
    return {
        "name": content.name,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "facts": {
            "Tomogram": " × ".join(str(n) for n in reversed(volume.shape)) + " voxels (x × y × z)",
            "Voxel size": _size(volume),
            "Objects": f"{len(found)}, made of {content.segmentation}",
        },
        "warnings": _warnings(volume, content.steps),
        "pictures": [
            {
                "title": picture.title,
                "caption": picture.caption,
                "address": _address(
                    picture.file.read_bytes(), _MEDIA_TYPES[picture.file.suffix.lower()]
                ),
            }
            for picture in content.pictures
        ],
        "unit": unit,
        "classes": list(_classes(found, unit)),
        "contacts": list(_contacts(content.measurements.contacts, unit)),
        "contact_voxels": CONTACT_VOXELS,
        "chart": _address(_chart(found, unit), "image/svg+xml"),
        "headings": [quantity.heading(unit) for quantity in KEY_QUANTITIES],
        "helps": [(quantity.heading(unit), quantity.help) for quantity in KEY_QUANTITIES],
        "rows": [_row(each) for each in found[:_MOST_ROWS]],
        "left_out": max(0, len(found) - _MOST_ROWS),
        "table": _address(columns.to_csv(index=False).encode(), "text/csv"),
        "processes": process_columns(content.measurements.processes, unit),
        "states": _states(found),
        "coverage": list(_coverage(content.review)),
        "estimates": list(_estimates(content)),
        "sure": content.measurements.sentences(),
        "steps": {name.capitalize(): list(_step(record)) for name, record in content.steps.items()},
        "versions": versions(),
        "paper": PAPER,
        "doi": DOI,
    }


def _size(volume: Volume) -> str:
    size = volume.voxel_size_nm
    if size is None:
        return "not known: all lengths are in voxels"
    return f"{size.x:g} × {size.y:g} × {size.z:g} nm (x × y × z)"


def _warnings(volume: Volume, steps: Mapping[str, Mapping[str, Any]]) -> list[str]:
    told = [*volume.warnings, *(w for record in steps.values() for w in record.get("warnings", ()))]
    return list(dict.fromkeys(str(warning) for warning in told))


def _row(found: ObjectQuantities) -> dict[str, Any]:
    flags = [words for name, words in _FLAGS.items() if getattr(found, name)]
    return {
        "object": found.object,
        "name": found.name or "",
        "class_name": found.class_name or "",
        "values": [
            number_text(
                getattr(found, quantity.name),
                getattr(found, ERROR_OF.get(quantity.name, ""), None),
            )
            for quantity in KEY_QUANTITIES
        ],
        "flags": ", ".join(filter(None, [found.measured, found.state, *flags])),
    }


def _classes(found: Sequence[ObjectQuantities], unit: Unit) -> Iterator[dict[str, str]]:
    for group in class_totals(found):
        yield {
            "Class": group.name or _UNCLASSED,
            "Objects": f"{group.objects}",
            f"Volume ({unit}³)": number_text(group.volume, group.volume_error),
            f"Enclosed volume ({unit}³)": number_text(group.enclosed_volume),
            f"Area ({unit}²)": number_text(group.area, group.area_error),
            f"Median diameter ({unit})": number_text(group.median_diameter),
        }


def _contacts(found: Sequence[ClassContacts], unit: Unit) -> Iterator[dict[str, str]]:
    for pair in found:
        yield {
            "Class": pair.name,
            "To": pair.other,
            "Touching": f"{pair.touching} of {pair.objects}",
            f"Contact area ({unit}²)": number_text(pair.contact_area),
            f"Median gap ({unit})": number_text(pair.median_gap),
            f"Smallest gap ({unit})": number_text(pair.smallest_gap),
        }


def _states(found: Sequence[ObjectQuantities]) -> dict[str, int]:
    """Return how many objects are in which state of review."""
    return dict(Counter(each.state or "not said" for each in found).most_common())


def _coverage(review: ReviewState | None) -> Iterator[str]:
    """Yield how far a review has come, in sentences."""
    if review is None:
        return
    yield f"Reviewed: {review.plan.class_name or 'all objects'}."
    for name, seen in (("tiles of slices", review.tiles), ("objects", review.objects)):
        yield (
            f"Of {seen.all:,} {name}, {seen.sampled} of the random sample and {seen.targeted} "
            f"others were decided, {seen.doubtful} are doubtful."
        )


def _estimates(content: ReportContent) -> Iterator[dict[str, str]]:
    review = content.review
    if review is None:
        return
    relative = content.voxel_size_error if review.unit == "µm" else 0.0
    for one in review.estimates:
        if one.value is not None:
            unit = review.unit_of(one.name)
            yield {
                "Of the whole tomogram": one.name.capitalize() + (unit and f" ({unit})"),
                "Estimate": number_text(one.value),
                "95 % interval": _span(one),
                f"With ± {relative:.2g} of the voxel size": _span(one.with_size_error(relative)),
                "Without the review": number_text(one.machine),
            }


def _span(one: Estimate) -> str:
    return f"{number_text(one.low)} to {number_text(one.high)}"


def _step(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a step was done with, as pairs of words."""
    model = record.get("model")
    if isinstance(model, Mapping):
        yield "model", f"{model.get('name')}, SHA-256 {model.get('sha256')}"
    for name in ("input_sha256", "engine", "device", "seconds"):
        if record.get(name) is not None:
            yield name, str(record[name])
    source = record.get("source")
    if isinstance(source, Mapping) and source.get("sha256"):
        yield "input SHA-256", str(source["sha256"])
    for name, value in dict(record.get("params", {})).items():
        yield name, "–" if value is None else str(value)


def _address(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _chart(found: Sequence[ObjectQuantities], unit: Unit) -> bytes:
    """Draw how the diameters are distributed, by class, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    counted = Counter(each.class_name or _UNCLASSED for each in found)
    names = [name for name, _ in counted.most_common(len(PALETTE))]
    diameters = [
        [each.equivalent_diameter for each in found if (each.class_name or _UNCLASSED) == name]
        for name in names
    ]
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.hist(
        diameters,
        bins="auto" if len(names) == 1 and len(found) > 1 else 20,
        stacked=True,
        color=[tuple(colour / 255) for colour in PALETTE[: len(names)]],
        label=names,
    )
    axes.set_xlabel(f"Diameter ({unit})")
    axes.set_ylabel("Objects")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    if len(names) > 1:
        axes.legend(frameon=False)
    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "deepsxt"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
