"""What `deepsxt jobs | batch | rerun` do: lines for people and an object for `--json`."""

import argparse
from collections import Counter
from typing import Any

from deepsxt_core import jobs
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.workflow.batch import SUMMARY_NAME, run_batch
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.rerun import rerun
from deepsxt_core.workspace import Workspace

Outcome = tuple[list[str], dict[str, Any]]


def jobs_command(args: argparse.Namespace) -> Outcome:
    """Do what ``args.action`` says with the jobs of the workspace."""
    workspace = Workspace()
    if args.action in ("list", "show"):
        # The queue goes on where no server looks after it.
        jobs.start_waiting(workspace)
    match args.action:
        case "list":
            listed = [_facts(workspace, job) for job in jobs.list_jobs(workspace)]
            lines = [_line(facts) for facts in listed]
            return lines or ["There are no jobs."], {"jobs": listed}
        case "show":
            return _show(workspace, jobs.read_job(workspace, args.id))
        case "clean":
            forgotten = [job.id for job in jobs.clean(workspace, kept_slabs=args.all)]
            count = len(forgotten)
            return [f"Forgot {count} job{'' if count == 1 else 's'}."], {"forgotten": forgotten}
        case "cancel":
            job = jobs.cancel(workspace, args.id)
        case "resume":
            job = jobs.resume(workspace, args.id)
    facts = _facts(workspace, job)
    return [_line(facts)], facts


def batch_command(args: argparse.Namespace, progress: Progress) -> Outcome:
    """Apply ``args.recipe`` to ``args.files``; the object says how many failed."""
    recipe = Recipe.read(args.recipe)
    rows = run_batch(args.files, recipe, args.out, progress, scheduler=args.scheduler)
    counts = Counter(row["status"] for row in rows)
    lines = [
        f"{row['status']:6}  {row['file']}" + (f"\n        {row['error']}" if row["error"] else "")
        for row in rows
    ]
    lines.append(
        f"{counts['done']} done, {counts['kept']} done before, {counts['failed']} failed; "
        f"table: {args.out / SUMMARY_NAME}"
    )
    totals = {name: counts[name] for name in ("done", "kept", "failed")}
    return lines, {"summary": str(args.out / SUMMARY_NAME), **totals, "files": rows}


def rerun_command(args: argparse.Namespace, progress: Progress) -> Outcome:
    """Repeat ``args.run`` and compare."""
    report = rerun(args.run, args.out, progress)
    lines = ["The result is the same." if report["same"] else "The result differs."]
    if not report["same"] and report["different_fraction"] is not None:
        lines.append(
            f"{report['different_fraction']:.3%} of the voxels score otherwise, by at most "
            f"{report['largest_difference']:.3f}; {report['flipped_fraction']:.3%} change sides "
            "of 0."
        )
    lines += [f"  {name}: {old} then, {new} now" for name, (old, new) in report["changed"].items()]
    return lines, report


def _show(workspace: Workspace, job: jobs.Job) -> Outcome:
    facts = _facts(workspace, job)
    lines = [_line(facts)]
    if facts["remaining_s"] is not None:
        lines.append(f"  left     about {facts['remaining_s']:.0f} s")
    if facts["units_per_s"] is not None:
        lines.append(f"  pace     {_pace(facts)}")
    if facts["peak_memory_bytes"] is not None:
        lines.append(f"  memory   {facts['peak_memory_bytes'] / 1e9:.2f} GB at most")
    if facts["kept"]:
        lines.append(f"  kept     {facts['kept']} wait for a resume")
    if job.status.error:
        lines.append(f"  error    {job.status.error}")
    log = jobs.job_log(job)
    if log:
        lines += ["", log.rstrip()]
    return lines, facts | {"log": log}


def _facts(workspace: Workspace, job: jobs.Job) -> dict[str, Any]:
    status = job.status
    _, name = jobs.title(workspace, job)
    return {
        "id": job.id,
        "state": job.state,
        "kind": job.kind,
        "tomogram": job.tomogram,
        "name": name,
        "params": plain(job.request),
        "created": job.created.isoformat(),
        "stage": status.stage,
        "done": status.done,
        "total": status.total,
        "unit": status.unit,
        "remaining_s": status.remaining_s,
        "units_per_s": status.units_per_s,
        "peak_memory_bytes": status.peak_memory_bytes,
        "error": status.error,
        "result": status.result,
        "kept_slices": 0 if job.active else jobs.kept_slices(workspace, job),
        "kept": "" if job.active or job.state == "done" else jobs.kept_note(workspace, job),
    }


def _line(facts: dict[str, Any]) -> str:
    progress, name = _count(facts) if facts["total"] else "", facts["name"]
    return f"{facts['id']}  {facts['state']:11}  {facts['kind']:11}  {progress:16}  {name}".rstrip()


def _count(facts: dict[str, Any]) -> str:
    if facts["unit"] == "B":
        return f"{facts['done'] / 1e6:.0f}/{facts['total'] / 1e6:.0f} MB"
    return f"{facts['done']}/{facts['total']} {facts['unit']}s"


def _pace(facts: dict[str, Any]) -> str:
    if facts["unit"] == "B":
        return f"{facts['units_per_s'] / 1e6:.3g} MB per second"
    return f"{facts['units_per_s']:.3g} {facts['unit']}s per second"
