"""``deepsxt info | phantom``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from deepsxt_core.cli.opening import open_noted
from deepsxt_core.cli.options import Dataset, Outcome, VoxelSizeNm, command, option
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import prepare_file
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import list_datasets, looks_like_labels, write_volume, writer_for
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.numerals import number_text
from deepsxt_core.phantom import PRESETS, PhantomParams
from deepsxt_core.preprocessing.validity import VoidRule
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Volume

Void = Annotated[bool, option(SegmentParams, "void")]
VoidValue = Annotated[float | None, option(SegmentParams, "void_value")]
_MARKS = {"ok": " ", "notice": "!", "warning": "‼"}


@command
def info(
    input: Path,
    /,
    *,
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
    health: bool = False,
    void: Void = True,
    void_value: VoidValue = None,
    progress: Progress,
) -> Outcome:
    """Tell what a file holds.

    Parameters
    ----------
    input
        Tomogram: TIFF, MRC, HDF5, OME-Zarr, …
    health
        Look at the voxels too: contrast, borders, noise, missing wedge, …
    """
    from deepsxt_core.preprocessing import check_health
    from deepsxt_core.workflow.segment_record import describe

    volume = open_noted(input, dataset, voxel_size_nm, part)
    report = describe(volume) | {"labels": looks_like_labels(volume)}
    lines = _file_text(input, volume, report["labels"])
    if health:
        found = check_health(volume, progress, VoidRule(void, void_value))
        report["health"] = found.to_dict()
        lines += ["", "health"]
        lines += [f"  {_MARKS[finding.level]} {finding}" for finding in found.findings]
    return Outcome(lines, report)


def _file_text(path: Path, volume: Volume, has_labels: bool) -> list[str]:
    size = volume.voxel_size_nm
    lines = [
        f"{path}: {volume.format}" + (f", dataset {volume.dataset}" if volume.dataset else ""),
        f"  size        {' × '.join(map(str, volume.shape))} voxels (z, y, x), {volume.dtype}",
        "  voxel size  "
        + (f"{size.z:g} × {size.y:g} × {size.x:g} nm (z, y, x)" if size else "not in the file"),
    ]
    if size:
        extent = [n * edge / 1000 for n, edge in zip(volume.shape, size, strict=True)]
        lines.append(
            "  extent      "
            + " × ".join(number_text(length, digits=3) for length in extent)
            + " µm"
        )
    if any(volume.origin_nm):
        places = " × ".join(f"{place:g}" for place in volume.origin_nm)
        lines.append(f"  origin      {places} nm (z, y, x)")
    if has_labels:
        lines.append("  content     labels: few integers in flat regions, no grey values")
    if volume.geometry.is_mirrored:
        lines.append("  axes        " + ", ".join(volume.axes) + ": mirrored")
    datasets = list_datasets(path)
    if len(datasets) > 1:
        lines.append("  datasets    " + ", ".join(name for name, *_ in datasets))
    return lines


@command
def phantom(
    *,
    out: Annotated[Path, Parameter(metavar="FILE")],
    preset: Literal["hzb", "mistral", "b24"] | None = None,
    params: Annotated[dict[str, Any], PhantomParams, "as the preset"],
    progress: Progress,
) -> Outcome:
    """Simulate a tomogram with known truth.

    Parameters
    ----------
    out
        Tomogram to write: .tif, .mrc, .ome.zarr, … Its truth is written beside it.
    preset
        Measure the cell with a microscope like this one; left out, a quick sample is painted,
        which --seed alone changes.
    """
    from deepsxt_core.workflow.simulation import write_phantom

    wanted = replace(PRESETS[preset] if preset else PhantomParams(), **params)
    writer_for(out)
    prepare_file(out)
    if preset is None:
        return _quick_phantom(out, wanted.seed, params, progress)
    files = write_phantom(wanted, out, progress)
    return Outcome(
        [f"{out}: {' × '.join(map(str, wanted.shape))} voxels"]
        + [f"{name:10} {path}" for name, path in files.items()],
        {name: str(path) for name, path in files.items()} | {"shape": list(wanted.shape)},
    )


def _quick_phantom(out: Path, seed: int, given: dict[str, Any], progress: Progress) -> Outcome:
    from deepsxt_core.phantom import sample_tomogram

    options = ["--" + name.replace("_", "-") for name in given if name != "seed"]
    if options:
        raise InvalidParameterError(
            f"The quick sample has no {', '.join(options)}: choose a microscope by --preset."
        )
    truth_path = out.with_name(f"{out.stem}.truth.tif")
    progress.stage("Simulating", 1, "tomogram")
    array, truth, voxel_size_nm = sample_tomogram(seed)
    write_volume(Volume.from_array(array, voxel_size_nm), out)
    write_volume(Volume.from_array(truth.astype("uint8"), voxel_size_nm), truth_path)
    progress.advance()
    return Outcome(
        [f"{out}: {' × '.join(map(str, array.shape))} voxels; truth: {truth_path}"],
        {"tomogram": str(out), "truth": str(truth_path), "shape": list(array.shape)},
    )
