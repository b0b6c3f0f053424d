"""Settings of an installation, read from the environment at each call."""

import math
import os
import sysconfig
from pathlib import Path

from deepsxt_core import access
from deepsxt_core.errors import InvalidParameterError

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What this computer calls itself."""

_ENGINES = ("auto", "keras", "openvino")
_SHORTEST_TOKEN = 16


def installation_folder() -> Path:
    """Return the folder that holds `app.py`, `pages` and `assets`.

    It is the repository in a checkout, and ``share/deepsxt`` of the environment after an
    installation with pip.
    """
    repository = Path(__file__).resolve().parent.parent
    if (repository / "app.py").is_file():
        return repository
    return Path(sysconfig.get_path("data")) / "share" / "deepsxt"


def cache_folder() -> Path:
    """Return the user's folder for what can be made again; it may not exist yet."""
    import pooch

    return Path(pooch.os_cache("deepsxt"))


def assets_folder() -> Path:
    """Return the folder of the bundled models and pictures."""
    return installation_folder() / "assets"


def docs_folder() -> Path:
    """Return the folder of the documentation, which the page *Help* shows."""
    return installation_folder() / "docs"


def workspace_folder() -> Path:
    """Return the folder that holds all tomograms and results (``DEEPSXT_HOME``).

    Where several people use the server (`people_folder`), it is that of who asks.

    Raises
    ------
    InvalidParameterError
        If it is a file, or lies in the home of a user who does not exist.
    NotAllowedError
        If several people use the server and nobody is signed in.
    """
    if people_folder() is not None:
        return access.current().folder
    return _folder("DEEPSXT_HOME", os.environ.get("DEEPSXT_HOME", "").strip() or "workspace")


def people_folder() -> Path | None:
    """Return the folder of the workspaces of several people (``DEEPSXT_PEOPLE``); None for one.

    Raises
    ------
    InvalidParameterError
        If it is a file, or lies in the home of a user who does not exist.
    """
    name = os.environ.get("DEEPSXT_PEOPLE", "").strip()
    return _folder("DEEPSXT_PEOPLE", name) if name else None


def login_file() -> Path | None:
    """Return the file that says how people sign in (``DEEPSXT_LOGIN``), if any; it holds secrets.

    Raises
    ------
    InvalidParameterError
        If it and `people_folder` are not both named, or both not, or it is not there.
    """
    name = os.environ.get("DEEPSXT_LOGIN", "").strip()
    if bool(name) != (people_folder() is not None):
        raise InvalidParameterError(
            "DEEPSXT_PEOPLE, the folder of the workspaces, and DEEPSXT_LOGIN, the file that says "
            "how people sign in, go together: set both, or neither. See docs/server.md."
        )
    path = Path(name).resolve() if name else None
    if path is not None and not path.is_file():
        raise InvalidParameterError(f"DEEPSXT_LOGIN names no file: got {name!r}.")
    return path


def quota_bytes() -> int | None:
    """Return what the workspace may take (``DEEPSXT_QUOTA_GB``, or of who asks); None for any.

    Raises
    ------
    InvalidParameterError
        If it is no number of 0 or more.
    NotAllowedError
        If several people use the server and nobody is signed in.
    """
    if people_folder() is not None:
        return access.current().quota_bytes
    return _gigabytes("DEEPSXT_QUOTA_GB", "") if os.environ.get("DEEPSXT_QUOTA_GB") else None


def shared_models() -> Path | None:
    """Return a folder of models that all may use and nobody changes (``DEEPSXT_MODELS``), if any.

    Raises
    ------
    InvalidParameterError
        If it is a file, or lies in the home of a user who does not exist.
    """
    name = os.environ.get("DEEPSXT_MODELS", "").strip()
    return _folder("DEEPSXT_MODELS", name) if name else None


def data_roots() -> tuple[Path, ...]:
    """Return the server folders that users may open files from (``DEEPSXT_DATA_ROOTS``).

    Several folders are separated as in ``PATH``. Without the variable there are none.

    Raises
    ------
    InvalidParameterError
        If one is a file, or lies in the home of a user who does not exist.
    """
    names = os.environ.get("DEEPSXT_DATA_ROOTS", "").split(os.pathsep)
    return tuple(_folder("DEEPSXT_DATA_ROOTS", name) for name in names if name.strip())


def metrics_token() -> str | None:
    """Return what gives access to figures of the server (``DEEPSXT_METRICS_TOKEN``), if set.

    Raises
    ------
    InvalidParameterError
        If it is so short that it could be guessed.
    """
    token = os.environ.get("DEEPSXT_METRICS_TOKEN", "").strip()
    if token and len(token) < _SHORTEST_TOKEN:
        raise InvalidParameterError(
            f"DEEPSXT_METRICS_TOKEN must have at least {_SHORTEST_TOKEN} characters: got "
            f"{len(token)}. Make one with: openssl rand -hex 16"
        )
    return token or None


def max_upload_bytes() -> int:
    """Return the largest file that may be uploaded (``DEEPSXT_MAX_UPLOAD_GB``, default 50).

    Raises
    ------
    InvalidParameterError
        If it is no number of 0 or more.
    """
    return _gigabytes("DEEPSXT_MAX_UPLOAD_GB", "50")


def check() -> None:
    """Read all settings, so that a wrong one is told before it is needed.

    Raises
    ------
    InvalidParameterError
        If a variable of the environment holds what it must not.
    """
    people, roots = people_folder(), data_roots()
    if people is None:
        workspace_folder()
        quota_bytes()
    elif any(people.is_relative_to(root) or root.is_relative_to(people) for root in roots):
        raise InvalidParameterError(
            "DEEPSXT_DATA_ROOTS must be apart from DEEPSXT_PEOPLE: everybody could open the files "
            "of the others."
        )
    shared_models()
    max_upload_bytes()
    max_exports_bytes()
    metrics_token()
    engine()


def _gigabytes(variable: str, usual: str) -> int:
    text = os.environ.get(variable, "").strip() or usual
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise InvalidParameterError(
            f"{variable} must be a number of gigabytes, 0 or more: got {text!r}. "
            "Correct this variable of the environment, or leave it out."
        )
    return round(gigabytes * 1e9)


def _folder(variable: str, name: str) -> Path:
    try:
        folder = Path(name).expanduser().resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise InvalidParameterError(
            f"{variable} names no folder: got {name!r} ({error}). Correct this variable of the "
            "environment, or leave it out."
        ) from error
    if folder.is_file():
        raise InvalidParameterError(
            f"{variable} must name a folder: '{folder}' is a file. Correct this variable of the "
            "environment, or leave it out."
        )
    return folder


def max_exports_bytes() -> int:
    """Return how much disk files made for downloads may take (``DEEPSXT_EXPORTS_GB``, default 20).

    Beyond it, those that were not asked for longest are deleted; they are made again on demand.

    Raises
    ------
    InvalidParameterError
        If it is no number of 0 or more.
    """
    return _gigabytes("DEEPSXT_EXPORTS_GB", "20")


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


def engine() -> str:
    """Return what computes scores (``DEEPSXT_ENGINE``): "auto", "keras" or "openvino".

    "auto" takes the fastest of those that agree, "keras" the backend of Keras.

    Raises
    ------
    InvalidParameterError
        If it is another word.
    """
    word = os.environ.get("DEEPSXT_ENGINE", "").strip().lower() or "auto"
    if word not in _ENGINES:
        raise InvalidParameterError(
            f"DEEPSXT_ENGINE must be one of {', '.join(_ENGINES)}: got {word!r}. Correct this "
            "variable of the environment, or leave it out."
        )
    return word
