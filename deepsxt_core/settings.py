"""Settings of an installation, read from the environment at each call."""

import os
import sysconfig
from pathlib import Path

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What this computer calls itself."""


def installation_folder() -> Path:
    """Return the folder that holds `app.py`, `pages` and `assets`.

    It is the repository in a checkout, and ``share/deepsxt`` of the environment after an
    installation with pip.
    """
    repository = Path(__file__).resolve().parent.parent
    if (repository / "app.py").is_file():
        return repository
    return Path(sysconfig.get_path("data")) / "share" / "deepsxt"


def assets_folder() -> Path:
    """Return the folder of the bundled models and pictures."""
    return installation_folder() / "assets"


def workspace_folder() -> Path:
    """Return the folder that holds all tomograms and results (``DEEPSXT_HOME``)."""
    return Path(os.environ.get("DEEPSXT_HOME", "workspace")).expanduser().resolve()


def data_roots() -> tuple[Path, ...]:
    """Return the server folders that users may open files from (``DEEPSXT_DATA_ROOTS``).

    Several folders are separated as in ``PATH``. Without the variable there are none.
    """
    names = os.environ.get("DEEPSXT_DATA_ROOTS", "").split(os.pathsep)
    return tuple(Path(name).expanduser().resolve() for name in names if name.strip())


def max_upload_bytes() -> int:
    """Return the largest file that may be uploaded (``DEEPSXT_MAX_UPLOAD_GB``, default 50)."""
    return round(float(os.environ.get("DEEPSXT_MAX_UPLOAD_GB", "50")) * 1e9)


def max_exports_bytes() -> int:
    """Return how much disk files made for downloads may take (``DEEPSXT_EXPORTS_GB``, default 20).

    Beyond it, those that were not asked for longest are deleted; they are made again on demand.
    """
    return round(float(os.environ.get("DEEPSXT_EXPORTS_GB", "20")) * 1e9)


def allowed_hosts() -> frozenset[str]:
    """Return the names under which browsers may reach the app, in lower case.

    Always those of this computer itself; besides, those in ``DEEPSXT_ALLOWED_HOSTS``, with commas
    between.
    """
    named = os.environ.get("DEEPSXT_ALLOWED_HOSTS", "").split(",")
    return LOCAL_HOSTS | {name.strip().lower() for name in named if name.strip()}


def scheduler() -> str | None:
    """Return the address of the Dask scheduler to compute with (``DEEPSXT_SCHEDULER``), if any."""
    return os.environ.get("DEEPSXT_SCHEDULER", "").strip() or None
