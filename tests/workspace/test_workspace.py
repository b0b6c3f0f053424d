import hashlib
import json
import multiprocessing
import os
import resource
import signal
import string
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.errors import (
    DatasetChoiceError,
    DeepSXTError,
    InvalidParameterError,
    NoRoomError,
    VolumeError,
)
from deepsxt_core.files import (
    partial_folder,
    publish,
    read_json,
    safe_name,
    write_json,
)
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace, recipe_hash, uploads

HOSTILE_NAMES = [
    "../../x",
    "a/b",
    "C:\\x",
    "..",
    ".",
    "",
    "nul\0byte.tif",
    "NUL",
    "con.tif",
    "long" * 200 + ".tif",
    "ł" * 300 + ".mrc",
    "細胞 1.tif",
    ".hidden",
    "line\nbreak",
    "tomogram.json",
    "x." + "y" * 300,
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    path = tmp_path / "scan.tif"
    voxels = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    tifffile.imwrite(path, voxels, imagej=True, metadata={"axes": "ZYX"})
    return path


def upload(workspace: Workspace, name: str, content: bytes) -> str:
    upload = uploads.begin(workspace, name or "unnamed", len(content))
    upload.path.write_bytes(content)
    return uploads.accept(workspace, upload, hashlib.sha256(content).hexdigest()).id


def finish(tomogram, kind, recipe, run) -> str:
    final = tomogram.result_folder(kind, recipe)
    partial = partial_folder(final, "producer")
    partial.mkdir(parents=True)
    write_json(partial / "run.json", run)
    publish(partial, final)
    return final.name


@given(st.text() | st.sampled_from(HOSTILE_NAMES))
def test_safe_name_is_one_short_visible_component(name):
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 150
    assert Path(safe).name == safe and not safe.startswith(".")
    assert safe == safe.rstrip(". ")
    assert not set(safe) & set('/\\:*?"<>|\0\n')
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scan 1.tif", "scan 1.tif"),
        ("../../x", "x"),
        ("C:\\data\\a.mrc", "a.mrc"),
        ("NUL.tif", "_NUL.tif"),
    ],
)
def test_safe_name_keeps_what_it_can(name, expected):
    assert safe_name(name) == expected


def test_safe_name_keeps_the_suffix_of_a_long_name():
    assert safe_name("long" * 200 + ".tif").endswith("lo.tif")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_upload_stays_in_its_folder(workspace, tiff, name):
    tomogram = workspace.tomogram(upload(workspace, name, tiff.read_bytes()))
    assert tomogram.source.resolve().parent == tomogram.folder / "source"
    assert tomogram.volume().shape == (3, 4, 5)
    assert [path.name for path in workspace.folder.parent.iterdir()] == ["scan.tif", "workspace"]


def test_upload_keeps_the_name_for_people(workspace, tiff):
    tomogram = workspace.tomogram(upload(workspace, "Zelle: 3/4?.tif", tiff.read_bytes()))
    assert tomogram.name == "Zelle: 3/4?.tif"


def test_upload_is_invisible_until_it_is_accepted(workspace):
    upload = uploads.begin(workspace, "scan.tif", 100)
    assert workspace.tomograms() == []
    with pytest.raises(DeepSXTError, match="no tomogram"):
        workspace.tomogram(upload.id)


def test_unreadable_upload_leaves_nothing(workspace):
    with pytest.raises(VolumeError):
        upload(workspace, "scan.tif", b"not a tomogram")
    assert not [path for path in workspace.folder.rglob("*") if path.is_file()]


def test_discarded_upload_is_gone(workspace):
    upload = uploads.begin(workspace, "scan.tif", 100)
    uploads.discard(workspace, upload.id)
    assert not upload.path.exists()
    with pytest.raises(DeepSXTError, match="no unfinished upload"):
        uploads.find(workspace, upload.id)


def test_an_upload_is_found_again_and_goes_on(workspace):
    content = bytes(range(256)) * 50
    upload = uploads.begin(workspace, "scan.tif", len(content))
    with uploads.Arrival(upload.path) as arrival:
        arrival.add(content[:1000])
    found = uploads.find(workspace, upload.id)
    assert (found, found.received) == (upload, 1000)
    with uploads.Arrival(found.path) as arrival:
        assert arrival.n_bytes == 1000
        arrival.add(content[1000:])
        assert arrival.sha256 == hashlib.sha256(content).hexdigest()
    assert found.path.read_bytes() == content


def test_a_full_disk_takes_a_piece_as_a_whole_or_not_at_all(workspace):
    upload = uploads.begin(workspace, "scan.tif", 100)
    with uploads.Arrival(upload.path) as arrival:
        arrival.add(b"12345")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, limits[1]))
        try:
            with pytest.raises(NoRoomError, match="disk is full"):
                arrival.add(b"67890")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, ignored)
        assert upload.path.read_bytes() == b"12345"
        arrival.add(b"678")
        assert arrival.sha256 == hashlib.sha256(b"12345678").hexdigest()


