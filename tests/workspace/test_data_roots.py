from pathlib import Path

import pytest

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.workspace import data_roots


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "beamline"
    for name in ("b.mrc", "a.tif", "inside/c.h5", "notes.txt", ".hidden/d.tif"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "secret.tif").write_bytes(b"x")
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(folder))
    return folder


def test_tomograms_are_listed_without_hidden_and_other_files(root):
    assert data_roots.list_files(root) == ["a.tif", "b.mrc", str(Path("inside", "c.h5"))]


def test_what_is_listed_can_be_found(root):
    for name in data_roots.list_files(root):
        assert data_roots.find_file(root, name) == (root / name).resolve()


@pytest.mark.parametrize(
    "name", ["../secret.tif", "/etc/hostname", "inside/../../secret.tif", "gone.tif", "inside", ""]
)
def test_nothing_outside_the_folder_is_found(root, name):
    with pytest.raises(UnreadableFileError, match="not a file"):
        data_roots.find_file(root, name)


def test_a_link_does_not_lead_out(root):
    (root / "link.tif").symlink_to(root.parent / "secret.tif")
    with pytest.raises(UnreadableFileError):
        data_roots.find_file(root, "link.tif")


def test_folders_with_labels_are_offered_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(tmp_path))
    for name in ("a/x.labels.tif", "a/b/set.npz", "c/image.tif", ".hidden/x.labels.tif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert data_roots.list_folders(tmp_path, {".labels", ".npz"}) == ["a", "a/b"]
    assert data_roots.find_folder(tmp_path, "a/b") == tmp_path / "a" / "b"
    for wrong in ("..", "nowhere"):
        with pytest.raises(UnreadableFileError, match="not a folder"):
            data_roots.find_folder(tmp_path, wrong)


def test_what_lies_behind_a_linked_folder_is_neither_listed_nor_found(root):
    (root.parent / "other").mkdir()
    (root.parent / "other" / "e.tif").write_bytes(b"x")
    (root / "linked").symlink_to(root.parent / "other", target_is_directory=True)
    assert "e.tif" not in " ".join(data_roots.list_files(root))
    with pytest.raises(UnreadableFileError):
        data_roots.find_file(root, "linked/e.tif")
