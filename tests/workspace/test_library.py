"""The list of all tomograms, what is written down about them, and the trash."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepsxt_core.errors import DeepSXTError, VolumeError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace, trash
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.catalogue import catalogue, known_tags, matching, ordered, with_facts
from deepsxt_core.workspace.glance import picture
from deepsxt_core.workspace.remarks import remarks_of, write_remarks
from deepsxt_core.workspace.tomogram import new_tomogram, write_tomogram
from tests.results import add_score, add_surface, ball

SHAPE = (6, 24, 32)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def tomogram(workspace, tmp_path):
    path = tmp_path / "cell_1.tif"
    noise = np.random.default_rng(0).normal(1000, 50, SHAPE)
    write(path, noise.astype(np.uint16))
    return workspace.add_file(path)


def write(path, array):
    tifffile.imwrite(path, array, imagej=True, metadata={"axes": "ZYX"})


def size_of(path):
    with Image.open(path) as image:
        return image.size


def only_entry(workspace):
    (entry,) = catalogue(workspace)
    return entry


def many(workspace, count):
    for number in range(count):
        folder = workspace.folder / "tomograms" / f"{number:018x}"
        folder.mkdir(parents=True)
        source = folder.parent.parent / f"cell {number}.tif"
        write_tomogram(new_tomogram(folder.name, folder, source, source.name, None))
        write_remarks(folder, ["even" if number % 2 == 0 else "odd"], "")


@pytest.fixture
def reads(monkeypatch) -> Counter:
    """Count how often each file is read as text."""
    counted: Counter = Counter()
    read_text = Path.read_text

    def counting(self, *args, **kwargs):
        counted[self] += 1
        return read_text(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", counting)
    return counted


def test_500_tomograms_are_read_once_and_then_only_what_changed(workspace, reads):
    many(workspace, 500)
    assert len(catalogue(workspace)) == 500
    assert max(reads.values()) == 1
    reads.clear()
    assert len(catalogue(workspace)) == 500
    assert not reads
    workspace.rename(f"{7:018x}", "another")
    reads.clear()
    assert {entry.tomogram.name for entry in catalogue(workspace)} >= {"another", "cell 8.tif"}
    assert reads and all(f"{7:018x}" in path.parts for path in reads)


def test_an_entry_follows_what_is_made(workspace, tomogram):
    assert only_entry(workspace).states == ("unscored",)
    score = add_score(tomogram, ball((4, *SHAPE[1:]), 5), first_slice=1)
    entry = only_entry(workspace)
    assert (entry.scored, entry.slices, entry.states) == ((1, 5), 6, ("scored",))
    add_surface(tomogram, score)
    add_annotation(tomogram, "mine")
    entry = only_entry(workspace)
    assert entry.states == ("scored", "surfaces", "annotated")
    assert (entry.scores, entry.surfaces, entry.annotations) == (1, 1, 1)


def test_the_size_is_the_confirmed_one_else_that_of_the_file(workspace, tomogram):
    assert only_entry(workspace).facts is None
    (entry,) = with_facts(catalogue(workspace))
    assert entry.facts.shape == SHAPE and entry.voxel_size_nm is None
    tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    assert only_entry(workspace).facts.shape == SHAPE
    assert only_entry(workspace).voxel_size_nm == (20, 20, 20)


def test_a_file_that_is_gone_or_another_one_is_looked_into_again(workspace, tomogram):
    with_facts(catalogue(workspace))
    write(tomogram.source, np.zeros((3, 4, 5), np.uint8))
    assert only_entry(workspace).facts is None
    assert with_facts(catalogue(workspace))[0].facts.shape == (3, 4, 5)
    tomogram.source.unlink()
    (entry,) = with_facts(catalogue(workspace))
    assert entry.facts.shape is None and entry.facts.problem


def test_the_picture_is_made_once_for_each_state_of_the_file(tomogram):
    path = picture(tomogram)
    assert size_of(path) == (SHAPE[2], SHAPE[1])
    made = path.stat().st_mtime_ns
    assert picture(tomogram).stat().st_mtime_ns == made
    write(tomogram.source, np.zeros((3, 900, 1200), np.uint8))
    other = picture(tomogram)
    assert size_of(other) == (144, 108)
    assert other != path and not path.exists()
    write(tomogram.source, np.full((3, 4, 5), np.nan, np.float32))
    with pytest.raises(VolumeError):
        picture(tomogram)


def test_search_filter_and_order(workspace):
    many(workspace, 12)
    write_remarks(workspace.folder / "tomograms" / f"{3:018x}", ["odd", "Müller"], "Dose too high")
    entries = catalogue(workspace)

    def names(**wanted):
        found = ordered(matching(entries, **wanted), "name")
        return [entry.tomogram.name for entry in found]

    assert names()[:3] == ["cell 0.tif", "cell 1.tif", "cell 2.tif"]
    assert names()[-1] == "cell 11.tif"
    assert names(text="MÜLLER dose") == ["cell 3.tif"]
    assert names(text="dose cell 4") == []
    assert names(tags=["odd", "Müller"]) == ["cell 3.tif"]
    assert len(names(tags=["even"], states=["unscored"])) == 6
    assert names(states=["scored"]) == []
    assert known_tags(entries) == ["even", "Müller", "odd"]
    assert ordered(entries, "newest")[0].tomogram.name == "cell 11.tif"


@pytest.mark.usefixtures("tomogram")
def test_the_largest_comes_first_and_the_unknown_last(workspace, tmp_path):
    write(tmp_path / "small.tif", np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    workspace.add_file(tmp_path / "small.tif")
    known = with_facts(catalogue(workspace))
    many(workspace, 1)
    entries = ordered([*catalogue(workspace)[:1], *known], "largest")
    assert [entry.tomogram.name for entry in entries] == ["cell_1.tif", "small.tif", "cell 0.tif"]


def test_a_name_is_one_line_and_never_empty(workspace, tomogram):
    assert workspace.rename(tomogram.id, " new\nname ").name == "newname"
    assert workspace.rename(tomogram.id, " \t ").name == "cell_1.tif"
    assert workspace.tomogram(tomogram.id).name == "cell_1.tif"


def test_remarks_are_kept_tidy(tomogram):
    kept = write_remarks(tomogram.folder, ["b", " a", "b", "", "x" * 100], "  two\nlines ")
    assert kept.tags == ("a", "b", "x" * 40) and kept.notes == "two\nlines"
    assert remarks_of(tomogram.folder) == kept
    write_json(tomogram.folder / "remarks.json", {"tags": [1, "a"], "notes": None})
    assert remarks_of(tomogram.folder).tags == ("a",)


def test_what_is_deleted_can_be_restored_with_all_that_was_made(workspace, tomogram):
    score = add_score(tomogram, ball(SHAPE, 5))
    write_remarks(tomogram.folder, ["mine"], "")
    deleted = trash.discard(workspace, tomogram)
    assert catalogue(workspace) == [] and tomogram.source.is_file()
    with pytest.raises(DeepSXTError, match="no tomogram"):
        workspace.tomogram(tomogram.id)
    (found,) = trash.discarded(workspace)
    assert found == deleted and found.name == "cell_1.tif"
    restored = trash.restore(workspace, deleted.token)
    assert restored == tomogram and restored.result("scores", score.id)
    assert only_entry(workspace).remarks.tags == ("mine",)
    assert trash.discarded(workspace) == []
    assert not (restored.folder / "deleted.json").exists()


def test_the_sample_can_be_deleted_twice_and_is_not_overwritten(workspace):
    first = trash.discard(workspace, workspace.add_sample())
    again = workspace.add_sample()
    with pytest.raises(DeepSXTError, match="in the library already"):
        trash.restore(workspace, first.token)
    trash.discard(workspace, again)
    assert len(trash.discarded(workspace)) == 2
    trash.erase(workspace, first.token)
    assert len(trash.discarded(workspace)) == 1
    with pytest.raises(DeepSXTError, match="not in the trash"):
        trash.restore(workspace, first.token)
    with pytest.raises(DeepSXTError, match="not in the trash"):
        trash.restore(workspace, "../tomograms")


def test_only_what_was_deleted_long_ago_goes_for_good(workspace, tomogram, tmp_path):
    write(tmp_path / "b.tif", np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    old = trash.discard(workspace, tomogram)
    recent = trash.discard(workspace, workspace.add_file(tmp_path / "b.tif"))
    note = old.folder / "deleted.json"
    long_ago = datetime.now(UTC) - trash.KEPT_FOR - timedelta(minutes=1)
    write_json(note, read_json(note) | {"deleted": long_ago.isoformat()})
    assert [deleted.token for deleted in trash.empty(workspace)] == [old.token]
    assert [deleted.token for deleted in trash.discarded(workspace)] == [recent.token]
    assert tomogram.source.is_file()
