"""Mistakes on the command line: told in one line, before any work, with nothing destroyed."""

import hashlib
import json

import mrcfile
import numpy as np
import pytest
import tifffile

from deepsxt_core import settings
from deepsxt_core.cli.main import main
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import keep_apart
from deepsxt_core.io import create_score, open_volume, write_tiff
from deepsxt_core.network import save_model
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow.segmentation import segment
from tests.jobs.stand_in_network import MODEL
from tests.models import small_config, small_network


@pytest.fixture
def tomogram(tmp_path):
    array = np.random.default_rng(0).normal(size=(6, 20, 24)).astype(np.float32)
    path = tmp_path / "o" / "tomogram.tif"
    path.parent.mkdir()
    write_tiff(Volume.from_array(array, VoxelSize(20, 10, 10)), path)
    return path


@pytest.fixture
def mask(tomogram):
    voxels = np.zeros((9, 12, 20), np.uint8)
    voxels[2:7, 2:9, 2:8] = 1
    path = tomogram.with_name("mask.tif")
    tifffile.imwrite(path, voxels, imagej=True, metadata={"axes": "ZYX"})
    return path


@pytest.fixture
def score(mask):
    path = mask.with_name("score.ome.zarr")
    create_score(path, (9, 12, 20), None).write(0, 255 * tifffile.imread(mask))
    return path


@pytest.fixture
def no_work(monkeypatch):
    """Fail where a network is loaded or surfaces are made."""

    def work(*_args, **_kwargs):
        raise AssertionError("The work began.")

    for name in (
        "cli.segmenting.open_model",
        "cli.surfaces.reconstruct_to",
        "workflow.pipeline.measure",
        "workflow.simulation.simulate",
    ):
        monkeypatch.setattr(f"deepsxt_core.{name}", work)


def fails(capsys, *arguments):
    """Run a command that must end with one line and exit code 1; return the line."""
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if not line.startswith("Note:")]
    assert (code, printed.out, len(lines)) == (1, "", 1), printed
    return lines[0]


