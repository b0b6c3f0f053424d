"""`deepsxt annotation`, and the other commands on an annotation."""

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import pyvista
import tifffile
import trimesh

from deepsxt_core.annotation import open_annotation
from deepsxt_core.cli.main import main
from deepsxt_core.io import create_score, open_volume, write_tiff
from deepsxt_core.volume import Score, Volume, VoxelSize

SIZE = VoxelSize(20, 10, 10)
VOXEL_UM3 = 2e-6
CALLED = {
    3: ("left", "nucleus", "#0080ff"),
    7: ("right", "mitochondrion", "#ff0010"),
}


@pytest.fixture
def labels() -> np.ndarray:
    """Boxes 3 and 7 that have a face in common, and 9 apart from them."""
    values = np.zeros((16, 24, 40), np.uint16)
    values[4:12, 6:16, 4:14] = 3
    values[4:12, 6:16, 14:26] = 7
    values[4:12, 6:16, 30:36] = 9
    return values


@pytest.fixture
def files(tmp_path, labels):
    """A tomogram, its labels, and what to say about 3 and 7."""
    grey = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    write_tiff(Volume.from_array(grey, SIZE), tmp_path / "cell.tif")
    write_tiff(Volume.from_array(labels, SIZE), tmp_path / "cell.labels.tif")
    operations = []
    for number, (name, class_name, colour) in CALLED.items():
        operations.append({"kind": "edit class", "name": class_name})
        operations.append(
            {
                "kind": "edit objects",
                "objects": [number],
                "name": name,
                "class_name": class_name,
                "colour": colour,
            }
        )
    lines = [json.dumps(operation) for operation in operations]
    (tmp_path / "names.jsonl").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def annotated(files, capsys):
    """An annotation in which 3 and 7 have names and classes, and 9 is not judged."""
    out = files / "cell.annotation"
    call(
        capsys, "new", files / "cell.labels.tif", "--tomogram", files / "cell.tif", "--out", out,
        "--class", "not judged",
    )  # fmt: skip
    call(capsys, "apply", out, files / "names.jsonl")
    return out


def call(capsys, *arguments) -> dict:
    """Run an annotation command that succeeds, and return its report."""
    found = run(capsys, "annotation", *arguments)
    assert found is not None
    return found


def run(capsys, *arguments) -> dict | None:
    """Run a command, and return its report, None if it fails."""
    code = main([*(str(argument) for argument in arguments), "--json"])
    return None if code else json.loads(capsys.readouterr().out)


def refusal(capsys, *arguments) -> str:
    assert main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line


def test_new_makes_an_object_of_each_label(capsys, files, labels):
    out = files / "a"
    report = call(
        capsys, "new", files / "cell.labels.tif", "--tomogram", files / "cell.tif", "--out", out
    )
    assert report["shape"] == [16, 24, 40]
    assert report["voxel_size_nm"] == [20, 10, 10]
    assert report["tomogram"] == str(files / "cell.tif")
    assert [(row["id"], row["class"]) for row in report["objects"]] == [
        (3, "membrane"),
        (7, "membrane"),
        (9, "membrane"),
    ]
    assert call(capsys, "info", out) == report
    np.testing.assert_array_equal(open_annotation(out).labels.read(0, 16), labels)


@pytest.mark.parametrize(("threshold", "sizes"), [("0", [960, 64]), ("0.5", [64])])
def test_new_cuts_a_score_at_the_threshold(capsys, files, threshold, sizes):
    score = np.full((16, 24, 40), -1, np.float32)
    score[2:10, 2:12, 2:14] = 0.3
    score[4:8, 16:20, 30:34] = 0.9
    geometry = open_volume(files / "cell.tif").geometry
    writer = create_score(files / "score.ome.zarr", score.shape, geometry)
    writer.write(0, Score.encode(score))
    call(
        capsys, "new", files / "score.ome.zarr", "--tomogram", files / "cell.tif",
        "--out", files / "a", "--threshold", threshold, "--class", "wall",
    )  # fmt: skip
    annotation = open_annotation(files / "a")
    assert np.bincount(annotation.labels.read(0, 16).ravel())[1:].tolist() == sizes
    assert {row.class_name for row in annotation.objects.values()} == {"wall"}


