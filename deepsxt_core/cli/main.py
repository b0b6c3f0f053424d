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
_COMMANDS = {
    "run": ("segmenting:run", "Do everything: segment, reconstruct, write meshes."),
    "segment": ("segmenting:segment", "Score a tomogram and write score and mask."),
    "reconstruct": (
        "surfaces:reconstruct",
        "Turn a score (score.ome.zarr), a mask file or an annotation into meshes.",
    ),
    "measure": (
        "surfaces:measure",
        "Measure the objects in a score (score.ome.zarr), a mask file or an annotation.",
    ),
    "export": (
        "surfaces:export",
        "Write tomogram, mask, objects, meshes and tables into one zip for Fiji and ChimeraX.",
    ),
    "report": (
        "reporting:report",
        "Write pictures, numbers and how they were made into one HTML file.",
    ),
    "film": (
        "films:film",
        "Draw a film: through all planes, round a surface, or from key frame to key frame.",
    ),
    "evaluate": (
        "evaluating:evaluate",
        "Compare a score, a mask or an annotation with the truth.",
    ),
    "info": ("tomograms:info", "Tell what a file holds."),
    "phantom": ("tomograms:phantom", "Simulate a tomogram with known truth."),
    "annotation": ("annotation:APP", "Labelled objects that are edited."),
    "finetune": ("training:finetune", "Train a model further on own labels."),
    "train": ("training:train", "Train a compact model from fresh weights."),
    "fetch": ("fetching:fetch", "Bring a public labelled data set into a folder."),
    "models": ("models:APP", "The model library."),
    "batch": ("batches:batch", "Apply one recipe to many tomograms."),
    "rerun": (
        "batches:rerun",
        "Repeat a segmentation and say whether the result is the same (exit code 1 if not).",
    ),
    "jobs": ("jobs:APP", "Long work in the workspace of the app."),
    "people": ("people:APP", "Several people on one server: who may what."),
    "doctor": (
        "doctor:doctor",
        "Tell what this installation has, what it lacks, and how to get it.",
    ),
    "app": ("server:start", "Start the web app."),
}
"""Where each command is, and its help: no module is loaded before its command is typed."""


def build_app() -> App:
    """Return the command with all that can be typed after it."""
    app = App(
        name="deepsxt",
        help="Segment cryo soft X-ray tomograms and turn their membranes into surfaces.",
        help_format="plaintext",
        version=lambda: f"deepsxt {version('deepsxt')}",
    )
    for name, (place, told) in _COMMANDS.items():
        app.command(f"deepsxt_core.cli.{place}", name=name, help=told)
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