def state(folder):
    """Return a hash of each file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("command", ["run", "segment"])
@pytest.mark.usefixtures("no_work")
def test_what_is_segmented_already_is_refused_with_a_hint(capsys, mask, score, tmp_path, command):
    before = state(tmp_path)
    for path in (score, mask):
        assert "deepsxt reconstruct" in fails(capsys, command, path, "--out", tmp_path / "o")
        assert "deepsxt reconstruct" in fails(capsys, command, path, "--out", tmp_path / "new")
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [
        "run {o}/surface.stl.mrc --out {o} --instances {o}/surface.stl.mrc",
        "segment {o}/score.ome.zarr.mrc --out {o}/link",
        "segment {tomogram} --out {folder_of_names}",
        "run {tomogram} --out {o} --instances {tomogram}",
        "run {tomogram} --out {o} --instances {o}/../o/tomogram.tif",
        "run {tomogram} --out {o} --instances {link}",
        "reconstruct {mask} --out {o} --instances {mask}",
        "reconstruct {score} --out {o} --instances {score}",
        "reconstruct {score} --out {o} --instances {score}/0/x.tif",
        "measure {mask} --out {o} --tomogram {o}/objects.csv",
        "export {tomogram} --score {mask} --out {mask}",
        "export {tomogram} --score {score} --out {tomogram}",
        "batch {tomogram} --recipe {o}/recipe.toml --out {o}",
        "batch {o}/summary.csv --recipe {tmp}/r.toml --out {o}",
    ],
)
@pytest.mark.usefixtures("no_work")
def test_no_command_writes_over_what_it_reads(capsys, tomogram, mask, score, tmp_path, arguments):
    folder = tmp_path / "o"
    (folder / "recipe.toml").write_text("[export]\nmeshes = []\n")
    (tmp_path / "r.toml").write_text("[export]\nmeshes = []\n")
    (folder / "objects.csv").write_bytes(tomogram.read_bytes())
    (folder / "summary.csv").write_bytes(tomogram.read_bytes())
    for name in ("surface.stl.mrc", "score.ome.zarr.mrc"):
        with mrcfile.new(folder / name) as file:
            file.set_data(np.random.default_rng(0).normal(size=(6, 20, 24)).astype(np.float32))
    (tmp_path / "link.tif").symlink_to(tomogram)
    # The score is named as the file that is read, through a link.
    (folder / "link").mkdir()
    (folder / "link" / "mask.tif").symlink_to(folder / "score.ome.zarr.mrc")
    names = tmp_path / "names"
    names.mkdir()
    (names / "mask.tif").hardlink_to(tomogram)
    before = state(tmp_path)
    filled = arguments.format(
        o=folder, tomogram=tomogram, mask=mask, score=score, tmp=tmp_path,
        link=tmp_path / "link.tif", folder_of_names=names,
    )  # fmt: skip
    assert "would replace" in fails(capsys, *filled.split())
    assert state(tmp_path) == before


def test_a_batch_keeps_apart_from_the_folder_of_each_tomogram(capsys, tomogram, tmp_path):
    """A tomogram in the folder that is named after it: the batch would fill that folder."""
    inside = tmp_path / "cell" / "cell.tif"
    inside.parent.mkdir()
    inside.write_bytes(tomogram.read_bytes())
    (tmp_path / "r.toml").write_text("[export]\nmeshes = []\n")
    line = fails(capsys, "batch", inside, "--recipe", tmp_path / "r.toml", "--out", tmp_path)
    assert "would replace" in line


def test_a_model_is_not_exported_into_itself(capsys, workspace_home):
    folder = workspace_home / "models" / "mine"
    save_model(folder, small_network(), small_config(2), "# Mine")
    before = state(folder)
    assert "would replace" in fails(
        capsys, "models", "export", "mine", folder / "network.weights.h5"
    )
    assert state(folder) == before


def test_the_library_does_not_segment_over_its_input_either(score):
    with pytest.raises(InvalidParameterError, match="would replace"):
        segment(open_volume(score), MODEL, score.parent)
    assert open_volume(score).shape == (9, 12, 20)


def test_places_are_apart_by_what_they_are_and_not_by_their_names(tmp_path):
    (tmp_path / "a.tif").touch()
    (tmp_path / "b.tif").hardlink_to(tmp_path / "a.tif")
    with pytest.raises(InvalidParameterError):
        keep_apart([tmp_path / "a.tif"], [tmp_path / "b.tif"])
    with pytest.raises(InvalidParameterError):
        keep_apart([tmp_path / "x" / "a.tif"], [tmp_path / "y" / ".." / "x"])
    keep_apart([tmp_path / "a.tif"], [tmp_path / "a.tif.json", tmp_path / "c.tif"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--smoothing-voxels 50", "smoothing_voxels"),
        ("--merge 3", "merge"),
        ("--merge 3,0", "merge"),
        ("--each-label", "--each-label"),
        ("--decimate-to 0", "decimate_to"),
        ("--threshold nan", "threshold"),
        ("--min-volume-um3 1 --dataset none", "dataset"),
        ("--instances {o}/x.xyz", "x.xyz"),
        ("--z 5:5", "slices"),
        ("--crop 1:2", "crop"),
    ],
)
@pytest.mark.usefixtures("no_work")
def test_an_impossible_option_fails_before_the_segmentation(
    capsys, tomogram, tmp_path, options, named
):
    out = tmp_path / "out"
    filled = options.format(o=tmp_path).split()
    assert named in fails(capsys, "run", tomogram, "--out", out, *filled)
    assert not out.exists()


@pytest.mark.parametrize("options", ["--unit nm", "--min-volume-um3 1"])
@pytest.mark.usefixtures("no_work")
def test_what_needs_a_voxel_size_fails_before_the_segmentation(capsys, tmp_path, options):
    array = np.random.default_rng(0).normal(size=(6, 20, 24)).astype(np.float32)
    write_tiff(Volume.from_array(array), tmp_path / "a.tif")
    line = fails(capsys, "run", tmp_path / "a.tif", "--out", tmp_path / "out", *options.split())
    assert "voxel size" in line


@pytest.mark.parametrize(
    "arguments",
    [
        "run a.tif --out b --min-voxels 1.5",
        "run a.tif --out b --invert maybe",
        "run a.tif --out b --merge 1,x",
        "run a.tif --out b --unit mile",
        "run a.tif --out b --objects 1;2",
        "segment a.tif --out b --z 1.5:3",
        "phantom --out a.tif --shape 8,64",
        "phantom --out a.tif --seed one",
        "batch --out b --recipe r.toml",
        "models",
        "jobs",
        "nothing",
    ],
)
def test_what_cannot_be_understood_is_wrong_usage(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert "usage" in printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        "phantom --out {o}/x.xyz",
        "phantom --out {o}/x",
        "phantom --out {o}/x.xyz --preset b24",
        "reconstruct {mask} --out {o}/new --instances {o}/x.xyz",
    ],
)
@pytest.mark.usefixtures("no_work")
def test_a_suffix_of_no_format_is_refused(capsys, mask, tmp_path, arguments):
    line = fails(capsys, *arguments.format(o=tmp_path / "o", mask=mask).split())
    assert ".ome.zarr, .zarr, .ome.tif" in line
    assert not list((tmp_path / "o").glob("x*"))


def test_a_phantom_is_written_in_the_format_of_its_suffix(capsys, tmp_path):
    assert main(["phantom", "--out", str(tmp_path / "cell.mrc"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(mrcfile.read(report["tomogram"]).shape) == report["shape"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("segment {tomogram} --out {file}", "a file of that name"),
        ("run {tomogram} --out {file}/below", "Not a directory"),
        ("reconstruct {mask} --out {file}", "a file of that name"),
        ("measure {mask} --out {file}", "a file of that name"),
        ("export {tomogram} --score {mask} --out {file}/a.zip", "folder"),
        ("batch {tomogram} --recipe {recipe} --out {file}", "a file of that name"),
        ("models export deepsxt-compact {file}/a.zip", "folder"),
        ("phantom --out {file}/a.tif", "folder"),
        ("reconstruct {mask} --out {o}/new --instances {o}/folder.tif", "a folder of that name"),
        ("run {tomogram} --out {o} --instances {o}/folder.tif", "a folder of that name"),
        ("run {tomogram} --out {o}/folder.tif", "a folder of that name"),
        ("export {tomogram} --score {mask} --out {o}/folder.tif", "a folder of that name"),
        ("models export deepsxt-compact {o}/folder.tif", "a folder of that name"),
        ("phantom --out {o}/folder.tif", "a folder of that name"),
        ("phantom --out {o}/a.tif --seed -1", "seed"),
        ("phantom --out {o}/a.tif --preset b24 --photons 0", "photons"),
        ("segment {tomogram} --out {o}/new --z -1:3", "z0"),
    ],
)
@pytest.mark.usefixtures("no_work")
def test_a_place_or_a_value_that_cannot_be_is_told_in_one_line(
    capsys, mask, tomogram, tmp_path, arguments, named
):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "o" / "folder.tif" / "surface.stl").mkdir(parents=True)
    (tmp_path / "r.toml").write_text("[export]\nmeshes = []\n")
    places = {"file": tmp_path / "file", "o": tmp_path / "o", "recipe": tmp_path / "r.toml"}
    filled = arguments.format(tomogram=tomogram, mask=mask, **places)
    assert named in fails(capsys, *filled.split())
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.usefixtures("no_work")
def test_a_folder_without_rights_is_told_in_one_line(capsys, monkeypatch, tomogram, tmp_path):
    (tmp_path / "locked").mkdir()
    # The administrator, who may run the tests, has all rights.
    monkeypatch.setattr("deepsxt_core.files.os.access", lambda *_: False)
    assert "no right" in fails(capsys, "segment", tomogram, "--out", tmp_path / "locked")


def test_export_makes_the_folder_of_its_file(tomogram, tmp_path):
    voxels = np.zeros((6, 20, 24), np.uint8)
    voxels[1:5, 5:15, 5:15] = 1
    write_tiff(Volume.from_array(voxels, VoxelSize(20, 10, 10)), tmp_path / "m.tif")
    out = tmp_path / "not" / "there" / "all.zip"
    arguments = ["export", tomogram, "--score", tmp_path / "m.tif", "--out", out]
    assert main([str(argument) for argument in arguments]) == 0
    assert out.is_file()


@pytest.mark.parametrize("text", ["abc", "-1", "nan", "inf"])
def test_a_wrong_upload_limit_names_its_variable(monkeypatch, text):
    monkeypatch.setenv("DEEPSXT_MAX_UPLOAD_GB", text)
    with pytest.raises(InvalidParameterError, match="DEEPSXT_MAX_UPLOAD_GB must be a number"):
        settings.max_upload_bytes()


def test_a_workspace_that_is_no_folder_is_told_in_one_line(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", "~nobody-at-all/x"):
        monkeypatch.setenv("DEEPSXT_HOME", str(place))
        assert "DEEPSXT_HOME" in fails(capsys, "jobs", "list")


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        ('[segment]\ninvert = "auto"', "[segment]"),
        ('[reconstruct]\nfill_lumens = "false"', "fill_lumens"),
        ("[segment]\nz0 = 1.5", "z0"),
        ("[segment]\nrotations = 3", "rotations"),
        ("[segment]\nmodel = 3", "model"),
        ("[segment]\nturns = 4", "'turns' is not known"),
        ("[export]\nmeshes = 'stl'", "meshes"),
        ("segment = 3", "segment"),
        ("[other]", "other"),
    ],
)
def test_a_recipe_with_a_wrong_type_is_refused_before_any_work(
    capsys, monkeypatch, tomogram, tmp_path, recipe, named
):
    def work(*_args, **_kwargs):
        raise AssertionError("The work began.")

    monkeypatch.setattr("deepsxt_core.workflow.batch.run_batch", work)
    path = tmp_path / "r.toml"
    path.write_text(recipe)
    line = fails(capsys, "batch", tomogram, "--recipe", path, "--out", tmp_path / "out")
    assert named.strip("[]") in line
    assert "r.toml" in line
