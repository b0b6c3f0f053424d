"""Small slices with dark lines as membranes, and the files that hold them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile


def draw(seed: int, shape: tuple[int, ...] = (96, 128)) -> tuple[np.ndarray, np.ndarray]:
    """Return an image with dark lines along x, and where they are; each slice has its own."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, bool)
    planes = label[np.newaxis] if label.ndim == 2 else label
    for plane in planes:
        for y in rng.choice(shape[-2] - 4, 3, replace=False):
            plane[y : y + 4] = True
    image = np.where(label, 20.0, 100.0) + rng.normal(0, 8, shape)
    return image.astype(np.float32), label


class PairFolder:
    """A folder that pairs are put into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def add(self, name, image, labels=None):
        tifffile.imwrite(self.path / f"{name}.tif", image, photometric="minisblack")
        if labels is not None:
            tifffile.imwrite(
                self.path / f"{name}.labels.tif",
                labels.astype(np.uint8) if labels.dtype == bool else labels,
                photometric="minisblack",
            )

    def add_drawn(self, *names, shape=(96, 128), labelled=True):
        for i, name in enumerate(names):
            image, label = draw(i, shape)
            self.add(name, image, label if labelled else None)


@pytest.fixture
def folder(tmp_path) -> PairFolder:
    return PairFolder(tmp_path / "data")
