"""Of what the batches of a training consist."""

import math
from collections.abc import Sequence
from dataclasses import replace

from deepsxt_core.network.config import MEMBRANE_ALONE, NetworkConfig
from deepsxt_core.training.batches import Pair
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.devices import device_count
from deepsxt_core.training.params import CROP_STEP_PX, TrainingParams
from deepsxt_core.training.rehearsal import Rehearsal
from deepsxt_core.training.samples import Draws, Samples
from deepsxt_core.training.splits import Split


def labelled_samples(
    data: TrainingSet,
    parts: Split,
    params: TrainingParams,
    config: NetworkConfig,
    tomograms: Sequence[Pair],
) -> Draws:
    """Return the batches with labels of a split, a part of each simulated as is wanted."""
    fitting, context = _fitting(params, config.divisor), config.context
    simulated = min(round(params.rehearsal * fitting.batch_size), fitting.batch_size - 1)
    if MEMBRANE_ALONE[0] not in data.classes:
        # Drawn slices tell of membranes, and of nothing else.
        simulated = 0
    own = replace(fitting, batch_size=fitting.batch_size - simulated)
    labelled = Samples(data, parts.training, **own.sampling(), context=context)
    if simulated == 0:
        return labelled
    channel = data.classes.index(MEMBRANE_ALONE[0])
    return Rehearsal(labelled, fitting, simulated, tomograms, context, channel)


def unlabelled_samples(
    data: TrainingSet, parts: Split, params: TrainingParams, config: NetworkConfig
) -> Samples | None:
    """Return the batches without labels, None where there are none."""
    if not parts.unlabelled:
        return None
    others = _fitting(params, config.divisor).sampling() | {"seed": 2 * params.seed + 1}
    return Samples(data, parts.unlabelled, **others, context=config.context)


def _fitting(params: TrainingParams, divisor: int) -> TrainingParams:
    """Return the parameters with crops that the network can halve as often as it does.

    Batches are rounded up to an equal part for each device.
    """
    devices = device_count()
    batch_size = math.ceil(params.batch_size / devices) * devices
    step = math.lcm(divisor, CROP_STEP_PX)
    return replace(params, batch_size=batch_size, crop_px=max(1, params.crop_px // step) * step)
