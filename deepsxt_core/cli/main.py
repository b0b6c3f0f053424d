"""The command `deepsxt`: one module per group of commands, and what all of them have in common.

Exit codes: 0 done, 1 an error that the user can act on (one line on stderr), 2 wrong usage,
130 interrupted.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from deepsxt_core.cli import (
    annotation,
    batches,
    evaluating,
    jobs,
    models,
    segmenting,
    server,
    surfaces,
    tomograms,
    training,
)
from deepsxt_core.errors import DeepSXTError

# What a user can mend; all else that a system says is a fault of ours.
_OF_THE_SYSTEM = (
    errno.ENAMETOOLONG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ELOOP,
    errno.ESTALE,
)
_LONGEST_NAME = 120


def build_app() -> App:
    """Return the command with all that can be typed after it."""
    app = App(
        name="deepsxt",
        help="Segment cryo soft X-ray tomograms and turn their membranes into surfaces.",
        help_format="plaintext",
        version=lambda: f"deepsxt {version('deepsxt')}",
    )
    for group in (
        segmenting,
        surfaces,
        evaluating,
        tomograms,
        annotation,
        training,
        models,
        batches,
        jobs,
        server,
    ):
        group.register(app)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name in a script that the terminal cannot show is no reason to end.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    app = build_app()
    try:
        names, apps, rest = app.parse_commands(arguments)
        if not rest and apps[-1].default_command is None:
            raise SystemExit(_wrong_usage(names, "Name a command."))
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        raise SystemExit(_wrong_usage(error.command_chain or (), str(error))) from None
    except DeepSXTError as error:
        print(f"deepsxt: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # What is still in the buffer must not be tried again at the end of the process.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("deepsxt: nobody reads what is printed; the files are written", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in _OF_THE_SYSTEM:
            raise
        place = f"'{_shortened(os.fsdecode(error.filename))}': " if error.filename else ""
        print(f"deepsxt: {place}{error.strerror}. Choose another place.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("deepsxt: interrupted", file=sys.stderr)
        return 130
    return code or 0


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME // 2]}…{name[-20:]}"


def _wrong_usage(names: Sequence[str], message: str) -> int:
    command = " ".join(("deepsxt", *names))
    print(f"usage: see '{command} --help'\ndeepsxt: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
