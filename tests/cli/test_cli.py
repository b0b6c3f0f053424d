import csv
import io
import json
import shutil
import zipfile

import mrcfile
import numpy as np
import pytest
import pyvista
import tifffile

from deepsxt_core.cli.main import main
from deepsxt_core.io import create_score, write_tiff
from deepsxt_core.network import save_model
from deepsxt_core.volume import Volume, VoxelSize
from tests.models import small_config, small_network


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(folder, small_network(), small_config(2), "")
    return folder


@pytest.fixture
def tomogram(tmp_path):
    array = np.random.default_rng(0).normal(size=(6, 20, 24)).astype(np.float32)
    path = tmp_path / "tomogram.tif"
    write_tiff(Volume.from_array(array, VoxelSize(20, 10, 10)), path)
    return path


def call(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr()


def test_run_does_everything_and_prints_one_object(capsys, tomogram, model_folder, tmp_path):
    """Below the lowest score everything is membrane: the mesh is the box of the tomogram."""
    code, printed = call(
        capsys, "run", tomogram, "--out", tmp_path / "out", "--model", model_folder,
        "--z", "1:5", "--threshold", "-1", "--smoothing-voxels", "0", "--taubin-iterations", "0",
        "--formats", "stl,ply", "--json",
    )  # fmt: skip
    assert code == 0
    report = json.loads(printed.out)
    segmented, reconstructed = report["segment"], report["reconstruct"]
    assert segmented["shape"] == [4, 20, 24]
    assert segmented["voxel_size_nm"] == pytest.approx([20, 10, 10])
    assert segmented["positive_fraction"] == 1
    assert tifffile.imread(segmented["mask"]).min() == 1
    assert reconstructed["objects"] == 1
    assert reconstructed["volume_um3"] == pytest.approx(0.08 * 0.2 * 0.24, rel=0.1)
    assert [path.rpartition(".")[2] for path in reconstructed["files"]] == ["stl", "ply"]
    mesh = pyvista.read(reconstructed["files"][0])
    assert mesh.n_cells == reconstructed["faces"]
    assert mesh.n_open_edges == 0


def test_a_part_is_segmented_coarsely_where_it_lies(capsys, tomogram, model_folder, tmp_path):
    code, printed = call(
        capsys, "run", tomogram, "--out", tmp_path, "--model", model_folder,
        "--crop", "2:6,4:20,:", "--bin", "2", "--threshold", "-1", "--json",
    )  # fmt: skip
    assert code == 0
    report = json.loads(printed.out)
    assert report["segment"]["shape"] == [2, 8, 12]
    assert report["segment"]["voxel_size_nm"] == pytest.approx([40, 20, 20])
    assert report["segment"]["origin_nm"] == pytest.approx([50, 45, 5])
    mesh = pyvista.read(report["reconstruct"]["files"][0])
    assert mesh.center == pytest.approx([0.115, 0.115, 0.07], abs=1e-4)


def test_segment_then_reconstruct_equals_run(capsys, tomogram, model_folder, tmp_path):
    options = ["--threshold", "-1", "--json"]
    _, printed = call(
        capsys, "run", tomogram, "--out", tmp_path / "a", "--model", model_folder, *options
    )
    whole = json.loads(printed.out)["reconstruct"]
    _, printed = call(
        capsys, "segment", tomogram, "--out", tmp_path / "b", "--model", model_folder, *options
    )
    score = json.loads(printed.out)["score"]
    _, printed = call(capsys, "reconstruct", score, "--out", tmp_path / "b", *options)
    parts = json.loads(printed.out)
    assert whole | {"files": []} == parts | {"files": []}


def test_a_bundle_and_instances_are_written(capsys, tmp_path):
    mask = np.zeros((9, 12, 20), np.uint8)
    mask[2:7, 2:9, 2:8] = 1
    mask[3:6, 3:8, 12:17] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask, imagej=True, metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "cell.tif", mask * 50, imagej=True, metadata={"axes": "ZYX"})
    options = ("--smoothing-voxels", "0", "--voxel-size-nm", "10")
    code, printed = call(
        capsys, "export", tmp_path / "cell.tif", "--score", tmp_path / "mask.tif",
        "--out", tmp_path / "all.zip", *options, "--json",
    )  # fmt: skip
    assert (code, json.loads(printed.out)["objects"]) == (0, 2)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        labels = tifffile.imread(io.BytesIO(archive.read("instances.tif")))
        assert "reconstruct.run.json" in archive.namelist()
    code, _ = call(
        capsys, "reconstruct", tmp_path / "mask.tif", "--out", tmp_path / "out",
        "--instances", tmp_path / "objects.mrc", *options,
    )  # fmt: skip
    assert code == 0
    assert np.array_equal(labels, mrcfile.read(tmp_path / "objects.mrc"))
    assert np.array_equal(labels > 0, mask > 0)
    assert [labels[4, 4, 4], labels[4, 4, 14]] == [1, 2]


