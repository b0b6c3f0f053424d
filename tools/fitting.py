"""Fitting a network: losses, schedule, checkpoints, and the score on slices held back."""

import logging
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import PixelCounts
from deepsxt_core.network import score_network

logger = logging.getLogger(__name__)

IMAGE_PREFIX = "image_"
_MOMENTUM = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class FitParams:
    """How long and how fast the weights are changed.

    Attributes
    ----------
    steps : int
        Batches for encoder, neck and label decoder.
    image_steps : int
        Batches for the image decoder, which is fitted last and changes nothing else.
    checkpoint_steps : int
        Batches between two checkpoints.
    learning_rate : float
        The highest; it rises over the first 3 % of the steps and falls along a cosine to 0.
    seed : int
        Seeds the fresh weights.
    """

    steps: int = 8000
    image_steps: int = 400
    checkpoint_steps: int = 250
    learning_rate: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_steps"):
            if getattr(self, name) < 1:
                raise InvalidParameterError(
                    f"{name} must be at least 1: got {getattr(self, name)}."
                )
        if self.image_steps < 0 or not self.learning_rate > 0:
            raise InvalidParameterError(
                "image_steps must be at least 0 and learning_rate above 0: "
                f"got {self.image_steps} and {self.learning_rate}."
            )


def score_loss(label: keras.KerasTensor, score: keras.KerasTensor) -> keras.KerasTensor:
    """Return the cross-entropy of labels 0 or 1 with scores in [-1, 1], per pixel.

    Unlike the published loss, Huber with a small delta, it still learns where the hyperbolic
    tangent is saturated on the wrong side.
    """
    return keras.losses.binary_crossentropy(label, (score + 1) / 2)


def fit_score(
    network: keras.Model,
    batches: keras.utils.PyDataset,
    params: FitParams,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Fit everything that the score depends on, `params.steps` batches in order.

    What is left in the end is the running mean of the weights, which errs less than the last ones.
    """
    scorer = score_network(network)
    scorer.compile(_optimizer(params.learning_rate, params.steps, mean=True), loss=score_loss)
    scorer.fit(batches, epochs=1, shuffle=False, callbacks=callbacks, verbose=0)


def fit_image(network: keras.Model, batches: keras.utils.PyDataset, params: FitParams) -> None:
    """Fit the image decoder to repaint its input, leaving all other weights as they are.

    Only the images of `batches` are used.
    """
    frozen = [layer for layer in network.layers if not layer.name.startswith(IMAGE_PREFIX)]
    for layer in frozen:
        layer.trainable = False
    painter = keras.Model(network.inputs, network.outputs[0])
    painter.compile(_optimizer(params.learning_rate, params.image_steps), loss="huber")
    painter.fit(_Repainting(batches), epochs=1, shuffle=False, verbose=0)
    for layer in frozen:
        layer.trainable = True


class _Repainting(keras.utils.PyDataset):
    """The images of other batches as input, and of each the slice in the middle as target."""

    def __init__(self, batches: keras.utils.PyDataset) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        image = self.batches[index][0]
        middle = image.shape[-1] // 2
        return image, image[..., middle : middle + 1]


def _optimizer(
    learning_rate: float, steps: int, *, mean: bool = False
) -> keras.optimizers.Optimizer:
    warm_up = max(1, round(0.03 * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        max(1, steps - warm_up),
        warmup_target=learning_rate,
        warmup_steps=warm_up,
    )
    return keras.optimizers.AdamW(
        schedule,
        weight_decay=1e-4,
        clipnorm=1.0,
        use_ema=mean,
        ema_momentum=min(_MOMENTUM, 1 - 10 / max(steps, 20)),
    )


def count_pixels(
    scorer: keras.Model, images: NDArray[np.float32], labels: NDArray[np.bool_]
) -> PixelCounts:
    """Count the scores above 0 of images (n, y, x, 1) against labels (n, y, x)."""
    score = scorer.predict(images, batch_size=4, verbose=0)
    return PixelCounts.of(score[..., 0] > 0, labels)


class Checkpoints(keras.callbacks.Callback):
    """Every so many batches, save the weights and score the slices held back."""

    def __init__(
        self,
        network: keras.Model,
        folder: Path,
        params: FitParams,
        images: NDArray[np.float32],
        labels: NDArray[np.bool_],
    ) -> None:
        super().__init__()
        self.network = network
        self.folder = folder
        self.fit_params = params
        self.images = images
        self.labels = labels

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Save and report after the last batch of each run of `checkpoint_steps`."""
        if (batch + 1) % self.fit_params.checkpoint_steps and batch + 1 != self.fit_params.steps:
            return
        self.network.save_weights(self.folder / "last.weights.h5")
        scores = count_pixels(self.model, self.images, self.labels).scores()
        logger.info(
            "%d batches: loss %.4f, on simulated slices held back F1 %.3f "
            "(precision %.3f, recall %.3f)",
            batch + 1,
            (logs or {}).get("loss", float("nan")),
            scores.f1,
            scores.precision,
            scores.recall,
        )
