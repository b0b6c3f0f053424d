"""Weights of the published software: HDF5 files of Keras 2 from TensorFlow 2.10 and 2.11."""

import re
import reprlib
from collections import defaultdict
from pathlib import Path

import h5py
import keras

from deepsxt_core.errors import WeightsMismatchError
from deepsxt_core.network.weight_file import blaming, opened_weights

_GROUPS = {
    r"encoder": "encoder",
    r"mid_branch_(\d+)": r"neck_\1",
    r"image_decoder": "image_decoder",
    r"image_decoder_final_convolution_(\d+)": r"image_head_\1",
    r"label_decoder": "label_decoder",
    r"label_decoder_final_batchnorm": "label_head_0",
    r"label_decoder_final_convolution_(\d+)": r"label_head_\1",
}
_KINDS = {
    r"conv2d(?:_(\d+))?": "conv",
    r"batch_normalization(?:_(\d+))?": "norm",
    r".*_transposed_convolution_(\d+)": "up",
    r"label_decoder_final_batchnorm()": "norm",
    r"label_decoder_final_convolution_\d+()": "conv",
}
_VARIABLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def _our_group(file_group: str) -> str | None:
    for pattern, ours in _GROUPS.items():
        match = re.fullmatch(pattern, file_group)
        if match:
            return match.expand(ours)
    return None


def _kind_and_counter(file_layer: str) -> tuple[str, int] | None:
    for pattern, kind in _KINDS.items():
        match = re.fullmatch(pattern, file_layer)
        if match:
            return kind, int(match[1] or 0)
    return None


def _find_arrays(group: h5py.Group, prefix: str) -> dict[str, dict[str, h5py.Dataset]]:
    """Return the arrays of one file group, by our layer name and variable name; none is read.

    They are looked for themselves: the file's own list of their names (`weight_names`) is of
    variable length, on which the HDF5 library may loop for ever where it is damaged.
    """
    counted: dict[str, dict[int, dict[str, h5py.Dataset]]] = defaultdict(lambda: defaultdict(dict))
    names: list[str] = []
    group.visititems(
        lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None
    )
    for name in names:
        layer, _, variable = name.rpartition("/")
        identity = _kind_and_counter(layer.rpartition("/")[2])
        variable = variable.removesuffix(":0")
        if identity is None or variable not in _VARIABLES:
            raise WeightsMismatchError(
                f"The weight file holds {reprlib.repr(name)}, which no layer here has."
            )
        kind, counter = identity
        array = group[name]
        if array.dtype.kind != "f":
            raise WeightsMismatchError(f"The weight file holds no numbers at {reprlib.repr(name)}.")
        counted[kind][counter][variable] = array
    return {
        f"{prefix}_{kind}_{i}": layers[counter]
        for kind, layers in counted.items()
        for i, counter in enumerate(sorted(layers))
    }


def load_legacy_weights(model: keras.Model, path: str | Path) -> None:
    """Load a weight file of the published software into a network from `build_network`.

    The counters in the file's layer names start anywhere; only their order matters, and it is
    compared as numbers. Nothing is assigned before everything fits.

    Raises
    ------
    WeightsMismatchError
        If the file is unreadable, or its groups or shapes are not those of `model`; the message
        names the first one that is not.
    ModelError
        If the file refers to other files, or claims to hold more than any network needs.
    """
    path = Path(path)
    problem = f"{path.name} is not a weight file of the published layout"
    with blaming(WeightsMismatchError, problem), opened_weights(path) as file:
        arrays = {
            name: _find_arrays(group, _our_group(name) or name)
            for name, group in file.items()
            if isinstance(group, h5py.Group)
        }
        assignments = [(variable, array[()]) for variable, array in _matched(path, model, arrays)]
    for variable, array in assignments:
        variable.assign(array)


def _matched(
    path: Path, model: keras.Model, arrays: dict[str, dict[str, dict[str, h5py.Dataset]]]
) -> list[tuple[keras.Variable, h5py.Dataset]]:
    """Return which array belongs to which variable; all of them have its shape."""
    expected = [layer for layer in model.layers if layer.weights]
    expected_names = {layer.name for layer in expected}
    found = {}
    for group, by_layer in arrays.items():
        for layer_name, variables in by_layer.items():
            if layer_name not in expected_names:
                shapes = {name: array.shape for name, array in variables.items()}
                raise WeightsMismatchError(
                    f"{path.name} does not fit this network: group {reprlib.repr(group)} holds a "
                    f"layer more ({reprlib.repr(layer_name)}: {reprlib.repr(shapes)}). Check that "
                    "the configuration belongs to the file."
                )
            found[layer_name] = variables

    matched = []
    for layer in expected:
        for variable in layer.weights:
            array = found.get(layer.name, {}).get(variable.name)
            if array is None or array.shape != tuple(variable.shape):
                has = "nothing" if array is None else f"shape {array.shape}"
                raise WeightsMismatchError(
                    f"{path.name} does not fit this network: {_file_group(layer.name, arrays)} "
                    f"has {has} for {layer.name}/{variable.name}, the network needs "
                    f"{tuple(variable.shape)}. Check that the configuration belongs to the file."
                )
            matched.append((variable, array))
    return matched


def _file_group(layer_name: str, groups: dict[str, dict[str, dict[str, h5py.Dataset]]]) -> str:
    ours = layer_name.rsplit("_", 2)[0]
    return next((f"group {name!r}" for name in groups if _our_group(name) == ours), "the file")