def test_forgotten_uploads_are_given_up(workspace):
    old, young = (uploads.begin(workspace, name, 100) for name in ("old.tif", "young.tif"))
    for path in [old.path, *old.path.parents[1].iterdir()]:
        os.utime(path, (time.time() - 3 * 24 * 3600,) * 2)
    uploads.begin(workspace, "new.tif", 100)
    assert not old.path.exists()
    assert young.path.exists()


def test_the_hash_of_an_upload_is_not_computed_again(workspace, tiff, monkeypatch):
    tomogram = workspace.tomogram(upload(workspace, "scan.tif", tiff.read_bytes()))
    monkeypatch.setattr("deepsxt_core.fingerprints.file_sha256", None)
    assert tomogram.input_sha256() == hashlib.sha256(tiff.read_bytes()).hexdigest()


def test_add_file_refers_to_the_file_in_place(workspace, tiff):
    tomogram = workspace.add_file(tiff)
    assert tomogram.source == tiff.resolve()
    assert tomogram.name == "scan.tif"
    assert np.array_equal(tomogram.volume().read(1, 2), tifffile.imread(tiff)[1:2])
    workspace.remove(tomogram.id)
    assert tiff.exists() and not tomogram.folder.exists()


def test_the_same_file_is_the_same_tomogram(workspace, tiff):
    first = workspace.add_file(tiff)
    assert workspace.add_file(tiff.parent / "." / tiff.name).id == first.id


def test_several_candidates_are_chosen_later(workspace, tmp_path):
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros((2, 3, 4), np.float32)
        file["b"] = np.ones((5, 6, 7), np.float32)
    tomogram = workspace.add_file(path)
    with pytest.raises(DatasetChoiceError) as caught:
        tomogram.volume()
    chosen = tomogram.update(dataset=caught.value.candidates[1])
    assert workspace.tomogram(tomogram.id).volume().shape == chosen.volume().shape == (5, 6, 7)


@pytest.mark.probe
def test_a_file_that_kills_its_reader_is_not_added(workspace, tiff, monkeypatch):
    killing = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr("deepsxt_core.io.probe.COMMAND", killing)
    with pytest.raises(VolumeError, match="could not be read: its process"):
        workspace.add_file(tiff)
    with pytest.raises(VolumeError, match="could not be read: its process"):
        upload(workspace, "scan.tif", tiff.read_bytes())
    assert workspace.tomograms() == []
    monkeypatch.undo()
    assert workspace.add_file(tiff).volume().shape == (3, 4, 5)


def test_missing_file_is_not_added(workspace, tmp_path):
    with pytest.raises(VolumeError):
        workspace.add_file(tmp_path / "absent.tif")
    assert workspace.tomograms() == []


@pytest.mark.parametrize(
    "tomogram_id", ["", "..", "../x", "/etc", "a" * 15, "a" * 65, "G" * 20, "a" * 20 + "\n", "\0"]
)
def test_malformed_or_unknown_id_says_what_to_do(workspace, tomogram_id):
    for ask in (workspace.tomogram, workspace.remove):
        with pytest.raises(DeepSXTError, match="open the file again"):
            ask(tomogram_id)


def test_update_is_kept(workspace, tiff):
    tomogram = workspace.add_file(tiff)
    size = VoxelSize(10.5, 11, 12)
    assert tomogram.update(voxel_size_nm=size, invert=True) == workspace.tomogram(tomogram.id)
    kept = workspace.tomogram(tomogram.id)
    assert (kept.voxel_size_nm, kept.invert, kept.created) == (size, True, tomogram.created)
    assert isinstance(kept.voxel_size_nm, VoxelSize)
    assert kept.volume().voxel_size_nm == size
    assert kept.update(voxel_size_nm=None).voxel_size_nm is None
    assert workspace.tomogram(tomogram.id).invert is True


def test_update_keeps_what_was_changed_elsewhere(workspace, tiff):
    tomogram = workspace.add_file(tiff)
    tomogram.update(invert=False)
    assert tomogram.update(name="other").invert is False


def test_tomograms_are_newest_first_and_broken_ones_left_out(workspace, tiff):
    ids = [upload(workspace, f"{n}.tif", tiff.read_bytes()) for n in range(3)]
    broken = workspace.tomogram(ids[1]).folder / "tomogram.json"
    for content in ("{", "{}", "[]", json.dumps({"name": 1})):
        broken.write_text(content)
        assert [tomogram.id for tomogram in workspace.tomograms()] == [ids[2], ids[0]]


def test_a_workspace_can_be_moved(workspace, tiff):
    tomogram_id = upload(workspace, "scan.tif", tiff.read_bytes())
    moved = workspace.folder.rename(workspace.folder.with_name("moved"))
    assert Workspace(moved).tomogram(tomogram_id).volume().shape == (3, 4, 5)


def test_input_hash_follows_the_content(workspace, tiff):
    tomogram = workspace.add_file(tiff)
    before = tomogram.input_sha256()
    assert tomogram.input_sha256() == before
    tiff.write_bytes(tiff.read_bytes() + b"\0")
    assert tomogram.input_sha256() != before
    tiff.unlink()
    with pytest.raises(DeepSXTError, match="Put the file back"):
        tomogram.input_sha256()


