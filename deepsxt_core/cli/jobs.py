"""``deepsxt jobs``."""

from datetime import timedelta
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from deepsxt_core import jobs
from deepsxt_core.cli.options import Outcome, command
from deepsxt_core.parameters import plain
from deepsxt_core.workspace import Workspace

APP = App(name="jobs")
_MOST_DAYS = 36525


@APP.command(name="list")
@command
def list_them() -> Outcome:
    """List the jobs, newest first."""
    workspace = _looked_after()
    listed = [_facts(workspace, job) for job in jobs.list_jobs(workspace)]
    lines = [_line(facts) for facts in listed]
    return Outcome(lines or ["There are no jobs."], {"jobs": listed})


@APP.command
@command
def show(id: str, /) -> Outcome:
    """Tell all about a job, with what it printed."""
    workspace = _looked_after()
    return _told(workspace, jobs.read_job(workspace, id))


@APP.command
@command
def cancel(id: str, /) -> Outcome:
    """Stop a job; its finished slices are kept."""
    workspace = Workspace()
    return _state(workspace, jobs.cancel(workspace, id))


@APP.command
@command
def resume(id: str, /) -> Outcome:
    """Go on with a job that was cancelled, failed or interrupted."""
    workspace = Workspace()
    return _state(workspace, jobs.resume(workspace, id))


@APP.command
@command
def clean(
    *,
    all: Annotated[bool, Parameter(negative="")] = False,
    older_than: Annotated[float, Parameter(validator=Number(gte=0, lte=_MOST_DAYS))] = 0,
) -> Outcome:
    """Forget jobs that have ended; results stay. Tomograms deleted 14 days ago go for good.

    Parameters
    ----------
    all
        Those too whose finished slices wait for a resume.
    older_than
        Those alone that ended this many days ago, or earlier.
    """
    cleaned = jobs.clean(Workspace(), kept_slabs=all, older_than=timedelta(days=older_than))
    forgotten = [job.id for job in cleaned]
    count = len(forgotten)
    return Outcome([f"Forgot {count} job{'' if count == 1 else 's'}."], {"forgotten": forgotten})


def _looked_after() -> Workspace:
    """Return the workspace; its queue goes on where no server looks after it."""
    workspace = Workspace()
    jobs.start_waiting(workspace)
    return workspace


def _state(workspace: Workspace, job: jobs.Job) -> Outcome:
    facts = _facts(workspace, job)
    return Outcome([_line(facts)], facts)


def _told(workspace: Workspace, job: jobs.Job) -> Outcome:
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
    return Outcome(lines, facts | {"log": log})


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
