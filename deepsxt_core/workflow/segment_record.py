"""What a segmentation writes down: what it was made from and how, and what it came to."""

from dataclasses import asdict
from typing import Any

from deepsxt_core.fingerprints import content_sha256
from deepsxt_core.inference import (
    Predictor,
    Preparation,
    RemotePredictor,
    SegmentParams,
    SegmentSummary,
)
from deepsxt_core.network import ModelInfo
from deepsxt_core.versions import versions
from deepsxt_core.volume import Volume


def describe(volume: Volume) -> dict[str, Any]:
    """Return what is known about a volume, ready for JSON."""
    return {
        "path": str(volume.path) if volume.path else None,
        "format": volume.format,
        "dataset": volume.dataset,
        "shape": list(volume.shape),
        "dtype": str(volume.dtype),
        "voxel_size_nm": list(volume.voxel_size_nm) if volume.voxel_size_nm else None,
        "origin_nm": list(volume.origin_nm),
        "axes": list(volume.axes),
        "warnings": list(volume.warnings),
    }


def source_of(volume: Volume, sha256: str | None) -> dict[str, Any]:
    """Return which file was segmented; its path in full, as the record is read elsewhere too."""
    path = volume.path
    if sha256 is None and path is not None and path.exists():
        sha256 = content_sha256(path)
    return {"path": str(path.resolve()) if path else None, "sha256": sha256}


def warnings_of(
    volume: Volume,
    preparation: Preparation,
    predictor: Predictor | RemotePredictor,
    summary: SegmentSummary,
) -> list[str]:
    """Return what people should know about a score, in sentences."""
    warnings = list(volume.warnings)
    if preparation.rescaling is not None:
        warnings.append(preparation.rescaling.note)
    if isinstance(predictor, RemotePredictor) and len(predictor.devices) > 1:
        warnings.append(
            f"Workers with different devices ({', '.join(sorted(predictor.devices))}) scored this "
            "tomogram; another run may differ in the last digit."
        )
    intensity = preparation.intensity
    if not intensity.has_void:
        warnings.append(
            f"In {1 - intensity.valid_share:.0%} of the voxels nothing seems to have been measured "
            "(one value that reaches the border of the slices). As that is nearly all, they were "
            "taken as data; if they are none, give their grey value (void_value)."
        )
    if summary.void_voxels:
        warnings.append(
            f"{summary.void_voxels / summary.voxels:.1%} of the voxels lie where nothing was "
            "measured (one value that reaches the border of the slices, NaN, or the value that was "
            "given); nothing is marked there."
        )
    if summary.nonfinite_voxels:
        warnings.append(
            f"{summary.nonfinite_voxels:,} of {summary.voxels:,} values were not finite "
            "(NaN or infinite) and counted as the median."
        )
    return warnings


def segment_recipe(
    read: dict[str, Any],
    model: ModelInfo,
    params: SegmentParams,
    preparation: Preparation,
    device: str,
    engine: str,
) -> dict[str, Any]:
    """Return all that a score depends on, as JSON gives it back: compared on a resume.

    `read` describes the volume, with the hash of its file.
    """
    rescaling = preparation.rescaling
    return {
        "params": asdict(params),
        "input": read,
        "model": {"name": model.name, "sha256": model.sha256()},
        "z": list(params.z_range(read["shape"][0])),
        "inverted": preparation.invert,
        "intensity": asdict(preparation.intensity),
        "rescaling": rescaling
        and {name: list(values) for name, values in asdict(rescaling).items()},
        "device": device,
        "engine": engine,
        "versions": versions(),
    }


def counted(summary: SegmentSummary) -> dict[str, Any]:
    """Return what a run came to, for its record."""
    return {
        "nonfinite_voxels": summary.nonfinite_voxels,
        "void_voxels": summary.void_voxels,
        "positive_fraction": summary.positive_voxels / summary.voxels,
        "seconds_per_slice": summary.seconds_per_slice,
    }