def test_an_empty_one_is_painted_by_operations(capsys, files):
    out = files / "a"
    assert not call(capsys, "new", "empty", "--tomogram", files / "cell.tif", "--out", out)[
        "objects"
    ]
    runs = {"kind": "runs", "plane": "xy", "runs": [[3, 4, 5, 6]]}
    operation = {"kind": "paint", "object": 2, "stroke": runs}
    (files / "one.jsonl").write_text(json.dumps(operation), encoding="utf-8")
    report = call(capsys, "apply", out, files / "one.jsonl")
    assert (report["operations"], report["voxels"], report["objects"]) == (1, 6, 1)
    expected = np.zeros((16, 24, 40), np.uint16)
    expected[3, 4, 5:11] = 2
    np.testing.assert_array_equal(open_annotation(out).labels.read(0, 16), expected)


def test_apply_stops_at_the_first_refused_line_and_keeps_what_was_done(capsys, annotated, files):
    (files / "some.jsonl").write_text(
        '{"kind": "delete", "objects": [9]}\n\n{"kind": "delete", "objects": [8]}\n'
        '{"kind": "delete", "objects": [7]}\n',
        encoding="utf-8",
    )
    told = refusal(capsys, "annotation", "apply", annotated, files / "some.jsonl")
    assert "Line 3 of 'some.jsonl' was refused" in told
    assert "1 operations before it" in told
    assert "no object 8" in told
    assert [row["id"] for row in call(capsys, "info", annotated)["objects"]] == [3, 7]


def test_undo_and_redo_go_as_far_as_they_are_told(capsys, annotated):
    before = call(capsys, "info", annotated)
    report = call(capsys, "undo", annotated, 3)
    assert (report["operations"], report["undo"], report["redo"]) == (3, 1, 3)
    assert {row["class"] for row in call(capsys, "info", annotated)["objects"]} == {"not judged"}
    told = refusal(capsys, "annotation", "undo", annotated, 2)
    assert "2 operations cannot be undone, 1 can" in told
    call(capsys, "redo", annotated)
    call(capsys, "redo", annotated, 2)
    assert call(capsys, "info", annotated) == before
    assert "at least 1" in refusal(capsys, "annotation", "redo", annotated, 0)


def test_replay_makes_the_same_once_more(capsys, annotated, files, labels):
    report = call(capsys, "replay", annotated, "--out", files / "again")
    assert report["objects"] == call(capsys, "info", annotated)["objects"]
    np.testing.assert_array_equal(open_annotation(files / "again").labels.read(0, 16), labels)


@pytest.mark.parametrize("name", ["out.tif", "out.mrc", "out.ome.zarr"])
def test_export_writes_all_ids(capsys, annotated, files, labels, name):
    report = call(capsys, "export", annotated, "--out", files / name)
    assert report["labels"] == str(files / name)
    table = Path(report["table"]).read_text(encoding="utf-8").splitlines()
    assert table[0] == "id,name,class,colour,state,origin,locked"
    assert [int(line.split(",")[0]) for line in table[1:]] == np.unique(labels)[1:].tolist()
    written = open_volume(files / name)
    np.testing.assert_array_equal(written.read(0, 16), labels)
    assert written.voxel_size_nm == pytest.approx(SIZE)


def test_nothing_is_written_over_what_is_read(capsys, annotated, files):
    inside = annotated / "labels.tif"
    assert "replace" in refusal(capsys, "annotation", "export", annotated, "--out", inside)
    assert "replace" in refusal(capsys, "annotation", "replay", annotated, "--out", annotated)
    assert "replace" in refusal(capsys, "reconstruct", annotated, "--out", annotated)
    again = ("annotation", "new", "empty", "--tomogram", files / "cell.tif", "--out", annotated)
    assert "exists already" in refusal(capsys, *again)
    wrong = refusal(capsys, "annotation", "export", annotated, "--out", files / "labels.jpg")
    assert ".jpg" in wrong
    assert not inside.exists()


