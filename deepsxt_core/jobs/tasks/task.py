"""What a kind of job is: its recipe, its work, and the device that it occupies.

A recipe names all that the result depends on, with every default filled in, so that the same
wish is recognised however it is expressed. What a task needs from the rest of the core is
imported when it is used: pages that only look at jobs pay neither for TensorFlow nor for VTK.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import ResultKind, Tomogram, Workspace

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """What jobs share: of those that occupy the same, `slots` work at a time.

    Attributes
    ----------
    name : str
        Of its lock files in the workspace's jobs folder.
    slots : int
        How many jobs may work at once.
    """

    name: str
    slots: int = 1


NETWORK = Device("network")
"""Where networks compute: the graphics card, or all cores where there is none."""

PROCESSOR = Device("processor", max(1, (os.cpu_count() or 1) // 2))
"""For what is done on the processor alone, and must not wait for hours behind a network."""

DOWNLOAD = Device("download")
"""The line to the outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of job, on a tomogram or on the workspace as a whole.

    The functions get the `Tomogram` of the request, or the `Workspace` where the task makes no
    result of a tomogram.

    Attributes
    ----------
    title : str
        What people call it, such as "Segmentation".
    device : Device
        What it occupies.
    recipe : callable
        ``recipe(subject, params)`` checks the parameters and returns all that the result
        depends on.
    run : callable
        ``run(subject, params, out, progress)`` does the work. `out` is a folder of its own, which
        a resumed job finds as it was left; the last file written there is ``run.json``.
    result_kind : ResultKind or None
        What it makes of a tomogram: `out` becomes that result. None for work whose fruit lies
        elsewhere, such as a model in the library; `out` is then a folder of the job.
    check : callable, optional
        ``check(subject, params)`` raises a `DeepSXTError` if there is too little room.
    subject_name : callable, optional
        ``subject_name(params)`` says what is worked on, where that is no tomogram.
    kept : callable, optional
        ``kept(out)`` says what is finished of a job that ended early, such as "12 finished
        slices"; an empty text if there is nothing.
    """

    title: str
    device: Device
    recipe: Callable[[Any, Params], dict[str, Any]]
    run: Callable[[Any, Params, Path, Progress], None]
    result_kind: ResultKind | None = None
    check: Callable[[Any, Params], None] | None = None
    subject_name: Callable[[Params], str] | None = None
    kept: Callable[[Path], str] | None = None

    def subject(self, workspace: Workspace, tomogram_id: str | None) -> Tomogram | Workspace:
        """Return what the functions are called with.

        Raises
        ------
        DeepSXTError
            If the task works on a tomogram and there is none of that id.
        """
        return workspace if self.result_kind is None else workspace.tomogram(tomogram_id or "")


def required(params: Params, name: str, meaning: str) -> tuple[str, dict[str, Any]]:
    """Return the text `params` has under `name`, and all other parameters.

    Raises
    ------
    InvalidParameterError
        If it is missing or no text.
    """
    rest = dict(params)
    value = rest.pop(name, None)
    if not isinstance(value, str):
        raise InvalidParameterError(f"The job needs '{name}', {meaning}: got {value!r}.")
    return value, rest


def checked(params_type: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Return ``params_type(**values)``.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or a parameter is not known.
    """
    try:
        return params_type(**values)
    except TypeError as error:
        raise InvalidParameterError(f"A parameter of the job is not known: {error}.") from error
