"""A model file that nobody has a reason to trust, made into a model folder of our own.

::

    python -m deepsxt_core.network.intake FILE MEMORY_BYTES SECONDS FOLDER [CONFIGURATION]

reads the file in a process of its own, with limits; `take_in` starts it.
"""

import errno
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import h5py

from deepsxt_core.errors import ModelError, NoRoomError
from deepsxt_core.evaluation.calibration import Calibration
from deepsxt_core.io.limited import ProcessLimits, answer, run_limited
from deepsxt_core.network.calibrations import write_calibration
from deepsxt_core.network.config import NetworkConfig, parse_description
from deepsxt_core.network.models import (
    CALIBRATION_NAME,
    CARD_NAME,
    CONFIG_NAME,
    MOST_CARD_BYTES,
    WEIGHTS_NAME,
    load_weights,
    write_model,
)
from deepsxt_core.network.weight_file import blaming, opened_weights

COMMAND = (sys.executable, "-P", "-m", "deepsxt_core.network.intake")
"""The command of the process; file, limits, folder and configuration are its arguments."""

# The published weights (0.3 GB) take 10 s on an idle machine and 1 GB beyond what the libraries
# need, the largest network that a configuration may ask for about three times as much. A damaged
# list of names can keep HDF5 busy for ever, so a small file gets little time.
LIMITS = ProcessLimits(seconds=60.0, seconds_per_gb=800.0, memory_bytes=4 << 30)
_MOST_UNPACKED_BYTES = 4 << 30
_MOST_DESCRIPTION_BYTES = 1 << 23
_MOST_CALIBRATION_BYTES = 1 << 12
_MOST_MEMBERS = 10_000
# Trained weights shrink by a tenth; only very small or empty ones shrink to a hundredth.
_LARGEST_RATIO = 100
_HARMLESS_BYTES = 1 << 26
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Keras reads another layout from files that are named otherwise.
_KERAS_SUFFIX = ".weights.h5"
_UNPACKED_NAME = f"unpacked{_KERAS_SUFFIX}"


def take_in(path: Path, config: NetworkConfig | None, folder: Path) -> None:
    """Make a model folder of a file from outside, in a process of its own.

    Parameters
    ----------
    path : Path
    config : NetworkConfig, optional
        Of the network that the weights belong to.
    folder : Path
        Exists and is empty; it holds configuration, weights and card afterwards.

    Raises
    ------
    ModelError
        If the file is no model, does not fit, or cost the process too much.
    InvalidParameterError
        If the configuration in it asks for an impossible network.
    NoRoomError
        If the disk is too full to unpack it.
    """
    arguments = [str(folder), *([] if config is None else [json.dumps(config.to_dict())])]
    # A job may be computing on the graphics card, which nothing here needs.
    quiet = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run_limited(COMMAND, path, arguments, LIMITS, ModelError, quiet)


def make_model(path: Path, config: NetworkConfig | None, folder: Path) -> dict[str, Any]:
    """Do in this process, without limits, what `take_in` says; return what was found."""
    from deepsxt_core.network.architecture import build_network
    from deepsxt_core.network.legacy_weights import load_legacy_weights

    with (
        _telling_a_full_disk(),
        blaming(ModelError, f"{path.name} is damaged, incomplete or no model"),
    ):
        weights, found_config, card = _unpack(path, folder)
        with opened_weights(weights) as file:
            is_legacy = "layer_names" in file.attrs
        config = config or found_config or NetworkConfig.published()
        network = build_network(config)
        if is_legacy:
            load_legacy_weights(network, weights)
        else:
            if not weights.name.endswith(_KERAS_SUFFIX):
                weights = shutil.copyfile(weights, folder / _UNPACKED_NAME)
            load_weights(network, weights, path.name)
    with _telling_a_full_disk():
        write_model(folder, network, config, card)
        _keep_calibration(path, folder)
    (folder / _UNPACKED_NAME).unlink(missing_ok=True)
    return {"parameters": network.count_params()}