@pytest.mark.parametrize(
    "command",
    [
        ("info", "FOLDER"),
        ("undo", "FOLDER"),
        ("export", "FOLDER", "--out", "x.tif"),
        ("replay", "FOLDER", "--out", "x"),
        ("apply", "FOLDER", "x.jsonl"),
    ],
)
def test_what_is_no_annotation_is_refused(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.jsonl").write_text("", encoding="utf-8")
    told = refusal(capsys, "annotation", *command)
    assert "'FOLDER' is no annotation" in told or "no journal at 'FOLDER'" in told


@pytest.mark.parametrize("command", [(), ("new",), ("undo", "a", "many"), ("export", "a")])
def test_wrong_usage(command):
    with pytest.raises(SystemExit) as stopped:
        main(["annotation", *command])
    assert stopped.value.code == 2


@pytest.mark.parametrize("command", [("segment", "--out", "out"), ("info",)])
def test_an_annotation_is_no_tomogram(capsys, annotated, command):
    told = refusal(capsys, *command, annotated)
    assert "is an annotation, no tomogram" in told


def test_surfaces_carry_ids_names_classes_and_colours(capsys, annotated, files, labels):
    out = files / "out"
    report = run(
        capsys, "reconstruct", annotated, "--out", out, "--formats", "ply,obj,vtp,glb,stl",
        "--instances", out / "ids.tif",
    )  # fmt: skip
    assert report["named"] == [
        {"id": number, "name": name, "class": class_name, "colour": colour}
        for number, (name, class_name, colour) in CALLED.items()
    ]
    # They touch, and stay two; what is not judged is none.
    np.testing.assert_array_equal(
        tifffile.imread(out / "ids.tif"), np.where(labels == 9, 0, labels)
    )
    assert report["volume_um3"] == pytest.approx(22 * 8 * 10 * VOXEL_UM3, rel=0.01)

    colours = {bytes.fromhex(colour[1:]) for _, _, colour in CALLED.values()}
    ply = pyvista.read(out / "surface.ply")
    assert {bytes(row) for row in np.unique(ply.point_data["RGB"], axis=0)} == colours
    names = [
        line.split()[1]
        for line in (out / "surface.obj").read_text(encoding="utf-8").splitlines()
        if line.startswith("o ")
    ]
    assert names == ["left", "right"]
    vtp = pyvista.read(out / "surface.vtp")
    assert {bytes(row) for row in np.unique(vtp.point_data["colour"], axis=0)} == colours
    assert vtp.field_data["object_id"].tolist() == [3, 7]
    assert list(vtp.field_data["object_name"]) == ["left", "right"]
    assert list(vtp.field_data["object_class"]) == ["nucleus", "mitochondrion"]
    assert set(vtp.cell_data["object"]) == {3, 7}
    parts = trimesh.load(out / "surface.glb").geometry
    assert {
        name: bytes(part.visual.material.baseColorFactor[:3].tolist())
        for name, part in parts.items()
    } == {name: bytes.fromhex(colour[1:]) for name, _, colour in CALLED.values()}


def test_measured_tables_carry_names_and_classes(capsys, annotated, files):
    report = run(capsys, "measure", annotated, "--out", files / "out")
    assert report["table"]["name"] == ["left", "right"]
    with (files / "out" / "objects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["object"]), row["name"], row["class"]) for row in rows] == [
        (number, name, class_name) for number, (name, class_name, _) in CALLED.items()
    ]
    assert float(rows[1]["volume_um3"]) == pytest.approx(12 * 8 * 10 * VOXEL_UM3, rel=0.01)


def test_the_bundle_holds_what_was_judged(capsys, annotated, files, labels):
    report = run(
        capsys, "export", files / "cell.tif", "--score", annotated, "--out", files / "all.zip"
    )
    assert report["objects"] == 2
    with zipfile.ZipFile(files / "all.zip") as bundle:
        bundle.extractall(files / "all")
    mask = tifffile.imread(files / "all" / "mask.tif")
    np.testing.assert_array_equal(mask != 0, (labels == 3) | (labels == 7))
    table = (files / "all" / "measurements.csv").read_text(encoding="utf-8")
    assert table.splitlines()[0].startswith("object,name,class,")
    record = json.loads((files / "all" / "annotation.run.json").read_text(encoding="utf-8"))
    assert record["source"] == str(files / "cell.labels.tif")


def test_what_is_not_judged_counts_for_neither_side(capsys, annotated, files, labels):
    """The mask has half of 3, all of 9, and a row beside them."""
    marked = (labels == 3) | (labels == 9)
    marked[4:8] &= labels[4:8] != 3
    marked[0, 0] = True
    write_tiff(Volume.from_array(marked.astype(np.uint8), SIZE), files / "mask.tif")
    right, missed, wrong, ignored = 4 * 10 * 10, 4 * 10 * 10 + 8 * 10 * 12, 40, 8 * 10 * 6
    report = run(capsys, "evaluate", files / "mask.tif", annotated)
    assert report["voxels"] == {
        "true_positive": right,
        "false_positive": wrong,
        "false_negative": missed,
        "true_negative": labels.size - right - missed - wrong - ignored,
        "ignored": ignored,
    }
    turned = run(capsys, "evaluate", annotated, files / "mask.tif")["voxels"]
    assert (turned["false_positive"], turned["false_negative"]) == (missed, wrong)
    assert turned["ignored"] == ignored


def test_without_a_class_there_is_no_surface_and_it_is_told_why(capsys, annotated, files):
    call(capsys, "undo", annotated, 4)
    assert main(["reconstruct", str(annotated), "--out", str(files / "out")]) == 1
    told = capsys.readouterr().err
    assert "3 of 3 objects" in told
    assert "give those that are not judged a class" in told


def test_lumens_cannot_be_filled(capsys, annotated, files):
    assert run(capsys, "reconstruct", annotated, "--out", files / "o", "--fill-lumens") is None
    assert "an annotation always has" in capsys.readouterr().err


def test_measurements_say_what_they_are_of_and_what_is_not_seen(capsys, files, annotated, labels):
    with open_annotation(annotated) as annotation:
        annotation.apply({"kind": "edit objects", "objects": [3], "class_name": "membrane"})
    report = run(capsys, "measure", annotated, "--out", files / "out")
    table = report["table"]
    assert table["object"] == [3, 7]
    assert table["measured"] == ["membrane", "body"]
    assert table["cut_by_border"] == [False, False]
    assert table["capped"] == [False, False]
    assert table["state"] == ["machine-made", "machine-made"]
    assert (report["totals"]["membranes"], report["totals"]["bodies"]) == (1, 1)
    moved = np.roll(labels, -4, axis=0)
    write_tiff(Volume.from_array(moved, SIZE), files / "cut.tif")
    cut = run(capsys, "measure", files / "cut.tif", "--out", files / "cut", "--each-label")
    assert cut["table"]["cut_by_border"] == [True, True, True]
    assert "capped" not in cut["table"]


def test_a_review_is_told_with_its_intervals(annotated, labels, capsys):
    assert run(capsys, "annotation", "review", annotated) is None
    (annotated.parent / "judged.jsonl").write_text(
        '{"kind": "plan review", "tile_px": 64}\n'
        '{"kind": "judge", "units": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], '
        '"verdict": "right", "queue": "random"}\n',
        encoding="utf-8",
    )
    call(capsys, "apply", annotated, annotated.parent / "judged.jsonl")
    told = call(capsys, "review", annotated)
    assert told["tiles"]["right"] == told["tiles"]["all"] == 16
    found = {one["name"]: one for one in told["estimates"]}
    volume = np.count_nonzero(labels) * VOXEL_UM3
    assert found["volume"]["low"] == found["volume"]["high"] == pytest.approx(volume)
    assert found["count"]["value"] is None
    assert main(["annotation", "review", str(annotated)]) == 0
    assert "f1        1 (1 to 1)" in capsys.readouterr().out


def test_a_click_and_proposals_tell_volumes_with_their_interval(capsys, tmp_path):
    z, y, x = np.indices((40, 56, 60), dtype=np.float32)
    radius = np.sqrt((z - 20) ** 2 + (y - 28) ** 2 + (x - 30) ** 2)
    wall = (np.abs(radius - 12) < 3.5) & (np.abs(z - 20) < 9)
    writer = create_score(tmp_path / "score.ome.zarr", wall.shape, VoxelSize(10, 10, 10))
    writer.write(0, Score.encode(np.where(wall, 0.95, -0.95).astype(np.float32)))
    cell = tmp_path / "cell.tif"
    write_tiff(Volume.from_array(np.zeros(wall.shape, np.uint8), VoxelSize(10, 10, 10)), cell)
    out, score = tmp_path / "a", ("--score", tmp_path / "score.ome.zarr")
    call(capsys, "new", "empty", "--tomogram", cell, "--out", out)
    clicked = call(capsys, "click", out, "--at", "20,28,30", *score)
    assert clicked["volume_um3"] == pytest.approx(clicked["voxels"] * 1e-6)
    low, high = clicked["volume_interval_um3"]
    # The membrane is drawn 7 voxels wide, to both sides of the surface.
    assert low < np.count_nonzero(radius <= 12) * 1e-6 < high
    call(capsys, "undo", out)
    (proposed,) = call(capsys, "propose", out, *score)["objects"]
    with open_annotation(out) as annotation:
        voxels = np.count_nonzero(annotation.labels.read(0, 40) == proposed["id"])
    assert proposed["voxels"] == voxels
    assert proposed["volume_um3"] == pytest.approx(voxels * 1e-6)
    assert proposed["volume_interval_um3"][0] < proposed["volume_um3"]
