"""The errors that DeepSXT raises on purpose.

DeepSXTError                     anything a user can understand and act on
├── InvalidParameterError        a parameter is out of its range
├── VolumeError                  a file cannot serve as a tomogram
│   ├── UnreadableFileError      empty, truncated, of an unknown format, missing
│   ├── NotATomogramError        readable, but something else: RGB, time series, tilt series
│   └── DatasetChoiceError       holds several candidates; one must be named
│       └── PartChoiceError      holds channels or times, so that it is not one tomogram either
├── ModelError                   a model folder is incomplete, unknown or invalid
│   └── WeightsMismatchError     a weight file does not fit the network
├── EmptySurfaceError            nothing is left to reconstruct
├── DrawingError                 a surface cannot be drawn here
├── TrainingDataError            a training set cannot be used
├── AnnotationError              an annotation is damaged, or does not fit its journal
│   └── LeaseError               somebody else edits the annotation
├── NoRoomError                  a file is larger than is allowed, or than the disk has room for
├── WriteError                   a file cannot be written whole: the disk is full or read-only
├── BusyError                    too much is going on here; the same request works later
├── NotAllowedError              who asks is not signed in, or may only look
├── JobError                     a job cannot be started, found or read
└── CancelledError               the user asked to stop

The core raises them; only the command line and the pages catch `DeepSXTError` and show
its text. Every other exception is a bug and keeps its traceback.
"""


class DeepSXTError(Exception):
    """Base of all errors whose message is meant for the user."""


class InvalidParameterError(DeepSXTError, ValueError):
    """A parameter is out of its range."""


class VolumeError(DeepSXTError):
    """A file cannot serve as a tomogram."""


class UnreadableFileError(VolumeError):
    """A file is missing, empty, truncated or of an unknown format."""


class NotATomogramError(VolumeError):
    """A file is readable but holds something other than a tomogram."""


class DatasetChoiceError(VolumeError):
    """A file holds several candidate volumes and one must be named.

    Attributes
    ----------
    candidates : tuple of str
        The names to choose from.
    """

    def __init__(self, message: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class PartChoiceError(DatasetChoiceError, NotATomogramError):
    """A file holds channels, time points or the like; one of them must be named.

    Attributes
    ----------
    letters : str
        What there are several of, in the order of the numbers in the names: ``c`` for channels,
        ``t`` for time points.
    """

    def __init__(self, message: str, candidates: tuple[str, ...], letters: str = "") -> None:
        super().__init__(message, candidates)
        self.letters = letters


class ModelError(DeepSXTError):
    """A model is incomplete, unknown or invalid."""


class WeightsMismatchError(ModelError):
    """A weight file does not fit the network that it is loaded into."""


class EmptySurfaceError(DeepSXTError):
    """No surface is left after threshold and filters."""


class DrawingError(DeepSXTError):
    """A picture of a surface cannot be drawn on this computer, or not in time."""


class TrainingDataError(DeepSXTError):
    """A training set cannot be used."""


class AnnotationError(DeepSXTError):
    """An annotation is damaged, or does not fit its journal."""


class LeaseError(AnnotationError):
    """Somebody else edits the annotation."""


class NoRoomError(DeepSXTError):
    """A file is larger than is allowed, or than the disk has room for."""


class WriteError(DeepSXTError):
    """A file cannot be written whole, most often because its disk is full or read-only."""


class BusyError(DeepSXTError):
    """Too much is going on here; the same request works later."""


class NotAllowedError(DeepSXTError):
    """Who asks is not signed in, or may only look."""


class JobError(DeepSXTError):
    """A job cannot be started, found or read."""


class CancelledError(DeepSXTError):
    """The user asked to stop."""
