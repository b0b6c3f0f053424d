"""A recipe in words, as people read it before they start it."""

from dataclasses import replace

from deepsxt_core.inference import SegmentParams
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workflow.recipe import Recipe


def has_range(recipe: Recipe) -> bool:
    """Return whether a recipe takes a part of each tomogram alone."""
    return bool(_range(recipe.segment))


def without_range(recipe: Recipe) -> Recipe:
    """Return a recipe that takes all of each tomogram: a range fits the one it was chosen for."""
    whole = SegmentParams()
    segment = replace(recipe.segment, z0=whole.z0, z1=whole.z1, crop=whole.crop)
    return replace(recipe, segment=segment)


def in_words(recipe: Recipe) -> list[str]:
    """Return what a recipe does with each tomogram, a sentence for each step."""
    surface = recipe.reconstruct
    if recipe.source == "annotation" and surface is not None:
        told = "Surfaces of the objects of the newest annotation of each tomogram"
        return [told + _changed(surface) + ".", _written(recipe)]
    found = [_segmented(recipe), f"Of each tomogram: {_range(recipe.segment) or 'all of it'}."]
    found.append("No surfaces are made." if surface is None else _surfaces(surface))
    return [*found, _written(recipe)]


def _segmented(recipe: Recipe) -> str:
    params = recipe.segment
    marks = "" if recipe.class_name is None else f" ({recipe.class_name})"
    parts = [f"Segmented by the model '{recipe.model}'{marks}", _rotations(params.rotations)]
    if params.tiling == "compat":
        parts.append("as the published software does")
    if params.bin > 1:
        parts.append(f"{params.bin}× binned")
    if params.invert is not None:
        parts.append("membranes taken as bright" if params.invert else "membranes taken as dark")
    return ", ".join(parts) + "."


def _rotations(count: int) -> str:
    return "without averaging over rotations" if count == 1 else f"averaged over {count} rotations"


def _range(params: SegmentParams) -> str:
    parts = []
    if params.z1 is not None:
        parts.append(f"slices {params.z0 + 1} to {params.z1} alone")
    elif params.z0:
        parts.append(f"slices from {params.z0 + 1} on alone")
    if params.crop is not None:
        parts.append(f"cropped to {params.crop} (z, y, x)")
    return ", ".join(parts)


def _surfaces(params: ReconstructParams) -> str:
    return f"Surfaces where the score is {params.above}{_changed(params)}."


def _changed(params: ReconstructParams) -> str:
    """Return what is done otherwise than usual, each part after a comma."""
    usual, parts = ReconstructParams(), []
    if params.smoothing_voxels != usual.smoothing_voxels:
        parts.append(f"smoothed by {params.smoothing_voxels:g} voxels")
    if params.close_gap_voxels:
        parts.append(f"gaps of up to {params.close_gap_voxels} voxels closed")
    if params.fill_lumens:
        parts.append("lumens filled")
    if params.split_voxels:
        parts.append(f"bodies that touch parted at {params.split_voxels:g} voxels")
    if params.merge:
        parts.append(f"{len(params.merge)} groups of objects merged by their ids")
    if params.min_voxels:
        parts.append(f"objects under {params.min_voxels} voxels left out")
    if params.min_volume_um3:
        parts.append(f"objects under {params.min_volume_um3:g} µm³ left out")
    if params.decimate_to < 1:
        parts.append(f"thinned to {params.decimate_to:.0%} of the faces")
    return "".join(f", {part}" for part in parts)


def _written(recipe: Recipe) -> str:
    files = [name.upper() for name in recipe.export.meshes] if recipe.reconstruct else []
    mask = recipe.export.mask
    if mask is not None:
        files.append(f"the mask as {mask.upper()}")
    if not files:
        return "No files are made ready."
    return f"Files made ready: {', '.join(files)}."
