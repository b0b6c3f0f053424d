"""Models that come and go: import from a file, export as one, remove."""

import json
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

import h5py

from deepsxt_core import settings
from deepsxt_core.errors import ModelError
from deepsxt_core.files import (
    file_sha256,
    keep_apart,
    prepare_file,
    safe_name,
    written_beside,
)
from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.models import (
    CARD_NAME,
    CONFIG_NAME,
    WEIGHTS_NAME,
    ModelInfo,
    find_model,
    load_weights,
    save_model,
)

_MAX_UNPACKED_BYTES = 4 * 2**30
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
    folders as a zip file. It is loaded into the network before it is accepted.

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
    """
    from deepsxt_core.network.architecture import build_network
    from deepsxt_core.network.legacy_weights import load_legacy_weights

    path = Path(path)
    folder = new_model_folder(name or _stem(path.name))
    with tempfile.TemporaryDirectory() as unpacked:
        weights, found_config, found_card = _unpack(path, Path(unpacked))
        config = config or found_config or NetworkConfig.published()
        network = build_network(config)
        if _is_legacy(weights, path.name):
            load_legacy_weights(network, weights)
        else:
            load_weights(network, weights, path.name)
    card = card or found_card or _unknown_card(folder.name, path)
    return save_model(folder, network, config, card)


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
        written_beside(path) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for file_name in (CONFIG_NAME, WEIGHTS_NAME, CARD_NAME):
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


def _is_legacy(weights: Path, name: str) -> bool:
    try:
        with h5py.File(weights, "r") as file:
            return "layer_names" in file.attrs
    except OSError as error:
        raise ModelError(f"{name} is damaged or incomplete: {error}.") from error


def _unpack(path: Path, folder: Path) -> tuple[Path, NetworkConfig | None, str]:
    """Return a weight file, the configuration and the card, as far as `path` holds them."""
    if not path.is_file():
        raise ModelError(f"There is no file {str(path)!r}.")
    if h5py.is_hdf5(path):
        return path, None, ""
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path.name} is neither an HDF5 weight file nor a zip file with a model. "
            "It may be incomplete, or a web page saved under this name."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            # Members are read by name and never extracted by theirs, which may point anywhere.
            members = {PurePosixPath(info.filename).name: info for info in archive.infolist()}
            if sum(info.file_size for info in members.values()) > _MAX_UNPACKED_BYTES:
                raise ModelError(f"{path.name} would unpack to more than 4 GB and is refused.")
            if WEIGHTS_NAME not in members:
                raise ModelError(f"{path.name} holds no {WEIGHTS_NAME}, so it is no model.")
            weights = folder / WEIGHTS_NAME
            with archive.open(members[WEIGHTS_NAME]) as source, weights.open("wb") as target:
                shutil.copyfileobj(source, target)
            config = None
            if CONFIG_NAME in members:
                content = json.loads(archive.read(members[CONFIG_NAME]))
                # A .keras file has a config.json too, in the layout of Keras.
                config = NetworkConfig.from_dict(content) if "m_f" in content else None
            card = archive.read(members[CARD_NAME]).decode() if CARD_NAME in members else ""
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path.name} is damaged: {error}.") from error
    if not h5py.is_hdf5(weights):
        raise ModelError(f"The {WEIGHTS_NAME} in {path.name} is no HDF5 file.")
    return weights, config, card
