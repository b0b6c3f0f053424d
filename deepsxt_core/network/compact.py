"""The architectures of the bundled models."""

from dataclasses import replace

from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.parts import CoderConfig

_WIDTH = 12
_NECK_FILTERS = 48
# Of the quick one: at half the resolution, a quarter of it, and so on; the first is its width.
_QUICK_FILTERS = (16, 16, 32, 96)
_QUICK_KERNELS = (3, 3, 3, 3)
_QUICK_NECK_FILTERS = 64
# Membranes of real tomograms at these pixel sizes are as wide as the simulated ones.
_PIXEL_SIZE_NM = (10.0, 40.0)


def compact_config() -> NetworkConfig:
    """Return the published architecture, narrow enough to be bundled and run on a laptop."""
    config = NetworkConfig.published(_WIDTH)
    neck = replace(config.neck, n_filters=_NECK_FILTERS)
    return replace(config, neck=neck, pixel_size_nm=_PIXEL_SIZE_NM)


def quick_config() -> NetworkConfig:
    """Return the published parts in a third of the time.

    The network begins at half the resolution, where most of the time would go, has a stage less
    and sees the slices above and below.
    """
    config = NetworkConfig.published(_QUICK_FILTERS[0])

    def narrow(coder: CoderConfig, filters: tuple[int, ...]) -> CoderConfig:
        return replace(coder, n_filters=filters, kernel_sizes=_QUICK_KERNELS)

    return replace(
        config,
        encoder=narrow(config.encoder, _QUICK_FILTERS),
        neck=replace(config.neck, n_filters=_QUICK_NECK_FILTERS),
        image_decoder=narrow(config.image_decoder, _QUICK_FILTERS[::-1]),
        label_decoder=narrow(config.label_decoder, _QUICK_FILTERS[::-1]),
        pixel_size_nm=_PIXEL_SIZE_NM,
        context=1,
        stem_factor=2,
    )
