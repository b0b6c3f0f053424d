"""What cells are made of, in focus and labelled, or out of focus and not."""

import numpy as np

from deepsxt_core.phantom.shapes import closed_outline, open_curve, window
from deepsxt_core.phantom.slice_canvas import Scene, log_uniform


def paint_cell_edge(scene: Scene) -> None:
    """Paint the plasma membrane: outside there is less of everything."""
    rng = scene.rng
    view = window(scene.shape)
    centre = scene.random_place(margin=0.1)
    distance, _ = open_curve(
        rng,
        view,
        centre,
        angle=rng.uniform(0, 2 * np.pi),
        sway_px=rng.uniform(2, 25),
        period_px=rng.uniform(100, 400),
    )
    scene.fill(view, distance, rng.uniform(0.0, 2.0), rng.uniform(0, 0.5), rng.uniform(1, 4))
    scene.taken |= np.abs(distance) < 6
    in_focus = rng.random() < 0.75
    blur_px = 0.0 if in_focus else rng.uniform(5, 12)
    scene.wall(view, distance, log_uniform(rng, 0.5, 1.8), blur_px=blur_px)


def paint_nucleus(scene: Scene) -> None:
    """Paint a nucleus with its envelope, often faint, and its own texture."""
    rng = scene.rng
    view = window(scene.shape)
    radius = log_uniform(rng, 50, 350)
    # The centre is placed so that the envelope, not only the inside, meets the canvas.
    towards = rng.uniform(0, 2 * np.pi)
    target = [rng.uniform(0.15, 0.85) * n for n in scene.shape]
    centre = (target[0] + radius * np.sin(towards), target[1] + radius * np.cos(towards))
    distance = closed_outline(
        rng,
        view,
        centre,
        (radius, radius * rng.uniform(0.7, 1.0)),
        angle=rng.uniform(0, np.pi),
        wobble=rng.uniform(0, 0.15),
    )
    inside = scene.fill(
        view, distance, rng.uniform(-0.7, 0.5), rng.uniform(0.0, 0.6), rng.uniform(2, 6)
    )
    scene.taken |= inside > 0.5
    scene.taken |= np.abs(distance) < 8
    contrast = log_uniform(rng, 0.35, 1.5)
    if rng.random() < 0.85:
        gap = rng.uniform(0, 3.0)
        scene.wall(view, distance + gap / 2, contrast)
        if gap > 1:
            scene.wall(view, distance - gap / 2, contrast * rng.uniform(0.3, 1))
    else:
        scene.wall(view, distance, contrast, blur_px=rng.uniform(5, 12))
    for _ in range(rng.poisson(2)):
        spot = scene.random_place()
        size = rng.uniform(5, 30)
        near = window(scene.shape, spot, 3 * size)
        blob = closed_outline(rng, near, spot, (size, size), wobble=0.3)
        within = inside[near.rows, near.columns] > 0.9
        bump = (0.5 - 0.5 * np.tanh(blob / rng.uniform(4, 10))) * within
        scene.absorption[near.rows, near.columns] += rng.uniform(-0.4, 0.8) * bump


def paint_organelles(scene: Scene) -> None:
    """Paint vesicles, mitochondria, lipid droplets and dense bodies, in and out of focus."""
    rng, params = scene.rng, scene.params
    area = scene.shape[0] * scene.shape[1] / 1e4
    blurred_share = rng.uniform(*params.out_of_focus)
    typical = log_uniform(rng, 8, 30)
    kinds = rng.dirichlet([1.2, 0.9, 0.7])
    bright = -rng.uniform(0.5, 2.0) if rng.random() < 0.25 else 0.0
    for _ in range(rng.poisson(rng.uniform(*params.organelles) * area)):
        radius = float(np.clip(typical * np.exp(0.5 * rng.normal()), 5, 70))
        centre = scene.free_place(radius)
        if centre is None:
            continue
        blur_px = rng.uniform(5, 11) if rng.random() < blurred_share else 0.0
        kind = rng.choice(["vesicle", "mitochondrion", "dense"], p=kinds)
        stretch = {
            "vesicle": rng.uniform(1, 1.6),
            "mitochondrion": rng.uniform(1.6, 4.5),
            "dense": rng.uniform(1, 2.5),
        }[kind]
        radii = (radius * stretch**0.6, max(radius / stretch**0.4, 4.0))
        view = window(scene.shape, centre, 1.8 * radii[0] + 12 + 2 * blur_px)
        distance = closed_outline(
            rng,
            view,
            centre,
            radii,
            angle=rng.uniform(0, np.pi),
            bend=rng.uniform(-0.35, 0.35) if stretch > 1.5 else 0.0,
            wobble=rng.uniform(0, 0.2),
        )
        scene.taken[view.rows, view.columns] |= distance < 2
        edge_px = np.hypot(rng.uniform(1.2, 4.0), blur_px)
        contrast = log_uniform(rng, 0.5, 2.0)
        if kind == "vesicle":
            level, texture = rng.normal(bright, 0.45), rng.uniform(0, 0.3)
        elif kind == "mitochondrion":
            level, texture = rng.uniform(0.1, 1.6), rng.uniform(0.1, 0.7)
        else:
            level, texture = log_uniform(rng, 1.0, 5.0), rng.uniform(0.1, 1.0)
            contrast *= rng.uniform(0.1, 0.8)
        scene.fill(view, distance, level, texture, edge_px)
        if blur_px:
            scene.wall(view, distance, contrast * rng.uniform(0.5, 2.0), blur_px=blur_px)
            continue
        shift = min(max(level, 0.0), 1.5)
        if kind == "dense" or level > 2.5 * scene.noise:
            # The step itself is seen as an outline, with a membrane on it or without.
            scene.label_edge(view, distance, shift)
        scene.wall(view, distance, contrast, label_shift_px=shift)


def paint_tube(scene: Scene) -> None:
    """Paint a piece of membrane with two ends: endoplasmic reticulum, a filopodium, a fold."""
    rng = scene.rng
    view = window(scene.shape)
    centre = scene.free_place(25)
    if centre is None:
        return
    length = log_uniform(rng, 30, 300)
    distance, along = open_curve(
        rng,
        view,
        centre,
        angle=rng.uniform(0, np.pi),
        sway_px=rng.uniform(0, 0.12) * length,
        period_px=rng.uniform(0.7, 2.5) * length,
    )
    extent = (0.5 - 0.5 * np.tanh((np.abs(along) - length / 2) / 3)).astype(np.float32)
    blur_px = rng.uniform(5, 12) if rng.random() < rng.uniform(*scene.params.out_of_focus) else 0.0
    contrast = log_uniform(rng, 0.5, 2.0)
    half_width = 0.0 if rng.random() < 0.6 else rng.uniform(3.5, 9)
    if half_width:
        beyond = np.maximum(np.abs(along) - length / 2, 0)
        tube = np.hypot(distance, beyond) - np.float32(half_width)
        scene.fill(view, tube, rng.uniform(-0.5, 1.0), 0.2, 2 + blur_px)
        scene.wall(view, tube, contrast, blur_px=blur_px)
    else:
        scene.wall(view, distance, contrast, blur_px=blur_px, extent=extent)
