"""A file that was chosen is read where it is: no link leads the app elsewhere, at any time."""

import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import DeepSXTError, UnreadableFileError
from deepsxt_core.geometry import Region
from deepsxt_core.io import write_tiff
from deepsxt_core.io.readers import registry
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.pairing import find_pairs
from deepsxt_core.volume import Mask, Volume
from deepsxt_core.workspace import Workspace, data_roots
from deepsxt_core.workspace.truths import Compared, known_truths, open_truth

SECRET = 77


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(folder))
    return folder


@pytest.fixture
def secret(tmp_path):
    return stack(tmp_path / "secret.tif", SECRET)


def stack(path, first=0):
    values = (np.arange(3 * 32 * 32).reshape(3, 32, 32) % 50 + first).astype("u1")
    write_tiff(Volume.from_array(values), path)
    return path


def labels(path):
    values = np.zeros((3, 32, 32), "u1")
    values[:, 8:24, 8:24] = 1
    write_tiff(Volume.from_array(values), path)
    return path


def exchange(path, target):
    path.unlink()
    path.symlink_to(target)


def test_a_tomogram_exchanged_for_a_link_is_not_read(root, secret):
    tomogram = Workspace().add_file(stack(root / "a.tif"))
    volume = tomogram.volume()
    assert volume.read(0, 1).min() < SECRET
    exchange(root / "a.tif", secret)
    for read in (lambda: volume.read(0, 1), tomogram.volume, tomogram.input_sha256):
        with pytest.raises(UnreadableFileError, match="leads out"):
            read()


def test_a_link_within_the_offered_folders_is_followed(root):
    tomogram = Workspace().add_file(stack(root / "a.tif"))
    stack(root / "b.tif", SECRET)
    exchange(root / "a.tif", root / "b.tif")
    assert tomogram.volume().read(0, 1).min() == SECRET


def test_a_folder_on_the_way_exchanged_for_a_link_is_not_followed(root, tmp_path):
    (root / "in").mkdir()
    (tmp_path / "out").mkdir()
    stack(tmp_path / "out" / "a.tif", SECRET)
    tomogram = Workspace().add_file(stack(root / "in" / "a.tif"))
    (root / "in").rename(root / "before")
    (root / "in").symlink_to(tmp_path / "out")
    with pytest.raises(UnreadableFileError, match="leads out"):
        tomogram.volume()


def test_slices_of_a_folder_exchanged_for_links_are_not_read(root, secret):
    (root / "slices").mkdir()
    for z in range(3):
        tifffile.imwrite(root / "slices" / f"{z}.tif", np.zeros((32, 32), "u1"))
    volume = registry.open_volume(root / "slices")
    exchange(root / "slices" / "1.tif", secret)
    with pytest.raises(UnreadableFileError, match="leads out"):
        volume.read(0, 3)


def test_a_truth_beside_a_file_that_is_a_link_out_is_no_truth(root, tmp_path):
    tomogram = Workspace().add_file(stack(root / "a.tif"))
    (root / "a.truth.tif").symlink_to(labels(tmp_path / "outside.tif"))
    labels(root / "a.labels.tif")
    assert known_truths(tomogram) == [root / "a.labels.tif"]
    with pytest.raises(UnreadableFileError, match="leads out"):
        open_truth(tomogram, Compared(Mask(tomogram.volume()), Region()), root / "a.truth.tif")


def test_training_follows_no_link_out(root, secret):
    data = root / "data"
    data.mkdir()
    stack(data / "a.tif")
    labels(data / "a.labels.tif")
    places = data_roots.places_of(data)
    found = open_training_set(data, places=places)
    exchange(data / "a.tif", secret)
    with pytest.raises(UnreadableFileError, match="leads out"):
        found.sources[0].image.read(0, 1)
    for refused in (
        lambda: find_pairs(data, places),
        lambda: open_training_set(data, places=places),
    ):
        with pytest.raises(DeepSXTError, match="leads out"):
            refused()
    # On the command line the folder is the user's own, and may be made of links.
    assert len(find_pairs(data)) == 1
