"""Slices at a pixel size that the network knows, and scores back at that of the tomogram."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.numerals import number_text
from deepsxt_core.volume import Volume

TOLERANCE = 1.2
"""A pixel size this many times off is left as it is."""

_LARGEST_FACTOR = 4.0


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A change of the pixel size within slices.

    Attributes
    ----------
    shape, network_shape : tuple of int
        (y, x) of a slice in the tomogram, and as the network sees it.
    pixel_nm, network_pixel_nm : tuple of float
        Edges (y, x) of a pixel, likewise.
    """

    shape: tuple[int, int]
    network_shape: tuple[int, int]
    pixel_nm: tuple[float, float]
    network_pixel_nm: tuple[float, float]

    @property
    def note(self) -> str:
        """What is done, in a sentence for people."""
        sizes = (max(self.pixel_nm), max(self.network_pixel_nm))
        before, after = (number_text(size, digits=3) for size in sizes)
        return (
            f"The model was made for other pixels: it sees the slices at {after} nm per pixel "
            f"instead of {before} nm. The score has the pixels of the tomogram again."
        )

    def to_network(self, slices: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return slices (n, y, x) as the network shall see them, float32."""
        return _resized(slices, self.network_shape, anti_aliasing=True)

    def to_tomogram(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network says of such slices, at the pixels of the tomogram, float32."""
        return _resized(scores, self.shape, anti_aliasing=False)


def choose_rescaling(volume: Volume, known_nm: tuple[float, float] | None) -> Rescaling | None:
    """Return how to bring the slices of a volume within what a model knows, or None.

    Parameters
    ----------
    volume : Volume
    known_nm : tuple of float, optional
        Smallest and largest pixel that the model was made for, in nm.

    Returns
    -------
    Rescaling or None
        None where one of the sizes is not known, where the pixel is less than 20 % off, and
        where it is more than four times off: such a size is a mistake, or shows no membranes.
    """
    size = volume.voxel_size_nm
    if size is None or known_nm is None:
        return None
    low, high = known_nm
    edges, shape = (size.y, size.x), volume.shape[1:]
    if all(low / TOLERANCE <= edge <= high * TOLERANCE for edge in edges):
        return None
    factors = [edge / min(max(edge, low), high) for edge in edges]
    if not all(1 / _LARGEST_FACTOR <= factor <= _LARGEST_FACTOR for factor in factors):
        return None
    height, width = (max(1, round(n * factor)) for n, factor in zip(shape, factors, strict=True))
    pixel = (edges[0] * shape[0] / height, edges[1] * shape[1] / width)
    return Rescaling(shape, (height, width), edges, pixel)


def _resized(
    images: NDArray[np.float32], shape: tuple[int, int], *, anti_aliasing: bool
) -> NDArray[np.float32]:
    from skimage.transform import resize

    return np.stack(
        [resize(image, shape, order=1, anti_aliasing=anti_aliasing) for image in images]
    ).astype(np.float32, copy=False)
