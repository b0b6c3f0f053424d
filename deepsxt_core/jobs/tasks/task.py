"""What a kind of job is: what identifies its result, its work, and the device that it occupies.

What a task needs from the rest of the core is imported when it is used: pages that only look at
jobs pay neither for TensorFlow nor for VTK.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsxt_core.jobs.outlook import UsualStages
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, ResultKind, Tomogram, Workspace


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

    The functions get the `Tomogram` of the job, or the `Workspace` where the task makes no
    result of a tomogram, and the request, of the class that belongs to the kind.

    Attributes
    ----------
    title : str
        What people call it, such as "Segmentation".
    device : Device
        What it occupies.
    identity : callable
        ``identity(subject, request)`` returns all that the result depends on, with every default
        filled in, so that the same wish is recognised however it is expressed. It raises a
        `DeepSXTError` if something of that is not there, or is not what it was.
    run : callable
        ``run(subject, request, out, progress)`` does the work. `out` is a folder of its own, which
        a resumed job finds as it was left; the last file written there is ``run.json``.
    result_kind : ResultKind or None
        What it makes of a tomogram: `out` becomes that result. None for work whose fruit lies
        elsewhere, such as a model in the library; `out` is then a folder of the job.
    check : callable, optional
        ``check(subject, request)`` raises a `DeepSXTError` if there is too little room.
    subject_name : callable, optional
        ``subject_name(request)`` says what is worked on, where that is no tomogram.
    kept : callable, optional
        ``kept(out)`` says what is finished of a job that ended early, such as "12 finished
        slices"; an empty text if there is nothing.
    stages : sequence of (str, float)
        What it usually does one after the other, and how long that takes, relative to each other.
    """

    title: str
    device: Device
    identity: Callable[[Any, Any], Identity]
    run: Callable[[Any, Any, Path, Progress], None]
    result_kind: ResultKind | None = None
    check: Callable[[Any, Any], None] | None = None
    subject_name: Callable[[Any], str] | None = None
    kept: Callable[[Path], str] | None = None
    stages: UsualStages = ()

    def subject(self, workspace: Workspace, tomogram_id: str | None) -> Tomogram | Workspace:
        """Return what the functions are called with.

        Raises
        ------
        DeepSXTError
            If the task works on a tomogram and there is none of that id.
        """
        return workspace if self.result_kind is None else workspace.tomogram(tomogram_id or "")
