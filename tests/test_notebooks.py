"""The notebooks run from their first cell to their last, as scripts, on data small enough."""

import json
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from deepsxt_core.io import open_volume, write_tiff
from deepsxt_core.network import save_model
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.volume import Volume
from deepsxt_core.workflow import segmentation
from tests.jobs.stand_in_network import StandInPredictor
from tests.models import small_config, small_network
from tests.training.conftest import draw

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def cells(name):
    return json.loads((NOTEBOOKS / name).read_text("utf-8"))["cells"]


def run(name, **parameters):
    """Run the cells; what the one tagged "parameters" sets is replaced. Return all names."""
    names, drawn = {}, 0
    matplotlib.use("agg")
    for cell in cells(name):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), name, "exec"), names)
            if "parameters" in cell["metadata"].get("tags", ()):
                assert parameters.keys() <= names.keys()
                names |= parameters
            drawn += len(plt.get_fignums())
            plt.close("all")
    return names, drawn


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_outputs_are_not_kept(path):
    for cell in cells(path.name):
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


class Dark(StandInPredictor):
    """Takes what is dark for membrane."""

    def score(self, slices, _margins=(0, 0)):
        return np.tanh(-2 * gaussian_filter(slices, (0, 2, 2)) - 1).astype(np.float32)


def test_the_first_two_go_from_a_tomogram_to_meshes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(segmentation, "_predictor", lambda *_: Dark())
    sample, truth, size = sample_tomogram(shape=(16, 80, 80))
    write_tiff(Volume.from_array(sample, size), tmp_path / "cell.tif")
    own = {"folder": tmp_path, "tomogram_file_path": tmp_path / "cell.tif"}
    names, drawn = run("tomogram_2D_segmentation.ipynb", **own, first_slice=6, end_slice=12)
    assert drawn == 1
    mask = np.load(tmp_path / "segmented_tomogram.npy")
    assert mask.shape == (6, 80, 80)
    assert truth[6:12][mask > 0].mean() > 0.5
    tif = open_volume(tmp_path / "segmented_tomogram.tif")
    np.testing.assert_array_equal(tif.read(0, 6), mask)
    assert tif.voxel_size_nm == pytest.approx(size)
    names, drawn = run("tomogram_3D_reconstruction.ipynb", folder=tmp_path)
    assert drawn == 1
    assert {path.suffix for path in names["files"]} == {".obj", ".stl", ".ply"}
    assert "µm³" in capsys.readouterr().out


def test_the_third_teaches_a_model_and_draws_its_errors(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for seed in range(4):
        image, labels = draw(seed)
        tifffile.imwrite(data / f"{seed}.tif", image)
        if seed < 3:
            tifffile.imwrite(data / f"{seed}.labels.tif", labels.astype(np.uint8))
    base = save_model(tmp_path / "small", small_network(), small_config(2), "").folder
    few = {"steps": 4, "crop_px": 32, "batch_size": 2, "regions": 1, "rehearsal": 0.0}
    names, drawn = run(
        "training_semi_supervised_segmentation.ipynb",
        folder=tmp_path, data_folder=data, base_name=base, minutes=None, settings=few,
    )  # fmt: skip
    assert drawn == 3
    assert [row["step"] for row in names["log"]][-1] == 4
    assert names["result"].info.folder == tmp_path / "taught_model"
    assert names["compared"].shape[-1] == 3
