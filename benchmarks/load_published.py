"""Time to build the network of published size and to load a weight file of the published layout.

The file is made here with random numbers: 76,541,230 parameters, about 307 MB.
"""

import tempfile
import time
from pathlib import Path

import h5py
import keras
import numpy as np

from deepsxt_core.network import NetworkConfig, build_network, load_legacy_weights


def file_group(layer_name: str) -> str:
    """Return the group of the published file that a layer belongs to."""
    group = layer_name.rsplit("_", 2)[0]
    if group == "label_head_0":
        return "label_decoder_final_batchnorm"
    stem, _, index = group.rpartition("_")
    stems = {
        "neck": "mid_branch",
        "image_head": "image_decoder_final_convolution",
        "label_head": "label_decoder_final_convolution",
    }
    return f"{stems[stem]}_{index}" if stem in stems else group


def file_layer(layer: keras.Layer, group: str) -> str:
    """Return the name that the published software gives a layer within its group."""
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return f"{group}/{group}_transposed_convolution_{layer.name.rsplit('_', 1)[1]}"
    stem = "conv2d" if isinstance(layer, keras.layers.Conv2D) else "batch_normalization"
    return f"{group}/{stem}_{layer.name.rsplit('_', 1)[1]}"


def write_weights(network: keras.Model, path: Path) -> None:
    """Write random weights for `network` in the published layout."""
    rng = np.random.default_rng(0)
    names: dict[str, list[str]] = {}
    with h5py.File(path, "w") as file:
        for layer in network.layers:
            if not layer.weights:
                continue
            group = file_group(layer.name)
            for variable in layer.weights:
                name = f"{file_layer(layer, group)}/{variable.name}:0"
                values = rng.random(tuple(variable.shape), dtype=np.float32)
                file.require_group(group).create_dataset(name, data=values)
                names.setdefault(group, []).append(name)
        file.attrs["layer_names"] = list(names)
        for group, weight_names in names.items():
            file[group].attrs["weight_names"] = weight_names


def main() -> None:
    """Build, write, load, report."""
    started = time.perf_counter()
    network = build_network(NetworkConfig.published())
    built = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.h5"
        write_weights(network, path)
        megabytes = path.stat().st_size / 1e6
        started = time.perf_counter()
        load_legacy_weights(network, path)
        loaded = time.perf_counter() - started
    print(f"{network.count_params():,} parameters: built in {built:.1f} s")
    print(f"  a weight file of {megabytes:.0f} MB loaded in {loaded:.1f} s")


if __name__ == "__main__":
    main()
