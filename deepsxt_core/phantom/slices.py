"""Single slices through a painted cell, for training: fast, endless, with exact labels.

A slice is painted as linear absorption (here still bright where it absorbs), in units of a
typical membrane's contrast: large things first, then organelles, then what must *not* be
labelled: structures out of focus, granules, gold beads with their streaks. Optics and noise come
last. Membranes end up dark, as in most cryo soft X-ray slices.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.phantom import artefacts, structures
from deepsxt_core.phantom.fields import correlated_noise, smooth_field
from deepsxt_core.phantom.slice_canvas import Scene, SliceParams


def draw_slice(
    rng: np.random.Generator, params: SliceParams
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Draw one slice with its membranes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same slice.
    params : SliceParams
        What slices look like.

    Returns
    -------
    image : ndarray
        float32 (y, x), membranes dark, in no particular unit.
    label : ndarray
        bool (y, x), True on membranes in focus.
    """
    scene = Scene(rng, params)
    if rng.random() < 0.35:
        structures.paint_cell_edge(scene)
    if rng.random() < 0.5:
        structures.paint_nucleus(scene)
    structures.paint_organelles(scene)
    for _ in range(rng.poisson(0.8)):
        structures.paint_tube(scene)
    artefacts.paint_granules(scene)
    if rng.random() < 0.4:
        artefacts.paint_web(scene)
    if rng.random() < 0.45:
        artefacts.paint_beads(scene)
    if rng.random() < 0.15:
        artefacts.paint_wall_of_glass(scene)
    if rng.random() < 0.1:
        artefacts.paint_border(scene)
    return _image(scene), scene.label


def _image(scene: Scene) -> NDArray[np.float32]:
    """Add background, optics and noise, and turn absorption dark."""
    rng, shape = scene.rng, scene.shape
    image = scene.absorption
    image += rng.uniform(0, 0.9) * smooth_field(rng, shape, rng.uniform(60, 250))
    image += rng.uniform(0, 0.4) * smooth_field(rng, shape, rng.uniform(15, 40))
    # Partial coherence and ramp-filtered projections brighten what lies beside dark things.
    image -= rng.uniform(0, 0.6) * ndimage.gaussian_filter(image, rng.uniform(5, 14))
    noise = correlated_noise(
        rng,
        shape,
        tuple(rng.uniform(*scene.params.noise_blur_px, size=2)),
        slow_share=rng.uniform(0, 0.4),
        slow_px=rng.uniform(2, 4),
        white_share=rng.uniform(0, 0.04),
    )
    granular = 1 + 0.25 * smooth_field(rng, shape, rng.uniform(60, 200))
    image += scene.noise * np.maximum(granular, 0.3) * noise
    return -image.astype(np.float32)
