"""Models on disk: a folder with `config.json`, `model.weights.h5` and `card.md`."""

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from deepsxt_core import settings
from deepsxt_core.errors import ModelError, WeightsMismatchError
from deepsxt_core.files import read_json
from deepsxt_core.network.config import MEMBRANE_ALONE, NetworkConfig
from deepsxt_core.network.weight_file import blaming, opened_weights

if TYPE_CHECKING:
    import keras

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.weights.h5"
CARD_NAME = "card.md"
CALIBRATION_NAME = "calibration.json"
"""Beside the others where a model is calibrated."""
DEFAULT_MODEL = "deepsxt-compact"
_LONGEST_NAME = 200
MOST_CARD_BYTES = 1 << 18
"""The longest card that a model may bring; of a longer one that much is read."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model in the library, not loaded.

    Attributes
    ----------
    name : str
        Name of its folder.
    folder : Path
    card : str
        What it was trained on, how good it is, how to cite it: Markdown.
    """

    name: str
    folder: Path
    card: str

    def pixel_size_nm(self) -> tuple[float, float] | None:
        """Return the smallest and largest pixel that it was made for, in nm, if that is told."""
        told = (read_json(self.folder / CONFIG_NAME) or {}).get("pixel_size_nm")
        return None if told is None else (told[0], told[1])

    def classes(self) -> tuple[str, ...]:
        """Return what its scores mark, one name for each; membranes where it does not tell."""
        told = (read_json(self.folder / CONFIG_NAME) or {}).get("classes")
        return tuple(map(str, told)) if isinstance(told, list) and told else MEMBRANE_ALONE

    def sha256(self) -> str:
        """Return the hash of the configuration and the weights, as hexadecimal digits.

        The files are read again only when their size or time has changed.
        """
        paths = (self.folder / CONFIG_NAME, self.folder / WEIGHTS_NAME)
        stats = [path.stat() for path in paths]
        return _joint_sha256(paths, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


@dataclass(frozen=True, eq=False)
class Model:
    """A model that can score.

    Attributes
    ----------
    info : ModelInfo
    config : NetworkConfig
    built : keras.Model, optional
        The network where it is at hand; left out, it is built when it is asked for.
    """

    info: ModelInfo
    config: NetworkConfig
    built: "keras.Model | None" = None

    @cached_property
    def network(self) -> "keras.Model":
        """As `build_network` makes it, float32, with the trained weights.

        Raises
        ------
        WeightsMismatchError
            If the weights do not fit the configuration.
        """
        if self.built is not None:
            return self.built
        from deepsxt_core.network.architecture import build_network

        network = build_network(self.config)
        load_weights(network, self.info.folder / WEIGHTS_NAME, self.info.name)
        return network


@lru_cache(maxsize=32)
def _joint_sha256(paths: tuple[Path, ...], _versions: tuple[tuple[int, int], ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _library() -> tuple[Path, ...]:
    """Return the folders that hold models: those of the workspace first, the bundled last."""
    shared = settings.shared_models()
    own, bundled = settings.workspace_folder() / "models", settings.assets_folder() / "models"
    return (own, bundled) if shared is None else (own, shared, bundled)


def read_card(folder: Path) -> str:
    """Return the card of a model folder, empty if it has none, up to `MOST_CARD_BYTES` of it."""
    try:
        with (folder / CARD_NAME).open("rb") as file:
            return file.read(MOST_CARD_BYTES).decode(errors="replace")
    except OSError:
        return ""


def read_model(folder: Path) -> ModelInfo:
    """Return the model in a folder, not loaded.

    Raises
    ------
    ModelError
        If its configuration or its weights are missing.
    """
    missing = [name for name in (CONFIG_NAME, WEIGHTS_NAME) if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"The model folder {folder} lacks {' and '.join(missing)}.")
    return ModelInfo(folder.resolve().name, folder, read_card(folder))


def list_models() -> list[ModelInfo]:
    """Return all complete models of the library, the default first, then by name."""
    found: dict[str, ModelInfo] = {}
    for library in _library():
        # A hidden folder is a model on its way in, or what a killed process has left of one.
        for folder in sorted(library.glob("[!.]*/")):
            try:
                info = read_model(folder)
            except ModelError:
                continue
            found.setdefault(info.name, info)
    return sorted(found.values(), key=lambda info: (info.name != DEFAULT_MODEL, info.name))


def find_installed(name: str) -> ModelInfo:
    """Return the model of that name in the library; no other folder is looked at.

    This is for names that come from outside: what they lead to must not tell what the disk holds.

    Raises
    ------
    ModelError
        If there is none, in the same words for every name.
    """
    models = list_models()
    for info in models:
        if info.name == name:
            return info
    names = ", ".join(info.name for info in models) or "none"
    raise ModelError(f"There is no model {name[:_LONGEST_NAME]!r}. Installed: {names}.")


def find_model(name_or_folder: str | Path) -> ModelInfo:
    """Return the model of that name in the library, or in that folder.

    Raises
    ------
    ModelError
        If there is none.
    """
    name, folder = str(name_or_folder), Path(name_or_folder)
    if name in {info.name for info in list_models()}:
        return find_installed(name)
    # A name that is too long for the file system is one that nothing has.
    with suppress(OSError):
        if folder.is_dir():
            return read_model(folder)
    return find_installed(name)


def load_model(name_or_folder: str | Path = DEFAULT_MODEL) -> Model:
    """Load a model by its name in the library or by its folder.

    Raises
    ------
    ModelError
        If there is no such model or its configuration is invalid.
    WeightsMismatchError
        If its weights do not fit its configuration.
    """
    model = open_model(name_or_folder)
    return Model(model.info, model.config, model.network)


def open_model(name_or_folder: str | Path = DEFAULT_MODEL) -> Model:
    """Find a model as `load_model` does; its network is loaded when it is asked for.

    What scores on OpenVINO may never ask for it, and then needs neither Keras nor TensorFlow.

    Raises
    ------
    ModelError
        If there is no such model or its configuration is invalid.
    """
    info = find_model(name_or_folder)
    return Model(info, NetworkConfig.from_json(info.folder / CONFIG_NAME))


def load_weights(network: "keras.Model", weights: Path, name: str) -> None:
    """Load a weight file of Keras 3 into a network.

    Raises
    ------
    WeightsMismatchError
        If it does not fit; the message calls the model `name`.
    """
    problem = f"The weights of {name!r} do not fit its configuration"
    with blaming(WeightsMismatchError, problem), opened_weights(weights):
        pass
    with blaming(WeightsMismatchError, problem), warnings.catch_warnings():
        # Keras warns and goes on when a file lacks a layer; such a model must not be used.
        warnings.simplefilter("error", UserWarning)
        network.load_weights(weights)


def write_model(folder: Path, network: "keras.Model", config: NetworkConfig, card: str) -> None:
    """Write the files of a model into a folder."""
    network.save_weights(folder / WEIGHTS_NAME)
    text = json.dumps(config.to_dict(), indent=2) + "\n"
    (folder / CONFIG_NAME).write_text(text, encoding="utf-8")
    (folder / CARD_NAME).write_text(card, encoding="utf-8")


@contextmanager
def model_written_beside(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder to write a model into, which then takes the place of `folder`.

    On an error nothing shows, and nothing is left.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield partial
        read_model(partial)
        partial.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def save_model(folder: Path, network: "keras.Model", config: NetworkConfig, card: str) -> ModelInfo:
    """Write a model folder; it appears complete or, on an error, not at all.

    A model that is already there is replaced.
    """
    with model_written_beside(folder) as partial:
        write_model(partial, network, config, card)
    return read_model(folder)
