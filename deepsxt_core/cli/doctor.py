"""``deepsxt doctor``."""

from dataclasses import asdict

from deepsxt_core import access, settings
from deepsxt_core.access import Access
from deepsxt_core.cli.options import Outcome, command


@command
def doctor() -> Outcome:
    """Tell what this installation has, what it lacks, and how to get it."""
    from deepsxt_core.workflow.checkup import as_text, check_up

    people = settings.people_folder()
    with access.given(None if people is None else Access(folder=people)):
        items = check_up()
    report = {"items": [asdict(item) for item in items]}
    failed = any(item.level == "problem" for item in items)
    return Outcome(as_text(items).splitlines(), report, exit_code=int(failed))
