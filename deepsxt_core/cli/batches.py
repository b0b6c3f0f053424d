"""``deepsxt batch | rerun``."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deepsxt_core import settings
from deepsxt_core.cli.opening import import_keras_silently
from deepsxt_core.cli.options import Outcome, OutFolder, command
from deepsxt_core.cli.segmenting import Scheduler
from deepsxt_core.files import keep_apart, prepare_folder
from deepsxt_core.progress import Progress


@command
def batch(
    files: list[Path],
    /,
    *,
    recipe: Annotated[Path, Parameter(metavar="FILE.toml")],
    out: OutFolder,
    scheduler: Scheduler = None,
    progress: Progress,
) -> Outcome:
    """Apply one recipe to many tomograms.

    Parameters
    ----------
    files
        Tomograms: TIFF, MRC, HDF5, …
    recipe
        What to do with each.
    """
    from deepsxt_core.workflow.batch import SUMMARY_NAME, folder_names, run_batch
    from deepsxt_core.workflow.batch_totals import outliers, totals
    from deepsxt_core.workflow.recipe import Recipe

    wanted = Recipe.read(recipe)
    places = ("recipe.toml", SUMMARY_NAME, *folder_names(files))
    keep_apart([recipe, *files], [out / name for name in places])
    prepare_folder(out)
    import_keras_silently()
    rows = run_batch(files, wanted, out, progress, scheduler=scheduler or settings.scheduler())
    counts = Counter(row["status"] for row in rows)
    lines = [
        f"{row['status']:6}  {row['file']}" + (f"\n        {row['error']}" if row["error"] else "")
        for row in rows
    ]
    sums, unlike = totals(rows), outliers(rows)
    lines += [
        f"unlike  {rows[n]['file']}: {reason}" for n in unlike for reason in unlike[n].values()
    ]
    if sums["finished"]:
        lines.append(_told(sums))
    lines.append(
        f"{counts['done']} done, {counts['kept']} done before, {counts['failed']} failed; "
        f"table: {out / SUMMARY_NAME}"
    )
    for number, reasons in unlike.items():
        rows[number]["unlike"] = list(reasons.values())
    by_status = {name: counts[name] for name in ("done", "kept", "failed")}
    return Outcome(
        lines,
        {"summary": str(out / SUMMARY_NAME), **by_status, "totals": sums, "files": rows},
        1 if counts["failed"] else 0,
    )


def _told(sums: dict[str, Any]) -> str:
    """Return what all finished tomograms come to, in one line."""
    parts = [
        f"{sums[name]:{form}} {unit}"
        for name, form, unit in (
            *(("slices", "d", "slices"), ("objects", "d", "objects")),
            *(("volume_um3", ".4g", "µm³"), ("area_um2", ".4g", "µm²"), ("seconds", ".1f", "s")),
        )
        if sums[name] is not None
    ]
    if sums["without_size"]:
        parts.append(f"{sums['without_size']} without a voxel size, and so without a volume")
    return f"in all: {', '.join(parts)}"


@command
def rerun(
    run: Annotated[Path, Parameter(metavar="RUN_JSON")],
    /,
    *,
    out: Annotated[Path | None, Parameter(metavar="DIR")] = None,
    progress: Progress,
) -> Outcome:
    """Repeat a segmentation and say whether the result is the same (exit code 1 if not).

    Parameters
    ----------
    run
        The run.json beside a score.ome.zarr.
    out
        Keep the new result here.
    """
    from deepsxt_core.workflow.rerun import rerun as repeat

    if out is not None:
        prepare_folder(out)
    import_keras_silently()
    report = repeat(run, out, progress)
    lines = ["The result is the same." if report["same"] else "The result differs."]
    if not report["same"] and report["different_fraction"] is not None:
        lines.append(
            f"{report['different_fraction']:.3%} of the voxels score otherwise, by at most "
            f"{report['largest_difference']:.3f}; {report['flipped_fraction']:.3%} change sides "
            "of 0."
        )
    lines += [f"  {name}: {old} then, {new} now" for name, (old, new) in report["changed"].items()]
    return Outcome(lines, report, 0 if report["same"] else 1)
