"""Models that come and go: import from a file, export as one, remove."""

import shutil
import zipfile
from pathlib import Path

from deepsxt_core import access, settings
from deepsxt_core.errors import ModelError
from deepsxt_core.files import keep_apart, prepare_file, require_archive, safe_name, written_beside
from deepsxt_core.fingerprints import file_sha256
from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.intake import take_in
from deepsxt_core.network.models import (
    CALIBRATION_NAME,
    CARD_NAME,
    CONFIG_NAME,
    MOST_CARD_BYTES,
    WEIGHTS_NAME,
    ModelInfo,
    find_model,
    model_written_beside,
    read_card,
    read_model,
)
from deepsxt_core.room import require_quota

_SUFFIXES = (".weights.h5", ".h5", ".hdf5", ".keras", ".zip")


def installed_folder(name: str) -> Path:
    """Return where a model of this name lies in the workspace, or would lie."""
    return settings.workspace_folder() / "models" / name


def new_model_folder(name: str) -> Path:
    """Return where a new model of this name is to lie in the workspace.

    Raises
    ------
    ModelError
        If the name is taken.
    """
    folder = installed_folder(safe_name(name))
    if folder.exists():
        raise ModelError(
            f"There is a model {folder.name!r} already. Remove it first or give another name."
        )
    return folder


def import_model(
    path: str | Path,
    *,
    config: NetworkConfig | None = None,
    name: str | None = None,
    card: str | None = None,
) -> ModelInfo:
    """Add a model file to the library of the workspace.

    What the file is decides its content, not its name: a weight file of the published software,
    weights of Keras 3 (``.weights.h5``), a saved Keras model (``.keras``), or one of our model
    folders as a zip file. It is loaded into the network before it is accepted, by a process of its
    own with limits on time and memory: this function may be called for any file, by any server.

    Parameters
    ----------
    path : str or Path
    config : NetworkConfig, optional
        Of the network that the weights belong to. Default: what a zip file of ours says,
        otherwise the published configuration.
    name : str, optional
        Default: from the file name.
    card : str, optional
        Markdown. Default: what a zip file of ours says.

    Raises
    ------
    ModelError
        If the file is none of these, or the name is taken.
    WeightsMismatchError
        If its weights do not fit the configuration.
    InvalidParameterError
        If the configuration in it asks for an impossible network.
    NoRoomError
        If the disk is too full.
    """
    access.require_write()
    path = Path(path)
    folder = new_model_folder(name or _stem(path.name))
    if not path.is_file():
        raise ModelError(f"There is no file {str(path)!r}.")
    require_quota(path.stat().st_size)
    if card is not None and len(card.encode()) > MOST_CARD_BYTES:
        raise ModelError(f"The card of a model has at most {MOST_CARD_BYTES} bytes.")
    with model_written_beside(folder) as partial:
        take_in(path, config, partial)
        found = partial / CARD_NAME
        if card or not read_card(partial):
            found.write_text(card or _unknown_card(folder.name, path), encoding="utf-8")
    return read_model(folder)


def export_model(name: str, path: str | Path) -> Path:
    """Write a model of the library as one zip file that `import_model` reads.

    Raises
    ------
    ModelError
        If there is no such model.
    DeepSXTError
        If the file would lie in the model's folder, or where nothing can be written.
    """
    info = find_model(name)
    path = Path(path)
    keep_apart([info.folder], [path])
    prepare_file(path)
    with (
        written_beside(path, verify=require_archive) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for file_name in (CONFIG_NAME, WEIGHTS_NAME, CARD_NAME, CALIBRATION_NAME):
            if (info.folder / file_name).is_file():
                archive.write(info.folder / file_name, f"{info.name}/{file_name}")
    return path


def remove_model(name: str) -> None:
    """Delete a model of the workspace.

    Raises
    ------
    ModelError
        If there is no such model, or it came with the program.
    """
    info = find_model(name)
    access.require_write()
    if info.folder != installed_folder(info.name):
        raise ModelError(f"The model {info.name!r} was not installed here and cannot be removed.")
    shutil.rmtree(info.folder)


def _unknown_card(name: str, path: Path) -> str:
    """Return the card of a model of which only the file is known."""
    unknown = ("Trained on", "Quality", "Licence", "Citation", "Input pixel size", "Membranes")
    rows = [f"| Origin | imported from {path.name} |"]
    rows += [f"| {each} | not known |" for each in unknown]
    rows += [f"| SHA-256 of the file | `{file_sha256(path)}` |"]
    return "\n".join([f"# {name}", "", "| | |", "|---|---|", *rows, ""])


def _stem(file_name: str) -> str:
    for suffix in _SUFFIXES:
        if file_name.lower().endswith(suffix):
            return file_name[: -len(suffix)]
    return file_name
