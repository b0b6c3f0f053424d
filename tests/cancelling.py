"""A user who cancels."""

from deepsxt_core.errors import CancelledError
from deepsxt_core.progress import NoProgress


class StopAfter(NoProgress):
    """Ends a segmentation after so many slices."""

    def __init__(self, slices):
        self.left = slices

    def stage(self, name, _total, _unit, _done=0):
        # A batch puts the tomogram before the name of the stage.
        self.counting = name.endswith("Segmenting")

    def advance(self, n=1):
        self.left -= n * self.counting
        if self.left <= 0:
            raise CancelledError("Stopped.")
