"""What slices show beside membranes, and nobody labels."""

import numpy as np

from deepsxt_core.phantom.fields import correlated_noise, smooth_field
from deepsxt_core.phantom.shapes import closed_outline, rotated, window
from deepsxt_core.phantom.slice_canvas import Scene, log_uniform


def paint_granules(scene: Scene) -> None:
    """Sprinkle spots, dark and some bright, too small for anyone to outline."""
    rng = scene.rng
    area = scene.shape[0] * scene.shape[1] / 1e4
    for _ in range(rng.poisson(log_uniform(rng, 0.1, 6) * area)):
        centre = scene.random_place()
        sigma = rng.uniform(1.2, 4.0)
        stretch = rng.uniform(1, 2.2)
        view = window(scene.shape, centre, 4 * sigma * stretch)
        u, v = rotated(view, centre, rng.uniform(0, np.pi))
        spot = np.exp(-0.5 * ((u / (sigma * stretch)) ** 2 + (v / sigma) ** 2))
        weight = rng.choice([1.0, -0.6], p=[0.8, 0.2]) * log_uniform(rng, 0.3, 2.0)
        scene.absorption[view.rows, view.columns] += np.float32(weight) * spot


def paint_web(scene: Scene) -> None:
    """Paint a faint web of short dark strands, the texture of crowded cytoplasm."""
    rng = scene.rng
    blur = rng.uniform(2.5, 7)
    relief = correlated_noise(rng, scene.shape, (blur, blur * rng.uniform(0.7, 1.4)))
    # The zero line of a random relief, with an equal width along its course.
    slope = np.hypot(*np.gradient(relief)) + np.float32(0.3 / blur)
    strands = np.exp(-0.5 * (relief / slope / np.float32(rng.uniform(1.2, 2.5))) ** 2)
    patches = np.clip(smooth_field(rng, scene.shape, rng.uniform(15, 60)), 0, 2)
    scene.absorption += np.float32(rng.uniform(0.2, 0.7)) * patches * strands


def paint_beads(scene: Scene) -> None:
    """Put gold beads in: black, with a bright halo and the streaks of few tilt angles."""
    rng = scene.rng
    for _ in range(1 + rng.poisson(1.0)):
        centre = scene.random_place(margin=-0.1)
        view = window(scene.shape)
        radius = log_uniform(rng, 3, 18)
        weight = log_uniform(rng, 5, 20)
        distance = closed_outline(rng, view, centre, (radius, radius))
        depth = rng.uniform(0, 1)
        if rng.random() < 0.7:
            scene.absorption += weight * (0.5 - 0.5 * np.tanh(distance / np.float32(1.5)))
            halo = np.maximum(distance, 0) / np.float32(radius)
            scene.absorption -= 0.25 * weight * np.exp(-0.5 * halo**2) * (distance > 0)
            touched = np.abs(distance) < scene.label_px
            scene.label &= ~(touched | (distance < 0))
        # A bead above or below the slice leaves its streaks without its body.
        direction = rng.normal(0, 0.15) + rng.choice([0.0, np.pi / 2])
        for _ in range(rng.integers(1, 6)):
            u, v = rotated(view, centre, direction + rng.normal(0, 0.25))
            width = rng.uniform(1.2, 4)
            reach = radius * rng.uniform(3, 14)
            start = np.abs(u) > radius * (1 + 2 * depth)
            ray = np.exp(-0.5 * (v / width) ** 2 - np.abs(u) / np.float32(reach)) * start
            scene.absorption += np.float32(0.1 * weight * rng.normal()) * ray
    for _ in range(rng.poisson(0.7)):
        # A bead out of the slice, drawn out along the beam by the missing tilts.
        place = scene.random_place()
        u, v = rotated(window(scene.shape), place, direction)
        length, width = rng.uniform(6, 25), rng.uniform(1.5, 3.5)
        lens = np.exp(-0.5 * ((u / length) ** 2 + (v / width) ** 2))
        tail = np.exp(-0.5 * ((u / (2.5 * length)) ** 2 + (v / width) ** 2))
        scene.absorption += np.float32(log_uniform(rng, 0.7, 4.0)) * (lens - 0.35 * tail)


def paint_wall_of_glass(scene: Scene) -> None:
    """Paint the wall of a capillary: a straight dark band that is no membrane."""
    rng = scene.rng
    place = scene.random_place()
    direction = rng.normal(0, 0.05) + rng.choice([0.0, np.pi / 2])
    _, across = rotated(window(scene.shape), place, direction)
    half = rng.uniform(3, 12)
    band = 0.5 - 0.5 * np.tanh((np.abs(across) - half) / np.float32(rng.uniform(1, 2.5)))
    scene.absorption += np.float32(log_uniform(rng, 2, 12)) * band
    scene.label &= np.abs(across) > half + 2
    if rng.random() < 0.7:
        # Nothing but ice and ringing lies beyond it.
        beyond = across > half
        scene.label &= ~beyond
        scene.absorption[beyond] *= np.float32(rng.uniform(0, 0.2))
        fade = np.exp(-np.maximum(across, 0) / 30)
        ripples = np.cos(across / np.float32(rng.uniform(2, 6))) * fade
        scene.absorption[beyond] += np.float32(rng.uniform(0, 1)) * ripples[beyond]


def paint_border(scene: Scene) -> None:
    """Darken one side: reconstructions end in a strip that few projections have seen."""
    rng = scene.rng
    size = scene.shape[0]
    depth = np.arange(size, dtype=np.float32)[:, np.newaxis]
    reach = rng.uniform(3, 30)
    strip = np.exp(-depth / np.float32(reach)) if rng.random() < 0.5 else (depth < reach) * 1.0
    if rng.random() < 0.5:
        strip = strip[::-1]
    rough = 1 + 0.3 * smooth_field(rng, scene.shape, 15)
    strip = strip * rough
    if rng.random() < 0.5 and scene.shape[0] == scene.shape[1]:
        strip = strip.T
    scene.absorption += np.float32(rng.choice([-1, 1]) * log_uniform(rng, 1, 6)) * strip
    scene.label &= np.abs(strip) < 0.5