def test_input_hash_is_not_computed_twice(workspace, tiff):
    tomogram = workspace.add_file(tiff)
    tomogram.input_sha256()
    kept = read_json(tomogram.folder / "input.json")
    write_json(tomogram.folder / "input.json", kept | {"sha256": "remembered"})
    assert tomogram.input_sha256() == "remembered"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_recipe_hash_ignores_order_and_survives_json(recipe):
    digest = recipe_hash(recipe)
    assert digest == recipe_hash(dict(reversed(recipe.items())))
    assert digest == recipe_hash(json.loads(json.dumps(recipe)))
    assert set(digest) <= set(string.hexdigits)
    assert digest != recipe_hash(recipe | {"one more": 1, "and": digest})


def test_results_are_the_finished_ones_newest_first(workspace, tiff):
    tomogram = workspace.add_file(tiff)
    assert tomogram.results("scores") == []
    first = finish(tomogram, "scores", {"n": 1}, {"seconds": 1})
    second = finish(tomogram, "scores", {"n": 2}, {"seconds": 2})
    unfinished = tomogram.result_folder("scores", {"n": 3})
    partial_folder(unfinished, "producer").mkdir()
    damaged = tomogram.result_folder("scores", {"n": 4})
    damaged.mkdir()
    (damaged / "run.json").write_text("{")
    # Both were finished within the resolution of the file system's clock, perhaps.
    results = tomogram.results("scores")
    assert {result.id: result.run for result in results} == {
        first: {"seconds": 1},
        second: {"seconds": 2},
    }
    assert results == sorted(results, key=lambda result: result.finished, reverse=True)
    assert tomogram.results("surfaces") == []
    assert tomogram.result("scores", first).folder == tomogram.result_folder("scores", {"n": 1})


@pytest.mark.parametrize("result_id", ["..", "a" * 20, "../../x"])
def test_unknown_result_says_what_to_do(workspace, tiff, result_id):
    with pytest.raises(DeepSXTError, match="run the step again"):
        workspace.add_file(tiff).result("scores", result_id)


def test_unknown_kind_of_result_is_refused(workspace, tiff):
    with pytest.raises(InvalidParameterError, match="scores, surfaces"):
        workspace.add_file(tiff).results("../scores")


def test_the_first_to_publish_is_kept(tmp_path):
    final = tmp_path / "result"
    for producer in ("first", "second"):
        partial = partial_folder(final, producer)
        partial.mkdir()
        write_json(partial / "run.json", {"by": producer})
        publish(partial, final)
    assert read_json(final / "run.json") == {"by": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_damaged_final_folder_is_replaced(tmp_path):
    final = tmp_path / "result"
    final.mkdir()
    (final / "run.json").write_text("{")
    partial = partial_folder(final, "producer")
    partial.mkdir()
    write_json(partial / "run.json", {})
    publish(partial, final)
    assert read_json(final / "run.json") == {}


def test_write_json_waits_for_a_reader_that_holds_the_file(tmp_path, monkeypatch):
    replace, refusals = Path.replace, iter([True, True, False])

    def refuse_twice(self, target):
        if next(refusals):
            raise PermissionError
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse_twice)
    monkeypatch.setattr("deepsxt_core.files._WRITE_PAUSE_S", 0)
    write_json(tmp_path / "a.json", {"a": 1})
    assert read_json(tmp_path / "a.json") == {"a": 1}
    assert next(refusals, None) is None


def test_write_json_gives_up_without_litter(tmp_path, monkeypatch):
    def refuse(_self, _target):
        raise PermissionError

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("deepsxt_core.files._WRITE_PAUSE_S", 0)
    with pytest.raises(PermissionError):
        write_json(tmp_path / "a.json", {})
    assert list(tmp_path.iterdir()) == []


def _write_until(stop: Event, path: Path, letter: str) -> None:
    while not stop.is_set():
        write_json(path, {"text": letter * 50_000})


def test_a_reader_never_sees_half_a_json_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"text": "a"})
    processes = multiprocessing.get_context("spawn")
    stop = processes.Event()
    writer = processes.Process(target=_write_until, args=(stop, path, "b"))
    writer.start()
    seen = 0
    try:
        while seen < 100 and writer.is_alive():
            content = read_json(path)
            assert content is not None
            seen += content["text"] == "b" * 50_000
    finally:
        stop.set()
        writer.join()
    assert (writer.exitcode, seen) == (0, 100)


def test_the_sample_is_made_once(workspace):
    first = workspace.add_sample()
    second = workspace.add_sample()
    assert first == second
    volume = first.volume()
    assert volume.voxel_size_nm is not None and volume.shape[0] > 1
    assert [tomogram.id for tomogram in workspace.tomograms()] == [first.id]


def test_the_default_folder_is_that_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSXT_HOME", str(tmp_path))
    assert Workspace().folder == tmp_path
