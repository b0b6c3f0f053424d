"""Train the network that finds a body from clicks: `python -m tools.train_bodies FOLDER`.

Phantoms are simulated and scored by the bundled model into FOLDER, which is kept. Patches around
random points of their organelles, at random scales, are what is learnt from; every second one of
a batch has one more click, in the thickest error that the network made of it before. What was
learnt is written into the package.
"""

import argparse
import logging
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.bodies.network import CONVOLUTIONS, WIDTHS, save
from deepsxt_core.bodies.patches import HALF, click_maps, folded
from tools.body_samples import Sample, Sampler, scene_of, with_error_clicked
from tools.scored_phantoms import crowded, plain, scored_phantom

logger = logging.getLogger(__name__)

PLAIN = (
    ("mistral", 101),
    ("hzb", 102),
    ("b24", 103),
    ("b24", 301),
    ("mistral", 302),
    ("hzb", 303),
)
CROWDED = tuple((preset, 1000 + i) for i in range(7) for preset in ("hzb", "mistral", "b24"))
"""Presets and seeds; those of benchmarks/organelles.py and tools/calibrate_bodies.py are others."""

_BATCH, _RATE = 8, 2e-3


def build() -> keras.Model:
    """Return the network, untrained; `deepsxt_core.bodies.network` computes the same."""
    layers, (first, second, third) = keras.layers, WIDTHS

    def convolved(values: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
        conv = layers.Conv3D(width, 3, padding="same", use_bias=False, name=name)
        values = conv(values)
        # In four dimensions it is computed three times as fast.
        z, y, x, c = values.shape[1:]
        values = layers.Reshape((z * y, x, c))(values)
        values = layers.BatchNormalization(momentum=0.98, name=f"{name}_norm")(values)
        return layers.Reshape((z, y, x, c))(layers.ReLU()(values))

    def twice(values: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
        return convolved(convolved(values, width, f"{name}1"), width, f"{name}2")

    seen = keras.Input((*HALF, 8 * 3 + 5))
    fine = twice(seen, first, "in")
    middle = twice(layers.MaxPooling3D()(fine), second, "down")
    deep = twice(layers.MaxPooling3D()(middle), third, "deep")
    middle = twice(layers.Concatenate()([layers.UpSampling3D()(deep), middle]), second, "up")
    fine = twice(layers.Concatenate()([layers.UpSampling3D()(middle), fine]), first, "out")
    return keras.Model(seen, layers.Conv3D(8, 1, name="said", dtype="float32")(fine))


def layers_of(model: keras.Model) -> dict[str, tuple[NDArray, NDArray]]:
    """Return kernels and biases, with the batch normalisation in them."""
    found = {}
    for name in CONVOLUTIONS:
        kernel = model.get_layer(name).get_weights()[0]
        norm = model.get_layer(f"{name}_norm")
        gamma, beta, mean, variance = norm.get_weights()
        scale = gamma / np.sqrt(variance + norm.epsilon)
        found[name] = ((kernel * scale).reshape(-1, kernel.shape[-1]), beta - mean * scale)
    kernel, bias = model.get_layer("said").get_weights()
    found["said"] = (kernel.reshape(-1, kernel.shape[-1]), bias)
    return found


def loss(truth: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Return cross-entropy plus what is missing of the overlap (Dice), per sample."""
    ops = keras.ops
    crossed = ops.mean(
        ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits))), axis=(1, 2, 3, 4)
    )
    likely = ops.sigmoid(logits)
    both = ops.sum(likely * truth, axis=(1, 2, 3, 4))
    all_ = ops.sum(likely + truth, axis=(1, 2, 3, 4))
    return crossed + 0.4 * (1 - (2 * both + 50) / (all_ + 50))


def train(sampler: Sampler, steps: int, kept: Path) -> keras.Model:
    """Fit a network; what is learnt so far is kept, and a run that was cut off goes on there."""
    import tensorflow as tf

    model = build()
    schedule = keras.optimizers.schedules.CosineDecay(_RATE, steps, 1e-2)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4)
    optimizer.build(model.trainable_variables)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    if kept.with_suffix(".index").exists():
        checkpoint.read(str(kept)).assert_consumed()

    @tf.function
    def step(seen: tf.Tensor, truth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = model(seen, training=True)
            value = tf.reduce_mean(loss(truth, logits))
        slopes = tape.gradient(value, model.trainable_variables)
        optimizer.apply(slopes, model.trainable_variables)
        return value, logits

    again: list[Sample] = []
    mean = 0.7
    for number in range(int(optimizer.iterations.numpy()) + 1, steps + 1):
        batch = again + [sampler.draw() for _ in range(_BATCH - len(again))]
        seen = np.stack(
            [
                np.concatenate([folded(s.seen), click_maps(s.inside, s.outside, s.scale)], axis=-1)
                for s in batch
            ]
        )
        truth = np.stack([folded(s.truth[..., None]) for s in batch])
        value, logits = step(tf.constant(seen), tf.constant(truth))
        mean += (float(value) - mean) * 0.01
        fresh = slice(len(again), len(again) + _BATCH // 2)
        said = logits.numpy()
        mended = [
            with_error_clicked(*each)
            for each in zip(batch[fresh], said[fresh], truth[fresh], strict=True)
        ]
        again = [each for each in mended if each is not None][: _BATCH // 2]
        if number % 100 == 0:
            logger.info("step %d of %d: loss %.4f", number, steps, mean)
        if number % 500 == 0:
            checkpoint.write(str(kept))
            save(layers_of(model), kept.with_suffix(".npz"))
    return model


def main() -> None:
    """Train, and write what was learnt into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--phantoms", type=int, default=len(PLAIN) + len(CROWDED))
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    every = [(preset, plain(preset, seed)) for preset, seed in PLAIN]
    every += [(preset, crowded(preset, seed)) for preset, seed in CROWDED]
    scenes = [
        scene_of(scored_phantom(chosen.folder, params, preset))
        for preset, params in every[: chosen.phantoms]
    ]
    # Half precision is three times as fast on processors that know it, and no worse.
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = train(
        Sampler(scenes, np.random.default_rng(0)), chosen.steps, chosen.folder / "network"
    )
    save(layers_of(model))


if __name__ == "__main__":
    main()
