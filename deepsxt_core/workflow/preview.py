"""One slice scored as a segmentation would, to try a model and its settings."""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.inference import (
    Predictor,
    Preparation,
    SegmentParams,
    prepare,
    read_prepared,
)
from deepsxt_core.network import Model
from deepsxt_core.preprocessing import cut, sampled_volume
from deepsxt_core.volume import Volume


def preview_slice(
    volume: Volume,
    model: Model,
    z: int,
    params: SegmentParams | None = None,
    preparation: Preparation | None = None,
) -> NDArray[np.float32]:
    """Score slice `z` of what crop and binning leave as `segment` would, (y, x) in [-1, 1].

    `preparation` (from `prepare_preview`) saves measuring the volume again.

    Raises
    ------
    InvalidParameterError
        If there is no such slice.
    """
    return timed_preview(volume, model, z, params, preparation)[0]


def timed_preview(
    volume: Volume,
    model: Model,
    z: int,
    params: SegmentParams | None = None,
    preparation: Preparation | None = None,
) -> tuple[NDArray[np.float32], float]:
    """Return what `preview_slice` does, and the seconds that scoring took, without start-up.

    What a network does at its first slice of a size is part of that all the same.
    """
    params = params or SegmentParams()
    part = cut(volume, params.region)
    preparation = preparation or prepare_preview(volume, model, params)
    predictor = Predictor.of(model, params)
    prepared = read_prepared(part, predictor.context, preparation, z, z + 1)
    predictor.settle_precision(prepared.standardised)
    begun = time.monotonic()
    scores = preparation.score(predictor, prepared)[0]
    return scores, time.monotonic() - begun


def prepare_preview(volume: Volume, model: Model, params: SegmentParams) -> Preparation:
    """Measure what `preview_slice` needs to know of all slices."""
    part = sampled_volume(cut(volume, params.region))
    return prepare(part, params, model.config.pixel_size_nm)


def preparing_params(params: SegmentParams) -> SegmentParams:
    """Return the same for all that `prepare_preview` comes to the same for."""
    return replace(params, z0=0, z1=None, precision="auto", rotations=1)
