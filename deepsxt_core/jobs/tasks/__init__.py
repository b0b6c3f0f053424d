"""The kinds of jobs. A new one is a module here, a line below, and its class of requests."""

from deepsxt_core.jobs.kinds import JobKind
from deepsxt_core.jobs.tasks.annotate import ANNOTATE
from deepsxt_core.jobs.tasks.batch import BATCH
from deepsxt_core.jobs.tasks.bundle import BUNDLE
from deepsxt_core.jobs.tasks.evaluate import EVALUATE
from deepsxt_core.jobs.tasks.film import FILM
from deepsxt_core.jobs.tasks.install import INSTALL
from deepsxt_core.jobs.tasks.measure import MEASURE
from deepsxt_core.jobs.tasks.propose import PROPOSE
from deepsxt_core.jobs.tasks.reconstruct import RECONSTRUCT
from deepsxt_core.jobs.tasks.report import REPORT
from deepsxt_core.jobs.tasks.segment import SEGMENT, segment_estimate
from deepsxt_core.jobs.tasks.task import NETWORK, PROCESSOR, Device, Task
from deepsxt_core.jobs.tasks.train import TRAIN

TASKS: dict[JobKind, Task] = {
    "segment": SEGMENT,
    "reconstruct": RECONSTRUCT,
    "measure": MEASURE,
    "install": INSTALL,
    "bundle": BUNDLE,
    "report": REPORT,
    "train": TRAIN,
    "evaluate": EVALUATE,
    "batch": BATCH,
    "annotate": ANNOTATE,
    "propose": PROPOSE,
    "film": FILM,
}

__all__ = ["NETWORK", "PROCESSOR", "TASKS", "Device", "Task", "segment_estimate"]
