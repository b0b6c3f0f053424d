"""Whatever the order and the direction of a file's axes, the same body lies in the same place."""

from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest
import zarr
from chiral_body import EDGE_NM, SHAPE, chiral, is_mirrored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsxt_core.io import open_volume
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.volume import Mask

ORIGIN_NM = (40.0, -70.0, 130.0)
EDGES_NM = (EDGE_NM, 13.0, 17.0)  # z, y, x
ORDERS = list(permutations(range(3)))
FLIPS = list(product((False, True), repeat=3))
# A size below the defaults of the filter.
PARAMS = ReconstructParams(min_voxels=1)


def stored(order: tuple[int, ...], flips: tuple[bool, ...]) -> np.ndarray:
    """Return the body as a file has it whose axes run along `order`, backwards where told."""
    ways = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    return np.ascontiguousarray(chiral()[ways].transpose(order))


def steps(order: tuple[int, ...], flips: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps (x, y, z) in nm along the stored axes, and where the first voxel lies."""
    columns = np.zeros((3, 3))
    for place, axis in enumerate(order):
        columns[place, 2 - axis] = EDGES_NM[axis] * (-1 if flips[axis] else 1)
    first = [
        start + (n - 1) * edge if flip else start
        for start, n, edge, flip in zip(ORIGIN_NM, SHAPE, EDGES_NM, flips, strict=True)
    ]
    return columns, np.array(first[::-1])


def write_mrc(path: Path, order, flips) -> None:  # noqa: ARG001
    with mrcfile.new(path, stored(order, (False,) * 3).astype(np.int8)) as mrc:
        header = mrc.header
        header.maps, header.mapr, header.mapc = (3 - axis for axis in order)
        header.mz, header.my, header.mx = SHAPE
        for name, n, edge in zip("zyx", SHAPE, EDGES_NM, strict=True):
            header.cella[name] = n * edge * 10
        header.origin = tuple(place * 10 for place in reversed(ORIGIN_NM))


def write_nifti(path: Path, order, flips) -> None:
    columns, first = steps(order, flips)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = columns[::-1].T / 1000, first / 1000
    image = nibabel.Nifti1Image(stored(order, flips).transpose(), affine)
    image.header.set_xyzt_units("micron")
    path.write_bytes(image.to_bytes())


def write_nrrd(path: Path, order, flips) -> None:
    columns, first = steps(order, flips)
    header = {
        "space dimension": 3,
        "space directions": columns[::-1],
        "space origin": first,
        "space units": ["nm"] * 3,
    }
    with path.open("wb") as file:
        nrrd.write(file, stored(order, flips).transpose(), header)


def write_left_handed_nrrd(path: Path, order, flips) -> None:
    """As the space of the file counts x the other way, so do its numbers."""
    columns, first = steps(order, flips)
    other = np.array([-1, 1, 1])
    header = {
        "space": "left-anterior-superior",
        "space directions": columns[::-1] * other / 1e6,
        "space origin": first * other / 1e6,
    }
    with path.open("wb") as file:
        nrrd.write(file, stored(order, flips).transpose(), header)


def write_mha(path: Path, order, flips) -> None:
    columns, first = steps(order, flips)
    lengths = np.linalg.norm(columns, axis=1)

    def text(values: np.ndarray) -> str:
        return " ".join(repr(float(value)) for value in np.ravel(values))

    array = stored(order, flips)
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"TransformMatrix = {text(columns[::-1] / lengths[::-1, None])}\n"
        f"Offset = {text(first / 1e6)}\nElementSpacing = {text(lengths[::-1] / 1e6)}\n"
        f"DimSize = {' '.join(map(str, array.shape[::-1]))}\nElementType = MET_UCHAR\n"
        "ElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + array.tobytes())


def write_nexus(path: Path, order, flips) -> None:
    """Coordinates of each axis, falling where it counts backwards."""
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs["NX_class"], group.attrs["signal"] = "NXdata", "data"
        group.attrs["axes"] = ["zyx"[axis] for axis in order]
        group["data"] = stored(order, flips)
        for axis, name in enumerate("zyx"):
            places = ORIGIN_NM[axis] + np.arange(SHAPE[axis]) * EDGES_NM[axis]
            group[name] = places[::-1] if flips[axis] else places
            group[name].attrs["units"] = "nm"


def write_ome_zarr(path: Path, order, flips) -> None:  # noqa: ARG001
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("0", data=stored(order, (False,) * 3))
    axes = [{"name": "zyx"[axis], "type": "space", "unit": "nanometer"} for axis in order]
    level = [
        {"type": "scale", "scale": [EDGES_NM[axis] / 2 for axis in order]},
        {"type": "translation", "translation": [ORIGIN_NM[axis] / 2 for axis in order]},
    ]
    # The scale of the image applies to both.
    image = [{"type": "scale", "scale": [2.0] * 3}]
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": axes,
            "datasets": [{"path": "0", "coordinateTransformations": level}],
            "coordinateTransformations": image,
        }
    ]


WRITERS: dict[str, Callable[..., None]] = {
    "mrc": write_mrc,
    "nifti": write_nifti,
    "nrrd": write_nrrd,
    "left-handed-nrrd": write_left_handed_nrrd,
    "mha": write_mha,
    "nexus": write_nexus,
    "ome-zarr": write_ome_zarr,
}


@pytest.mark.parametrize("kind", WRITERS)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.sampled_from(ORDERS), flips=st.sampled_from(FLIPS), z0=st.integers(0, 11))
def test_voxels_lie_where_the_file_says(tmp_path_factory, kind, order, flips, z0):
    path = tmp_path_factory.mktemp("file") / "body"
    WRITERS[kind](path, order, flips)
    volume = open_volume(path)
    assert volume.shape == SHAPE
    assert volume.voxel_size_nm == pytest.approx(EDGES_NM, rel=1e-5)
    assert volume.origin_nm == pytest.approx(ORIGIN_NM, rel=1e-4, abs=1e-3)
    np.testing.assert_array_equal(volume.read(z0, 12), chiral()[z0:])
    # What the user enters counts along z, y and x as well.
    entered = open_volume(path, voxel_size_nm=(20, 30, 40))
    assert entered.voxel_size_nm == (20, 30, 40)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_mesh_of_a_turned_file_is_that_of_the_plain_one(tmp_path, kind):
    meshes = []
    for name, order, flips in (
        ("plain", (0, 1, 2), (False, False, False)),
        ("turned", (2, 0, 1), (True, False, False)),
    ):
        WRITERS[kind](tmp_path / name, order, flips)
        surfaces = reconstruct(Mask(open_volume(tmp_path / name)), PARAMS)
        meshes.append(np.asarray(surfaces.mesh.points))
    assert not is_mirrored(meshes[1])
    np.testing.assert_allclose(np.sort(meshes[0], axis=0), np.sort(meshes[1], axis=0), atol=1e-4)


def test_the_measure_of_handedness_knows_a_mirror_image():
    points = np.argwhere(chiral())[:, ::-1] * 1.0
    assert not is_mirrored(points)
    assert is_mirrored(points * [1, -1, 1])
    assert is_mirrored(points[:, [1, 0, 2]])
    assert not is_mirrored(points[:, [1, 2, 0]] * [-1, -1, 1])


def test_a_file_that_changes_is_copied_anew(tmp_path):
    write_mrc(tmp_path / "a", (2, 1, 0), ())
    first = open_volume(tmp_path / "a")
    first.read(0, 12)
    write_mrc(tmp_path / "b", (2, 1, 0), ())
    content = bytearray((tmp_path / "b").read_bytes())
    content[1024:] = bytes(len(content) - 1024)
    (tmp_path / "a").write_bytes(bytes(content))
    assert not open_volume(tmp_path / "a").read(0, 12).any()
