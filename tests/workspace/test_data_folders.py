"""A folder of the server as a list: what is in it, how large and how old, and nothing else."""

import os

import pytest

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.workspace import data_folders
from deepsxt_core.workspace.data_folders import list_folder
from deepsxt_core.workspace.data_roots import find_file


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Files whose sizes and ages run against the order of their names."""
    folder = tmp_path / "beamline"
    names = ("c10.mrc", "c9.tif", "B.tif", "notes.txt", ".hidden.tif", "day 2/deep/c9.h5")
    for n, name in enumerate((*names, "empty/.keep", "zarr/zarr.json")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (n + 1))
        os.utime(path, (1e9 + n, 1e9 + n))
    for number in range(5):
        (folder / "day 2" / f"slice_{number}.tif").write_bytes(b"x")
    (tmp_path / "secret.tif").write_bytes(b"x")
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(folder))
    return folder


def names(listing):
    return [item.name for item in listing.items]


def test_folders_come_first_and_numbers_are_in_order(root):
    listing = list_folder(root, "")
    assert names(listing) == ["day 2", "empty", "B.tif", "c9.tif", "c10.mrc", "zarr"]
    assert [item.is_folder for item in listing.items] == [True, True, False, False, False, False]
    assert listing.is_complete and not listing.is_stack and not listing.unreadable


def test_sizes_and_dates_are_told_and_order_the_list(root):
    by_name = {item.name: item for item in list_folder(root, "").items}
    assert (by_name["c10.mrc"].size_bytes, by_name["c9.tif"].size_bytes) == (1, 2)
    assert by_name["zarr"].size_bytes is None
    assert by_name["c9.tif"].changed.timestamp() == 1e9 + 1
    assert names(list_folder(root, "", order="newest"))[-3:] == ["B.tif", "c9.tif", "c10.mrc"]
    assert names(list_folder(root, "", order="largest"))[2:5] == ["B.tif", "c9.tif", "c10.mrc"]


def test_a_search_goes_below_and_finds_all_words(root):
    assert names(list_folder(root, "", text="C9")) == ["c9.tif", "day 2/deep/c9.h5"]
    assert names(list_folder(root, "day 2", text="9 deep")) == ["deep/c9.h5"]
    for name in names(list_folder(root, "", text="c9")):
        assert find_file(root, name) == root / name


def test_a_folder_of_slices_is_one_tomogram(root):
    assert list_folder(root, "day 2").is_stack
    assert find_file(root, "day 2") == root / "day 2"


def test_nothing_leads_out_of_the_folder(root):
    (root / "out.tif").symlink_to(root.parent / "secret.tif")
    (root / "away").symlink_to(root.parent, target_is_directory=True)
    assert not {"out.tif", "away"} & set(names(list_folder(root, "")))
    assert names(list_folder(root, "", text="secret")) == []
    for name in ("..", "away", "day 2/../..", "/etc"):
        with pytest.raises(UnreadableFileError, match="not a folder"):
            list_folder(root, name)


def test_a_circle_of_links_is_not_followed(root):
    (root / "empty" / "round").symlink_to(root, target_is_directory=True)
    assert names(list_folder(root, "", text="c10")) == ["c10.mrc"]


def test_what_cannot_be_read_is_said(root, monkeypatch):
    (root / "gone.tif").symlink_to(root / "nowhere.tif")
    (root / os.fsdecode(b"caf\xe9.tif")).touch()
    listing = list_folder(root, "")
    assert listing.unreadable == ("caf?.tif", "gone.tif")
    assert "B.tif" in names(listing)

    scandir = os.scandir

    def refuse(path):
        if path.name == "day 2":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(data_folders.os, "scandir", refuse)
    assert "day 2" in list_folder(root, "", text="tif").unreadable
    with pytest.raises(UnreadableFileError, match="'day 2' cannot be read: Permission denied"):
        list_folder(root, "day 2")


def test_a_large_folder_is_listed_in_part_and_says_so(root, monkeypatch):
    monkeypatch.setattr(data_folders, "MOST_LOOKED_AT", 3)
    listing = list_folder(root, "")
    assert not listing.is_complete and len(listing.items) <= 3
    assert not list_folder(root, "", text="slice").is_complete
