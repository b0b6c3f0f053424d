"""``deepsxt report``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deepsxt_core.annotation import is_annotation, open_annotation
from deepsxt_core.annotation.review_state import review_state
from deepsxt_core.cli.opening import open_part, open_source
from deepsxt_core.cli.options import Dataset, Outcome, VoxelSizeNm, command
from deepsxt_core.cli.surfaces import segment_record
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import keep_apart, prepare_file
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.io.readers.choosing import PartParams
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ProcessParams, ReconstructParams, UncertaintyParams


@command
def report(
    input: Path,
    /,
    *,
    score: Annotated[Path, Parameter(metavar="PATH")],
    out: Annotated[Path, Parameter(metavar="FILE.html")],
    dataset: Dataset = None,
    voxel_size_nm: VoxelSizeNm = None,
    part: PartParams,
    surface: ReconstructParams,
    processes: ProcessParams,
    uncertainty: UncertaintyParams,
    progress: Progress,
) -> Outcome:
    """Write pictures, numbers and how they were made into one HTML file.

    Parameters
    ----------
    input
        Tomogram: TIFF, MRC, HDF5, OME-Zarr, …
    score
        What was segmented in it: score.ome.zarr, an annotation, or a mask file.
    out
        File to write.
    """
    from deepsxt_core.workflow.reporting import report as write

    keep_apart([input, score], [out])
    if out.suffix.lower() not in (".html", ".htm"):
        raise InvalidParameterError(f"A report is an HTML file: end --out in .html, got '{out}'.")
    tomogram = open_part(input, dataset, voxel_size_nm, part)
    source = open_source(score, None, voxel_size_nm, threshold=surface.threshold)
    if tomogram.shape[0] == 1:
        raise InvalidParameterError(
            "A report is of surfaces, and a single slice has none: use 'deepsxt measure', which "
            "writes the areas of a slice as tables."
        )
    prepare_file(out)
    # An annotation may change: it is read as it is at the beginning.
    with unchanged(None if is_annotation(score) else score), unchanged(input):
        path = write(
            *(out, tomogram, source, surface, processes, progress),
            name=input.name,
            steps=segment_record(source),
            review=review_state(open_annotation(score)) if is_annotation(score) else None,
            uncertainty=uncertainty,
        )
    size = path.stat().st_size
    return Outcome([f"Report {path}, {size / 1e6:.1f} MB"], {"file": str(path), "bytes": size})
