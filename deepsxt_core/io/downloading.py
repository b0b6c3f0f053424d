"""Files fetched from where their authors publish them, and why that failed."""

import errno
from pathlib import Path

from deepsxt_core.progress import Progress

TIMEOUT_S = 30
_PIECE_BYTES = 2**18


def download(url: str, folder: Path, name: str, known_hash: str | None, progress: Progress) -> Path:
    """Fetch a file into a folder, whole or not at all; one that is there already is kept.

    Parameters
    ----------
    url : str
    folder : Path
    name : str
        Of the file.
    known_hash : str or None
        As ``sha256:…`` or ``md5:…``; None where nobody has published one.
    progress : Progress

    Raises
    ------
    ValueError
        If the file has another hash.
    OSError
        If it cannot be fetched or written; `reason` says why.
    CancelledError
        If the user stops.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(
        progressbar=_Bar(progress), chunk_size=_PIECE_BYTES, timeout=TIMEOUT_S
    )
    found: str = pooch.retrieve(
        url, known_hash=known_hash, fname=name, path=folder, downloader=downloader
    )
    return Path(found)


class _Bar:
    """Hands pooch's progress on; a cancelled `Progress` ends the download."""

    def __init__(self, progress: Progress) -> None:
        self.total = 0  # set by pooch before the first update
        self._progress = progress
        self._received = 0

    def update(self, n: int) -> None:
        if not self._received:
            self._progress.stage("Downloading", self.total, "B")
        # Pooch counts whole pieces, and all bytes once more at the end.
        n = min(n, self.total - self._received) if self.total else n
        self._received += n
        self._progress.advance(n)

    def reset(self) -> None:
        """Do nothing: pooch resets a bar only to fill it."""

    def close(self) -> None:
        """Do nothing."""


def reason(error: OSError) -> str:
    """Return in words why something could not be fetched."""
    import requests

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke before the whole file had come"
    if isinstance(error, requests.Timeout) or "timed out" in str(error).lower():
        return f"the server was silent for {TIMEOUT_S} s"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached; check the network"
    return str(error)
