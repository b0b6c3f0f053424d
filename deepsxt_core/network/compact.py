"""The published architecture at the size of the bundled model."""

from dataclasses import replace

from deepsxt_core.network.config import NetworkConfig

_WIDTH = 12
_NECK_FILTERS = 48
# Membranes of real tomograms at these pixel sizes are as wide as the simulated ones.
_PIXEL_SIZE_NM = (10.0, 40.0)


def compact_config() -> NetworkConfig:
    """Return the published architecture, narrow enough to be bundled and run on a laptop."""
    config = NetworkConfig.published(_WIDTH)
    neck = replace(config.neck, n_filters=_NECK_FILTERS)
    return replace(config, neck=neck, pixel_size_nm=_PIXEL_SIZE_NM)
