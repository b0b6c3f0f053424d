from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deepsxt_core.annotation import Annotation, create_annotation, open_annotation
from deepsxt_core.volume import Score, Volume, VoxelSize

# Beyond one cube of 64 voxels along each axis.
SHAPE = (70, 80, 90)
EDGES_NM = VoxelSize(20, 10, 10)


def read_all(annotation: Annotation) -> NDArray[np.uint16]:
    return annotation.labels.read(0, annotation.shape[0])


def bodies(shape: tuple[int, int, int] = SHAPE) -> NDArray[np.uint16]:
    """Three balls, of which 1 and 2 touch across cubes, and 3 lies at the corner."""
    z, y, x = np.indices(shape)
    labels = np.zeros(shape, np.uint16)
    for number, (centre, radius) in enumerate(
        [((30, 40, 50), 14), ((30, 40, 72), 11), ((66, 76, 86), 9)], 1
    ):
        squared = sum((i - c) ** 2 for i, c in zip((z, y, x), centre, strict=True))
        labels[(squared <= radius**2) & (labels == 0)] = number
    return labels


@pytest.fixture(scope="session")
def grey() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.uint8)


@pytest.fixture(scope="session")
def codes() -> NDArray[np.uint8]:
    """A score in slices 5 to 65 alone."""
    return np.random.default_rng(2).integers(0, 256, (60, *SHAPE[1:])).astype(np.uint8)


@pytest.fixture
def annotate(tmp_path: Path, grey, codes) -> Callable[..., Annotation]:
    """Make and open an annotation of a tomogram, empty or with these labels."""
    numbers = count()

    def made(
        labels: NDArray | None = None, voxel_size_nm: VoxelSize | None = EDGES_NM
    ) -> Annotation:
        path = tmp_path / f"annotation {next(numbers)}"
        tomogram = Volume.from_array(grey, voxel_size_nm)
        create_annotation(path, tomogram, None if labels is None else Volume.from_array(labels))
        return open_annotation(
            path, tomogram=tomogram, score=Score(Volume.from_array(codes), first_slice=5)
        )

    return made
