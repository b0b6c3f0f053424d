import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from deepsxt_core.errors import WeightsMismatchError
from deepsxt_core.network import NetworkConfig, build_network, load_legacy_weights

NAME = "variant_leaky_avgpool"


@pytest.fixture
def config(golden):
    return NetworkConfig.from_json(golden / f"{NAME}.json")


@pytest.fixture
def weight_file(golden, tmp_path):
    return Path(shutil.copy(golden / f"{NAME}.h5", tmp_path / "weights.h5"))


def test_counters_may_start_anywhere_and_names_may_come_in_any_order(
    golden, config, weight_file, tmp_path
):
    """Counters that pass from 9 to 10 and 99 to 100 sort differently as text."""
    renumbered = tmp_path / "renumbered.h5"
    with h5py.File(weight_file) as old, h5py.File(renumbered, "w") as new:
        new.attrs["layer_names"] = old.attrs["layer_names"]
        for group in old.attrs["layer_names"]:
            names = []
            for name in old[group].attrs["weight_names"]:
                parts = name.split("/")
                for i, part in enumerate(parts):
                    for stem, first in (("conv2d_", 153), ("batch_normalization_", 47)):
                        if part.startswith(stem):
                            counter = int(part.removeprefix(stem)) - first
                            parts[i] = f"{stem}{counter + 7}" if counter else stem.rstrip("_")
                names.append("/".join(parts))
                new.create_group(group) if group not in new else None
                new[group][names[-1]] = old[group][name][()]
            new[group].attrs["weight_names"] = sorted(names)

    plain, shuffled = build_network(config), build_network(config)
    load_legacy_weights(plain, golden / f"{NAME}.h5")
    load_legacy_weights(shuffled, renumbered)
    for a, b in zip(plain.get_weights(), shuffled.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_file_of_another_network_names_group_and_shape(golden):
    network = build_network(NetworkConfig.published(2))
    before = network.get_weights()
    with pytest.raises(
        WeightsMismatchError,
        match=r"group 'encoder' has shape \(1, 1, 1, 2\) .* needs \(1, 1, 1, 1\)",
    ):
        load_legacy_weights(network, golden / "published_width16.h5")
    for a, b in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_missing_array_is_named(config, weight_file):
    with h5py.File(weight_file, "a") as file:
        names = list(file["label_decoder"].attrs["weight_names"])
        del file["label_decoder"][names[-1]]
    with pytest.raises(WeightsMismatchError, match=r"'label_decoder' has nothing for .*variance"):
        load_legacy_weights(build_network(config), weight_file)


def test_a_group_too_many_is_named(config, weight_file):
    with h5py.File(weight_file, "a") as file:
        file.copy("mid_branch_1", "mid_branch_2")
        file.attrs["layer_names"] = [*file.attrs["layer_names"], "mid_branch_2"]
    with pytest.raises(WeightsMismatchError, match="group 'mid_branch_2' holds a layer more"):
        load_legacy_weights(build_network(config), weight_file)


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>"])
def test_something_else_is_refused(config, tmp_path, content):
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsMismatchError, match=r"weights\.h5 is not a weight file"):
        load_legacy_weights(build_network(config), path)


def test_a_truncated_file_is_refused(config, weight_file):
    with weight_file.open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(WeightsMismatchError, match="not a weight file"):
        load_legacy_weights(build_network(config), weight_file)


def test_the_files_own_list_of_names_is_not_needed(config, weight_file):
    """It is of variable length, and the HDF5 library may loop on a damaged one for ever."""
    with h5py.File(weight_file, "a") as file:
        for group in file.values():
            del group.attrs["weight_names"]
    load_legacy_weights(build_network(config), weight_file)