def test_a_mask_file_is_reconstructed_at_the_given_voxel_size(capsys, tmp_path):
    mask = np.zeros((20, 20, 20), np.uint8)
    mask[5:15, 5:15, 5:15] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    code, printed = call(
        capsys, "reconstruct", tmp_path / "mask.tif", "--out", tmp_path, "--voxel-size-nm", "100",
        "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(printed.out)["volume_um3"] == pytest.approx(1, rel=0.1)


def test_info_tells_what_a_file_holds(capsys, tomogram):
    code, printed = call(capsys, "info", tomogram)
    assert code == 0
    assert "6 × 20 × 24 voxels" in printed.out
    assert "20 × 10 × 10 nm" in printed.out
    _, printed = call(capsys, "info", tomogram, "--json")
    assert json.loads(printed.out)["shape"] == [6, 20, 24]


def test_info_tells_how_well_a_file_is(capsys, tomogram):
    code, printed = call(capsys, "info", tomogram, "--health")
    assert code == 0
    assert "Missing wedge. Too few slices to tell." in printed.out
    _, printed = call(capsys, "info", tomogram, "--health", "--json")
    health = json.loads(printed.out)["health"]
    assert health["level"] in ("notice", "warning")
    assert {"name", "level", "value", "unit", "text"} == set(health["findings"][0])


def test_models_list_names_what_is_installed(capsys, workspace_home):
    save_model(workspace_home / "models" / "mine", small_network(), small_config(2), "")
    _, printed = call(capsys, "models", "list", "--json")
    assert "mine" in [model["name"] for model in json.loads(printed.out)["models"]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["info", "missing.tif"], "missing.tif"),
        (["segment", "{tomogram}", "--out", "{out}", "--model", "none"], "no model 'none'"),
        (["segment", "{tomogram}", "--out", "{out}", "--threshold", "2"], "threshold"),
        (["reconstruct", "{tomogram}", "--out", "{out}", "--decimate-to", "0"], "decimate_to"),
        (["segment", "{tomogram}", "--out", "{out}", "--crop", "0:9,:,:"], "0:9 along z"),
        (["segment", "{tomogram}", "--out", "{out}", "--crop", "0:9"], "three ranges"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_exit_code_1(
    capsys, tomogram, tmp_path, arguments, text
):
    filled = [a.format(tomogram=tomogram, out=tmp_path / "out") for a in arguments]
    code, printed = call(capsys, *filled)
    assert code == 1
    assert printed.out == ""
    assert text in printed.err
    assert "Traceback" not in printed.err
    assert len(printed.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["segment"],
        ["segment", "a.tif", "--out", "b", "--z", "5"],
        ["segment", "a.tif", "--out", "b", "--rotations", "3"],
        ["run", "a.tif", "--out", "b", "--formats", "docx"],
        ["info", "a.tif", "--voxel-size-nm", "0"],
        ["info", "a.tif", "--voxel-size-nm", "1,2"],
    ],
)
def test_wrong_usage_is_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_the_package_the_routes_and_every_command_load_neither_tensorflow_nor_vtk():
    import subprocess
    import sys

    code = (
        "import sys, deepsxt_core, deepsxt_core.cli.main, deepsxt_core.jobs\n"
        "import deepsxt_core.web.routes\n"
        "deepsxt_core.open_volume, deepsxt_core.load_model, deepsxt_core.segment\n"
        "app = deepsxt_core.cli.main.build_app()\n"
        "print(*(app[name].help for name in app))\n"
        "heavy = {'tensorflow', 'keras', 'vtk', 'vtkmodules', 'pyvista', 'streamlit'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_models_go_out_and_come_back(capsys, workspace_home, tmp_path):
    save_model(workspace_home / "models" / "mine", small_network(), small_config(2), "# Mine")
    archive = tmp_path / "mine.zip"
    assert call(capsys, "models", "export", "mine", archive)[0] == 0
    assert call(capsys, "models", "remove", "mine")[0] == 0
    code, printed = call(capsys, "models", "info", "mine")
    assert code == 1
    assert "no model 'mine'" in printed.err
    _, printed = call(capsys, "models", "import", archive, "--name", "again", "--json")
    imported = json.loads(printed.out)
    _, printed = call(capsys, "models", "info", "again", "--json")
    assert json.loads(printed.out)["sha256"] == imported["sha256"]
    assert json.loads(printed.out)["card"] == "# Mine"


def test_models_list_offers_the_published_weights(capsys):
    _, printed = call(capsys, "models", "list", "--json")
    assert "published-2021-05" in [entry["name"] for entry in json.loads(printed.out)["available"]]
    code, printed = call(capsys, "models", "install", "other")
    assert code == 1
    assert "published-2021-05" in printed.err


def test_evaluate_compares_two_masks(capsys, tmp_path):
    truth = np.zeros((2, 20, 20), np.uint8)
    truth[:, 5:9] = 1
    tifffile.imwrite(tmp_path / "truth.tif", truth)
    tifffile.imwrite(tmp_path / "shifted.tif", np.roll(truth, 2, axis=1))
    _, printed = call(
        capsys, "evaluate", tmp_path / "shifted.tif", tmp_path / "truth.tif", "--json"
    )
    report = json.loads(printed.out)
    assert report["f1"] == pytest.approx(0.5)
    assert report["iou"] == pytest.approx(1 / 3)
    assert report["tolerant_f1"] == 1
    code, printed = call(
        capsys, "evaluate", tmp_path / "truth.tif", tmp_path / "truth.tif",
        "--tolerance-px", "0", "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(printed.out)["tolerant_f1"] == 1


def test_evaluate_takes_a_score_and_a_voxel_size(capsys, tmp_path):
    truth = np.zeros((3, 20, 20), np.uint8)
    truth[:, 5:9] = 1
    truth[:, :2] = 9
    tifffile.imwrite(tmp_path / "truth.tif", truth, photometric="minisblack")
    writer = create_score(tmp_path / "score.ome.zarr", truth.shape, None)
    writer.write(0, np.where(np.roll(truth, 1, axis=1) == 1, 200, 20).astype(np.uint8))
    _, printed = call(
        capsys, "evaluate", tmp_path / "score.ome.zarr", tmp_path / "truth.tif",
        "--tolerance-nm", "25", "--voxel-size-nm", "25", "--ignore-label", "9", "--json",
    )  # fmt: skip
    report = json.loads(printed.out)
    assert report["recall"] == pytest.approx(3 / 4)
    assert report["tolerant_f1"] == 1
    assert report["surface_distances"]["hausdorff"] == pytest.approx(25)
    assert report["precision_recall"]["best_f1"] == pytest.approx(3 / 4)
    assert report["voxels"]["ignored"] == 3 * 2 * 20
    _, printed = call(
        capsys, "evaluate", tmp_path / "score.ome.zarr", tmp_path / "truth.tif",
        "--voxel-size-nm", "25", "--curve", tmp_path / "curve.csv",
    )  # fmt: skip
    assert "Within 3 px = 75 nm" in printed.out
    assert "the model is not calibrated, or not known" in printed.out
    rows = list(csv.DictReader((tmp_path / "curve.csv").read_text().splitlines()))
    codes = report["calibration"]["score"]["curve"]
    assert [round(row["mean_probability"], 3) for row in codes] == [0.078, 0.784]
    shares = [float(row["share_of_membrane"]) for row in rows[:2]]
    assert shares == [3 / 16, 3 / 4]  # the label 9 counts as membrane now
    assert report["calibration"]["fitted_here"]["expected_error"] < 1e-3
    code, printed = call(
        capsys, "evaluate", tmp_path / "truth.tif", tmp_path / "truth.tif",
        "--curve", tmp_path / "none.csv",
    )  # fmt: skip
    assert code == 1
    assert "needs a score" in printed.err


def test_a_calibrated_model_tells_what_its_scores_mean(capsys, model_folder, tmp_path):
    """Calibrated on one set of images, it is known again from the record of a segmentation."""
    shutil.copytree(model_folder, tmp_path / "workspace" / "models" / "mine")
    rng = np.random.default_rng(1)
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a", "b"):
        labels = np.zeros((24, 24), np.uint8)
        labels[8:13] = 1
        image = np.where(labels, 90, 120) + rng.normal(0, 5, labels.shape)
        tifffile.imwrite(data / f"{name}.tif", image.astype(np.float32))
        tifffile.imwrite(data / f"{name}.labels.tif", labels)
    code, printed = call(capsys, "models", "calibrate", "mine", data, "--json")
    assert code == 0
    fitted = json.loads(printed.out)
    assert fitted["after"] < fitted["before"]
    _, printed = call(capsys, "models", "info", "mine", "--json")
    assert json.loads(printed.out)["calibration"]["temperature"] == fitted["temperature"]
    call(capsys, "segment", data / "a.tif", "--out", tmp_path, "--model", "mine")
    _, printed = call(
        capsys, "evaluate", tmp_path / "score.ome.zarr", data / "a.labels.tif", "--json"
    )
    told = json.loads(printed.out)["calibration"]
    assert told["of_model"]["temperature"] == fitted["temperature"]
    assert told["of_model"]["expected_error"] < told["score"]["expected_error"]
    archive = tmp_path / "mine.zip"
    call(capsys, "models", "export", "mine", archive)
    call(capsys, "models", "import", archive, "--name", "again")
    _, printed = call(capsys, "models", "info", "again")
    assert f"temperature {fitted['temperature']:.3f}" in printed.out
    code, printed = call(capsys, "models", "calibrate", model_folder, data)
    assert code == 1
    assert "not in this workspace" in printed.err


def test_evaluate_refuses_grey_values(capsys, tomogram, tmp_path):
    tifffile.imwrite(tmp_path / "truth.tif", np.zeros((6, 20, 24), np.uint8))
    code, printed = call(capsys, "evaluate", tomogram, tmp_path / "truth.tif")
    assert code == 1
    assert "no labels" in printed.err


def test_mesh_files_can_be_in_nanometres(capsys, tmp_path):
    mask = np.zeros((20, 20, 20), np.uint8)
    mask[5:15, 5:15, 5:15] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    code, _ = call(
        capsys, "reconstruct", tmp_path / "mask.tif", "--out", tmp_path, "--voxel-size-nm", "10",
        "--unit", "nm",
    )  # fmt: skip
    assert code == 0
    assert pyvista.read(tmp_path / "surface.stl").length == pytest.approx(100 * 3**0.5, rel=0.1)


def test_phantom_writes_a_tomogram_with_its_truth_and_parameters(capsys, tmp_path):
    out = tmp_path / "cell.tif"
    code, printed = call(
        capsys, "phantom", "--out", out, "--preset", "b24", "--shape", "8,64,64", "--seed", "3",
        "--voxel-size-nm", "20", "--tilt-range-deg", "20", "--json",
    )  # fmt: skip
    assert code == 0
    report = json.loads(printed.out)
    assert report["shape"] == [8, 64, 64]
    for name in ("tomogram", "truth", "classes"):
        assert tifffile.imread(report[name]).shape == (8, 64, 64)
    record = json.loads((tmp_path / "cell.json").read_text())
    assert record["parameters"]["voxel_size_nm"] == 20
    assert record["parameters"]["seed"] == 3
    assert record["classes"]["plasma_membrane"] == 10


def test_the_quick_phantom_takes_no_microscope(capsys, tmp_path):
    code, printed = call(capsys, "phantom", "--out", tmp_path / "a.tif", "--photons", "100")
    assert code == 1
    assert "--preset" in printed.err
