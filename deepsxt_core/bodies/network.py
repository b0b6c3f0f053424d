"""The network that finds a body in a patch, from clicks: a small U-Net, computed by NumPy.

Trained on simulated tomograms by `tools/train_bodies.py`. It is small enough to be computed
without a framework, which takes longer to load than a click may take.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.bodies.patches import folded, unfolded

Map = NDArray[np.float32]

WIDTHS = (16, 32, 64)
"""Channels at each depth."""

CONVOLUTIONS = ("in1", "in2", "down1", "down2", "deep1", "deep2", "up1", "up2", "out1", "out2")
_LAST = "said"
_WEIGHTS = Path(__file__).with_name("network.npz")


@dataclass(frozen=True, slots=True)
class Network:
    """Kernels float32 (27 × channels in, channels out) and biases, by the names of the layers."""

    layers: Mapping[str, tuple[Map, Map]]

    def __call__(self, patch: Map, told: Map) -> Map:
        """Return the logit of each voxel of a patch.

        Parameters
        ----------
        patch : ndarray
            As `Surroundings.patch` returns it.
        told : ndarray
            As `click_maps` returns it.
        """
        fine = self._twice("in", np.concatenate([folded(patch), told], axis=-1))
        middle = self._twice("down", _pooled(fine))
        deep = self._twice("deep", _pooled(middle))
        middle = self._convolved("up1", np.concatenate([_repeated(deep), middle], axis=-1))
        middle = self._convolved("up2", middle)
        fine = self._twice("out", np.concatenate([_repeated(middle), fine], axis=-1))
        kernel, bias = self.layers[_LAST]
        return unfolded(fine @ kernel + bias)

    def _twice(self, name: str, values: Map) -> Map:
        return self._convolved(f"{name}2", self._convolved(f"{name}1", values))

    def _convolved(self, name: str, values: Map) -> Map:
        """Return the rectified convolution over 3 × 3 × 3 voxels, with zeros beyond the edge."""
        kernel, bias = self.layers[name]
        z, y, x, channels = values.shape
        padded = np.pad(values, [(1, 1)] * 3 + [(0, 0)])
        columns = np.empty((z, y, x, 27, channels), np.float32)
        for number, (i, j, k) in enumerate(product(range(3), repeat=3)):
            columns[..., number, :] = padded[i : i + z, j : j + y, k : k + x]
        result = columns.reshape(-1, 27 * channels) @ kernel
        result += bias
        return np.maximum(result, 0, out=result).reshape(z, y, x, -1)


@cache
def trained() -> Network:
    """Return the network that comes with the program."""
    return load(_WEIGHTS)


def load(path: Path) -> Network:
    """Return the network of a file."""
    names = (*CONVOLUTIONS, _LAST)
    with np.load(path) as file:
        return Network(
            {
                name: (
                    file[f"{name}.kernel"].astype(np.float32),
                    file[f"{name}.bias"].astype(np.float32),
                )
                for name in names
            }
        )


def save(layers: Mapping[str, tuple[Map, Map]], path: Path = _WEIGHTS) -> None:
    """Keep kernels and biases as those of a network, in half precision."""
    arrays: dict[str, Any] = {
        f"{name}.{part}": values.astype(np.float16)
        for name, both in layers.items()
        for part, values in zip(("kernel", "bias"), both, strict=True)
    }
    np.savez_compressed(path, **arrays)


def _pooled(values: Map) -> Map:
    z, y, x, c = values.shape
    return values.reshape(z // 2, 2, y // 2, 2, x // 2, 2, c).max(axis=(1, 3, 5))


def _repeated(values: Map) -> Map:
    for axis in range(3):
        values = np.repeat(values, 2, axis=axis)
    return values
