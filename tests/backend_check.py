"""What must hold on every backend of Keras; run as a program with ``KERAS_BACKEND`` set.

python -m tests.backend_check GOLDEN_FOLDER SCRATCH_FOLDER
"""

# ruff: noqa: E402
import os
import sys

# As if TensorFlow were not installed: importing it fails.
sys.modules["tensorflow"] = None  # type: ignore[assignment]

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from deepsxt_core.inference import Predictor, SegmentParams, predict_slice
from deepsxt_core.network import (
    NetworkConfig,
    build_network,
    load_legacy_weights,
    load_model,
    save_model,
    score_network,
)
from deepsxt_core.progress import NoProgress
from deepsxt_core.training.losses import ssim
from deepsxt_core.volume import Volume
from deepsxt_core.workflow.segmentation import segment
from tests.models import small_config, small_network
from tests.tolerances import SCORE_ATOL
from tests.training.conftest import PairFolder
from tests.training.stand_in_training import PARAMS, prepare


def published_outputs(golden: Path) -> None:
    """Both outputs are those of the published network."""
    for name in ("published_width16", "variant_leaky_avgpool"):
        network = build_network(NetworkConfig.from_json(golden / f"{name}.json"))
        load_legacy_weights(network, golden / f"{name}.h5")
        arrays = np.load(golden / f"{name}.npz")
        for shape in ("square", "rect"):
            found = network(arrays[f"x_{shape}"], training=False)
            for kind, output in zip(("image", "label"), found, strict=True):
                expected = arrays[f"{kind}_{shape}"]
                output = keras.ops.convert_to_numpy(output)
                np.testing.assert_allclose(output, expected, rtol=0, atol=SCORE_ATOL)


def segmentation(scratch: Path) -> None:
    """A tomogram is segmented, and each slice as if it were alone."""
    save_model(scratch / "small", small_network(), small_config(2), "")
    model = load_model(scratch / "small")
    array = np.random.default_rng(0).normal(size=(3, 40, 52)).astype(np.float32)
    params = SegmentParams(rotations=1)
    score = segment(Volume.from_array(array), model, scratch / "out", params)
    expected = predict_slice(model, array[1])
    assert np.abs(expected).max() > 0
    direct = keras.ops.convert_to_numpy(
        score_network(model.network)(
            ((array[1] - array[1].mean()) / array[1].std())[np.newaxis, ..., np.newaxis]
        )
    )[0, ..., 0]
    np.testing.assert_allclose(expected, direct, atol=SCORE_ATOL)
    assert score.volume.shape == array.shape
    assert Predictor(model).device == "CPU" or "CUDA_VISIBLE_DEVICES" in os.environ


def training(scratch: Path) -> None:
    """A step changes the weights, and a checkpoint brings them back."""
    folder = PairFolder(scratch / "data")
    folder.add_drawn("a", "b")
    folder.add_drawn("c", labelled=False)
    params = replace(PARAMS, steps=2, validation_steps=2)
    trained = prepare(folder.path, scratch / "trained", params)
    before = trained.network.get_weights()
    trained.run(NoProgress())
    after = trained.network.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(np.isfinite(weights).all() for weights in after)
    assert np.isfinite(trained.rows[-1]["loss"])

    again = prepare(folder.path, scratch / "trained", params)
    again.run(NoProgress())
    assert again.continued_from == 2
    for a, b in zip(after, again.network.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def similarity() -> None:
    """An image resembles itself most."""
    image = np.random.default_rng(0).normal(size=(1, 32, 32, 1)).astype(np.float32)
    assert abs(float(keras.ops.convert_to_numpy(ssim(image, image))) - 1) < 1e-5


def main() -> None:
    """Check everything; an error ends the program."""
    golden, scratch = map(Path, sys.argv[1:])
    assert keras.config.backend() == os.environ["KERAS_BACKEND"]
    published_outputs(golden)
    segmentation(scratch)
    training(scratch)
    similarity()


if __name__ == "__main__":
    main()
