"""An HDF5 file shows what is in it, and never what is in another file."""

import h5py
import numpy as np
import pytest

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io import open_volume
from deepsxt_core.io.hdf5_guard import dataset_inside, opened_hdf5

SHAPE = (4, 8, 8)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    np.full(SHAPE, 7, "u1").tofile(path)
    return path


def external(file, secret):
    file.create_dataset("a", SHAPE, "u1", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file, secret):
    with h5py.File(secret.with_name("source.h5"), "w") as source:
        source["a"] = np.full(SHAPE, 7, "u1")
    layout = h5py.VirtualLayout(SHAPE, "u1")
    layout[:] = h5py.VirtualSource(secret.with_name("source.h5"), "a", SHAPE)
    file.create_virtual_dataset("a", layout)


def linked(file, secret):
    with h5py.File(secret.with_name("source.h5"), "w") as source:
        source["a"] = np.full(SHAPE, 7, "u1")
    file["a"] = h5py.ExternalLink(str(secret.with_name("source.h5")), "/a")


def softly_linked(file, secret):
    linked(file, secret)
    file.move("a", "out")
    file["a"] = h5py.SoftLink("/out")


WAYS_OUT = [external, virtual, linked, softly_linked]


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("deep", [False, True])
def test_values_in_other_files_are_never_read(tmp_path, secret, way, deep):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        way(file.create_group("b/c") if deep else file, secret)
        if way is softly_linked and deep:
            del file["b/c/a"]
            file["b/c/a"] = h5py.SoftLink("/b/c/out")
    name = "b/c/a" if deep else "a"
    with h5py.File(path) as file:
        assert (file[name][...] == 7).all(), "the test itself reaches the secret"
    with (
        opened_hdf5(path) as file,
        pytest.raises(UnreadableFileError, match=r"'a\.h5' is only|points"),
    ):
        dataset_inside(file, name)
    with pytest.raises(UnreadableFileError, match=r"'a\.h5'"), opened_hdf5(path, whole=True):
        pass


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_file_exchanged_after_it_was_opened_is_not_followed(tmp_path, secret, way):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(SHAPE, "u1")
    volume = open_volume(path)
    path.unlink()
    with h5py.File(path, "w") as file:
        way(file, secret)
    with pytest.raises(UnreadableFileError, match=r"'a\.h5'"):
        volume.read(0, 1)


def test_links_within_a_file_are_fine_and_circles_end(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(SHAPE, "u1")
        file["b/again"] = file["a"]
        file["b/soft"] = h5py.SoftLink("/a")
        file["b/root"] = file["/"]
        file["round"] = h5py.SoftLink("/round")
    with opened_hdf5(path, whole=True) as file:
        assert (dataset_inside(file, "b/root/b/again")[...] == 1).all()
        with pytest.raises(KeyError):
            dataset_inside(file, "b/nothing/deeper")
        with pytest.raises(UnreadableFileError, match="not followed"):
            dataset_inside(file, "round")


def test_very_many_objects_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("deepsxt_core.io.hdf5_guard._MOST_LINKS", 20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(30):
            file.create_group(f"g{i}")
    refused = pytest.raises(UnreadableFileError, match="more than 20 objects")
    with refused, opened_hdf5(tmp_path / "a.h5", whole=True):
        pass


def dataset_of_filters(path, *filters):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(SHAPE)
    for code, values in filters:
        plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL, values)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(SHAPE)
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_UINT8, space, plist)
        file["a"][...] = np.ones(SHAPE)
    return path


DEFLATE = (h5py.h5z.FILTER_DEFLATE, (4,))
SHUFFLE = (h5py.h5z.FILTER_SHUFFLE, (1,))
CHECKSUM = (h5py.h5z.FILTER_FLETCHER32, ())


def test_compression_that_cannot_be_measured_is_refused(tmp_path):
    fine = dataset_of_filters(tmp_path / "fine", SHUFFLE, DEFLATE, CHECKSUM)
    assert (open_volume(fine).read(0, 4) == 1).all()
    for filters in ((DEFLATE, DEFLATE), (DEFLATE, SHUFFLE)):
        path = dataset_of_filters(tmp_path / "a", *filters)
        with pytest.raises(UnreadableFileError, match="grow beyond"):
            open_volume(path)
