import numpy as np
import pytest

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor
from deepsxt_core.network import load_model, save_model
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.preprocessing import measure_intensity, normalise
from deepsxt_core.volume import Volume
from tests.models import small_config, small_network
from tests.training.conftest import PairFolder
from tools.train_bundled_model import NETWORKS, adapt, varied_preset


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def model(request):
    return load_model(f"deepsxt-{request.param}")


def test_the_bundled_models_are_what_the_command_trains(model):
    name = model.info.name.removeprefix("deepsxt-")
    assert model.config == NETWORKS[name]()
    assert "F1" in model.info.card


def test_fine_tuning_on_real_slices_keeps_the_card_and_the_model_before(tmp_path):
    data = PairFolder(tmp_path / "data")
    data.add_drawn("a", "b")
    model_folder = tmp_path / "model"
    before = small_network()
    save_model(model_folder, before, small_config(2), "what was measured")

    adapt(model_folder, data.path, steps=2, seed=0)

    tuned = load_model(model_folder)
    kept = load_model(tmp_path / "model.training" / "simulated")
    assert tuned.info.card == kept.info.card == "what was measured"
    assert same_weights(kept.network, before)
    assert not same_weights(tuned.network, before)


def test_tomograms_to_train_on_differ_and_come_again():
    presets = [varied_preset(n) for n in range(6)]

    assert presets == [varied_preset(n) for n in range(6)]
    assert len({preset.photons for preset in presets}) == 6
    assert len({preset.seed for preset in presets}) == 6


def same_weights(one, two):
    pairs = zip(one.get_weights(), two.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_the_bundled_model_segments_a_sample_of_another_seed(model):
    volume, truth, _ = sample_tomogram(seed=11, shape=(16, 160, 160))
    images = normalise(volume.astype(np.float32), measure_intensity(Volume.from_array(volume)))

    masks = Predictor(model, precision="float32").score(images)[::8] > 0

    assert PixelCounts.of(masks, truth[::8]).scores().f1 > 0.6
    assert BoundaryCounts.of(masks, truth[::8], 3).f1 > 0.75
