import numpy as np
import pytest

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor
from deepsxt_core.network import load_model
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.preprocessing import measure_intensity, normalise
from deepsxt_core.training.bundled import compact_config
from deepsxt_core.volume import Volume


@pytest.fixture(scope="module")
def model():
    return load_model("deepsxt-compact")


def test_the_bundled_model_is_the_one_that_the_command_trains(model):
    assert model.config == compact_config()
    assert "F1" in model.info.card


def test_the_bundled_model_segments_a_sample_of_another_seed(model):
    volume, truth, _ = sample_tomogram(seed=11, shape=(16, 160, 160))
    images = normalise(volume[::8].astype(np.float32), measure_intensity(Volume.from_array(volume)))

    masks = Predictor(model, precision="float32").score(images) > 0

    assert PixelCounts.of(masks, truth[::8]).scores().f1 > 0.6
    assert BoundaryCounts.of(masks, truth[::8], 3).f1 > 0.75