def _keep_calibration(path: Path, folder: Path) -> None:
    """Take over the calibration that an exported model brings; raise if it is damaged."""
    if h5py.is_hdf5(path):
        return
    with zipfile.ZipFile(path) as archive:
        found = [
            name for name in archive.namelist() if PurePosixPath(name).name == CALIBRATION_NAME
        ]
        if not found:
            return
        with archive.open(found[0]) as member:
            text = member.read(_MOST_CALIBRATION_BYTES)
    name = f"{CALIBRATION_NAME} in {path.name}"
    with blaming(ModelError, f"The {name} is damaged"):
        write_calibration(folder, Calibration.from_json(parse_description(text, name)))


@contextmanager
def _telling_a_full_disk() -> Iterator[None]:
    try:
        yield
    except (OSError, ModelError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        # HDF5 tells the number in its text alone.
        full = getattr(cause, "errno", None) in _FULL or "No space left" in str(cause)
        if not full:
            raise
        raise NoRoomError(
            "The disk is full. Free some space and import the model again."
        ) from error


def _unpack(path: Path, folder: Path) -> tuple[Path, NetworkConfig | None, str]:
    """Return a weight file, the configuration and the card, as far as `path` holds them."""
    if h5py.is_hdf5(path):
        return path, None, ""
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{path.name} is neither an HDF5 weight file nor a zip file with a model. "
            "It may be incomplete, or a web page saved under this name."
        )
    with zipfile.ZipFile(path) as archive:
        # Members are read by name and never extracted by theirs, which may point anywhere.
        members = {PurePosixPath(info.filename).name: info for info in archive.infolist()}
        if len(members) > _MOST_MEMBERS:
            raise ModelError(f"{path.name} has {len(members)} members, so it is no model.")
        if WEIGHTS_NAME not in members:
            raise ModelError(f"{path.name} holds no {WEIGHTS_NAME}, so it is no model.")
        _check_sizes(path, members, folder)
        config, card = None, ""
        if CONFIG_NAME in members:
            with archive.open(members[CONFIG_NAME]) as member:
                content = parse_description(
                    member.read(_MOST_DESCRIPTION_BYTES), f"{CONFIG_NAME} in {path.name}"
                )
            # A .keras file has a config.json too, in the layout of Keras.
            config = NetworkConfig.from_dict(content) if "m_f" in content else None
        if CARD_NAME in members:
            with archive.open(members[CARD_NAME]) as member:
                card = member.read(MOST_CARD_BYTES).decode()
        weights = folder / _UNPACKED_NAME
        with archive.open(members[WEIGHTS_NAME]) as member, weights.open("wb") as target:
            shutil.copyfileobj(member, target)
    if not h5py.is_hdf5(weights):
        raise ModelError(f"The {WEIGHTS_NAME} in {path.name} is no HDF5 file.")
    return weights, config, card


def _check_sizes(path: Path, members: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    """Raise if a member is larger than it can be; none is unpacked beyond what it claims."""
    n_bytes = members[WEIGHTS_NAME].file_size
    unlikely = max(_HARMLESS_BYTES, _LARGEST_RATIO * path.stat().st_size)
    for name, limit in (
        (WEIGHTS_NAME, min(unlikely, _MOST_UNPACKED_BYTES)),
        (CONFIG_NAME, _MOST_DESCRIPTION_BYTES),
        (CARD_NAME, MOST_CARD_BYTES),
    ):
        if name in members and members[name].file_size > limit:
            raise ModelError(
                f"The {name} in {path.name} would unpack to {members[name].file_size} bytes; at "
                f"most {limit} are accepted."
            )
    free = shutil.disk_usage(folder).free
    if 2 * n_bytes > free:
        raise NoRoomError(
            f"{path.name} needs {2 * n_bytes / 1e9:.1f} GB in the workspace, which has "
            f"{free / 1e9:.1f} GB left. Free some space and try again."
        )


def main(arguments: list[str]) -> int:
    """Make a model of the file that the arguments name; return the exit code."""
    # Loaded before the limit is set, which counts from here on.
    import deepsxt_core.network.architecture  # noqa: F401

    name, memory_bytes, seconds, folder, *rest = arguments
    config = NetworkConfig.from_dict(json.loads(rest[0])) if rest else None
    work = partial(make_model, Path(name), config, Path(folder))
    return answer(work, int(memory_bytes), int(seconds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
