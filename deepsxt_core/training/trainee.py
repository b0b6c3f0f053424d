"""The network as it is trained: with the losses of the published scheme."""

from typing import Any

import keras
from keras import ops

from deepsxt_core.training.losses import labelled_loss, unlabelled_loss


class Trainee(keras.Model):
    """The network with the two losses.

    The truth that belongs to a batch is (batch, y, x, 2 classes + 1): target and weight of the
    score in each class, and whether there are labels, 1 or 0 for the whole batch.
    """

    with_unlabelled = False

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """Return the loss of a batch; `x` is what is seen, `y` the truth, `y_pred` image and score.

        Of what is seen, the slice in the middle is the one that is repainted and scored.
        """
        repainted, score = y_pred
        # PyTorch's `train_on_batch` hands on what it was given.
        x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
        middle = x.shape[-1] // 2
        x = x[..., middle : middle + 1]
        n = score.shape[-1]
        loss = labelled_loss(x, y[..., :n], y[..., n : 2 * n], repainted, score)
        if not self.with_unlabelled:
            return loss
        has_labels = ops.mean(y[..., 2 * n])
        return has_labels * loss + (1 - has_labels) * unlabelled_loss(x, repainted)
