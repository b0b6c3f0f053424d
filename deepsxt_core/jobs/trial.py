"""Try a model on one slice, in a process that stays warm for the next try.

Loading a network and measuring a tomogram takes longer than scoring a slice, and neither belongs
into the process that draws pages: what it holds there stays, and what breaks there breaks the app.
So one process answers all tries in a workspace, one after the other. It ends by itself when nobody
has asked for some minutes, when it holds too much memory, and with whoever started it: what it
reads from is closed then. A try in another workspace gets a process of its own.
"""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.child_process import child_environment, end_in_words
from deepsxt_core.errors import CancelledError, DeepSXTError
from deepsxt_core.inference.params import SegmentParams
from deepsxt_core.parameters import plain
from deepsxt_core.workspace import Tomogram

COMMAND = (sys.executable, "-X", "faulthandler", "-m", "deepsxt_core.jobs.trial_worker")


class Tried(NamedTuple):
    """One slice that was tried.

    Attributes
    ----------
    scores : ndarray
        (y, x), float32 in [-1, 1]; (y, x, classes) where the model finds several.
    seconds : float
        What scoring it took, with nothing that is done once.
    """

    scores: NDArray[np.float32]
    seconds: float


class TrialDesk:
    """Hands tries to its process, which is started when there is none."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        # Of who is answered now, so that nobody else's try is stopped.
        self._stopping = threading.Lock()
        self._stop: threading.Event | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._workspace = ""

    def score(
        self,
        tomogram: Tomogram,
        model: str,
        z: int,
        params: SegmentParams,
        stop: threading.Event | None = None,
    ) -> "Tried":
        """Score slice `z` as `preview_slice` does.

        Parameters
        ----------
        tomogram : Tomogram
            Of a workspace.
        model : str
            Name of an installed one.
        z : int
            Of what crop and binning leave.
        params : SegmentParams
        stop : Event, optional
            What `stop` is called with.

        Raises
        ------
        DeepSXTError
            As the process raised it, or if the process dies.
        CancelledError
            If it was stopped.
        """
        workspace = str(tomogram.folder.parent.parent.absolute())
        asked = {
            "workspace": workspace,
            "tomogram": tomogram.id,
            "model": model,
            "z": z,
            "params": plain(params),
        }
        line = json.dumps(asked).encode() + b"\n"
        with self._turn:
            if workspace != self._workspace:
                # Its models are those of the workspace that it was started in.
                self._end()
                self._workspace = workspace
            self._answering(stop)
            try:
                return self._answer(line)
            except (DeepSXTError, EOFError):
                self._answering(stop)
                raise
            finally:
                with self._stopping:
                    self._stop = None

    def _answering(self, stop: threading.Event | None) -> None:
        with self._stopping:
            self._stop = stop
            if stop is not None and stop.is_set():
                raise CancelledError("The try was stopped.")

    def stop(self, stop: threading.Event) -> None:
        """End the try that has this event, if it is under way or still waits; the process too."""
        with self._stopping:
            stop.set()
            if self._stop is stop and self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _answer(self, line: bytes) -> "Tried":
        warm = self._process is not None
        process = self._process = self._process or _started()
        try:
            told = _asked(process, line)
            if told is None:
                code = self._end()
                if warm and code == 0:
                    # It had gone to rest just before it was asked.
                    return self._answer(line)
                raise DeepSXTError(
                    f"The slice could not be tried: {_why(code)}. Try again, or take another model."
                )
            if "error" in told:
                raise DeepSXTError(told["error"])
            return Tried(_values(process, told["shape"]), told["seconds"])
        except DeepSXTError:
            raise
        except BaseException:
            # Interrupted in the middle of an answer: the next one would be read wrongly.
            self._end()
            raise

    def _end(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        try:
            return process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=child_environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _asked(process: "subprocess.Popen[bytes]", line: bytes) -> dict[str, Any] | None:
    """Return the head of the answer; None if the process is gone."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(line)
        process.stdin.flush()
        return dict(json.loads(process.stdout.readline() or b"null") or {}) or None
    except OSError:
        return None


def _values(process: "subprocess.Popen[bytes]", shape: list[int]) -> NDArray[np.float32]:
    n_bytes = 4 * int(np.prod(shape))
    found = process.stdout.read(n_bytes) if process.stdout else b""
    if len(found) < n_bytes:
        raise EOFError("The process ended in the middle of its answer.")
    return np.frombuffer(found, np.float32).reshape(shape)


def _why(code: int) -> str:
    return end_in_words(code, seconds=0, memory_bytes=0)


desk = TrialDesk()
"""Of this process."""
