"""A PyVista scene of what surfaces came from: a volume, three slice planes, surfaces, a scale.

`build_scene` returns a `pyvista.Plotter`, so that a notebook can show it, add to it and save it::

    plotter = build_scene(SceneParams(volume="score"), score=score, surfaces=surfaces)
    plotter.show()

Voxels are averaged to a budget while they are read, a slab at a time: memory is bounded by the
budget and some slices, however large the file is.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.averaging import averaged, averaged_slices
from deepsxt_core.export.figures import (
    BACKGROUND,
    FOREGROUND,
    Theme,
    add_axes,
    add_surfaces,
    empty_plotter,
    look_from_aside,
)
from deepsxt_core.export.scale_bar import label_font, scale_bar_length
from deepsxt_core.export.scene_params import Dense, SceneParams
from deepsxt_core.geometry import Shape
from deepsxt_core.preprocessing.sampling import shown_range, without_void
from deepsxt_core.surface.lengths import Unit, edges_zyx, start_zyx, unit_of
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.surface.view import thinned
from deepsxt_core.volume import Score, Volume

if TYPE_CHECKING:
    import pyvista


_PLANE_PIXELS = 1 << 19
_TRANSPARENT_PERCENT = 80.0
"""Of a tomogram's voxels that count, the least dense, are not drawn: they would hide the others."""
_MOST_SAMPLES = 900  # along a ray; the browser's viewer stops at 1000
_LABEL_PX = 64


def build_scene(
    params: SceneParams | None = None,
    *,
    tomogram: Volume | None = None,
    score: Score | None = None,
    surfaces: Surfaces | None = None,
) -> "pyvista.Plotter":
    """Return a plotter with what `params` ask for, each in its place in space.

    Lengths are in µm, (x, y, z), from the origin of the tomogram, as in `Surfaces`; in voxels
    where the voxel size is not known. Nothing is drawn before the plotter is shown.

    Parameters
    ----------
    tomogram : Volume, optional
        For its volume and the planes; grey values (z, y, x).
    score : Score, optional
        For its volume.
    surfaces : Surfaces, optional

    Raises
    ------
    InvalidParameterError
        If something is asked for that is not given, or the units differ.
    VolumeError
        If a file cannot be read.
    """
    params = params or SceneParams()
    _check_given(params, tomogram, score, surfaces)
    unit = _common_unit(tomogram, score, surfaces)
    plotter = empty_plotter(params.theme)
    if params.volume == "score" and score is not None:
        _add_score(plotter, score.placed, params)
    if tomogram is not None and (params.planes or params.volume == "tomogram"):
        window = shown_range(tomogram)
        if params.volume == "tomogram":
            _add_tomogram(plotter, tomogram, window, params)
        if params.planes:
            _add_planes(plotter, tomogram, window, params)
    if params.surfaces and surfaces is not None:
        add_surfaces(plotter, thinned(surfaces, params.max_faces), params.surface_opacity)
    if params.scale:
        _add_scale_bar(plotter, unit, params.theme)
        add_axes(plotter, unit, params.theme)
    look_from_aside(plotter)
    return plotter


def _check_given(
    params: SceneParams,
    tomogram: Volume | None,
    score: Score | None,
    surfaces: Surfaces | None,
) -> None:
    wanted = {
        "the tomogram": (params.planes or params.volume == "tomogram", tomogram),
        "the score": (params.volume == "score", score),
        "the surfaces": (params.surfaces, surfaces),
    }
    for name, (asked, given) in wanted.items():
        if asked and given is None:
            raise InvalidParameterError(
                f"The scene is to show {name}: give it to build_scene, or leave it out of params."
            )


def _common_unit(tomogram: Volume | None, score: Score | None, surfaces: Surfaces | None) -> Unit:
    volumes = [tomogram, score.volume if score is not None else None]
    units = {unit_of(volume) for volume in volumes if volume is not None}
    if surfaces is not None:
        units.add(surfaces.unit)
    if len(units) > 1:
        raise InvalidParameterError(
            "The voxel size is known for a part of the scene alone. Give all parts the same one."
        )
    return units.pop()


def _codes(
    values: NDArray[np.float32], window: tuple[float, float], dense: Dense
) -> NDArray[np.uint8]:
    """Return grey codes; what is not finite has that of the least matter."""
    low, high = window
    scaled = np.clip((values - low) * (255 / (high - low)), 0, 255)
    return np.rint(np.nan_to_num(scaled, nan=255 if dense == "dark" else 0)).astype(np.uint8)


def _add_score(plotter: Any, codes: Volume, params: SceneParams) -> None:
    means, block = averaged(codes, params.max_voxels)
    start = Score.threshold_code(params.score_from) - 1
    opacity = _ramp(start, params.opacity)
    _add_volume(plotter, np.rint(means).astype(np.uint8), codes, block, opacity, "viridis")


def _add_tomogram(
    plotter: Any, tomogram: Volume, window: tuple[float, float], params: SceneParams
) -> None:
    means, block = averaged(without_void(tomogram), params.max_voxels)
    codes = _codes(means, window, params.dense)
    density = (255 - codes if params.dense == "dark" else codes)[np.isfinite(means)]
    start = min(254, int(np.percentile(density, _TRANSPARENT_PERCENT))) if density.size else 254
    opacity = _ramp(start, params.opacity)
    if params.dense == "dark":
        opacity = opacity[::-1]
    _add_volume(plotter, codes, tomogram, block, opacity, "gray")


def _ramp(start: int, highest: float) -> NDArray[np.uint8]:
    """Return the opacity of codes 0 to 255: 0 up to `start`, then evenly up to `highest`."""
    opacity = np.clip((np.arange(256) - start) / (255 - start), 0, 1) * highest
    # PyVista takes 256 numbers as they are, and those are 255 for opaque.
    return np.rint(opacity * 255).astype(np.uint8)


def _add_volume(
    plotter: Any,
    codes: NDArray[np.uint8],
    volume: Volume,
    block: Shape,
    opacity: NDArray[np.uint8],
    colours: str,
) -> None:
    """Add codes (z, y, x), each at the centre of its block of voxels of `volume`."""
    import pyvista

    edges = edges_zyx(volume)
    first = start_zyx(volume) + (np.array(block) - 1) / 2 * edges
    spacing = edges * block
    grid = pyvista.ImageData(
        dimensions=codes.shape[::-1], spacing=spacing[::-1], origin=first[::-1]
    )
    grid.point_data["code"] = codes.ravel()
    actor = plotter.add_volume(
        grid,
        scalars="code",
        clim=[0, 255],
        cmap=colours,
        opacity=opacity,
        opacity_unit_distance=float(np.linalg.norm(spacing)),
        show_scalar_bar=False,
        mapper="smart",
        name="volume",
    )
    actor.prop.interpolation_type = "linear"
    longest = float(np.linalg.norm(spacing * codes.shape))
    actor.mapper.SetAutoAdjustSampleDistances(False)
    actor.mapper.SetSampleDistance(max(float(spacing.min()) / 2, longest / _MOST_SAMPLES))


def _add_planes(
    plotter: Any, tomogram: Volume, window: tuple[float, float], params: SceneParams
) -> None:
    places = [round(at * (n - 1)) for at, n in zip(params.plane_at, tomogram.shape, strict=True)]
    pictures, block = averaged_slices(tomogram, places, _PLANE_PIXELS)
    edges = edges_zyx(tomogram)
    corner = start_zyx(tomogram) - edges / 2
    lengths = np.array(tomogram.shape) // block * block * edges
    for axis, (place, picture) in enumerate(zip(places, pictures, strict=True)):
        down, right = (other for other in range(3) if other != axis)
        at = corner.copy()
        at[axis] += (place + 0.5) * edges[axis]
        steps = [np.eye(3)[side] * lengths[side] for side in (right, down)]
        codes = _codes(picture, window, params.dense)
        _add_picture(plotter, codes, at, *steps, name=f"plane {'zyx'[axis]}")


def _add_picture(
    plotter: Any,
    codes: NDArray[np.uint8],
    corner_zyx: NDArray[np.float64],
    right_zyx: NDArray[np.float64],
    down_zyx: NDArray[np.float64],
    *,
    name: str,
) -> None:
    """Add a picture (rows, columns) or (rows, columns, 3) that spans a rectangle in space."""
    import pyvista

    corners = [
        corner_zyx,
        corner_zyx + right_zyx,
        corner_zyx + right_zyx + down_zyx,
        corner_zyx + down_zyx,
    ]
    # Any: annotated as float64 there.
    rectangle: Any = pyvista.PolyData(np.array(corners)[:, ::-1], faces=[4, 0, 1, 2, 3])
    rectangle.active_texture_coordinates = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    pixels = pyvista.ImageData(dimensions=(codes.shape[1], codes.shape[0], 1))
    rgb = codes if codes.ndim == 3 else np.repeat(codes[..., np.newaxis], 3, axis=-1)
    pixels.point_data["rgb"] = rgb.reshape(-1, 3)
    texture = pyvista.Texture(pixels)
    texture.interpolate = True
    texture.repeat = False
    plotter.add_mesh(rectangle, texture=texture, lighting=False, name=name)


def _add_scale_bar(plotter: Any, unit: Unit, theme: Theme) -> None:
    """Add a bar with its length along the lower front edge of what is there."""
    import pyvista

    x0, x1, _, y1, z0, _ = plotter.bounds
    wide = x1 - x0
    length, label = scale_bar_length(1000, wide if unit == "µm" else None)
    if unit == "µm":
        length *= wide / 1000
    else:
        length, label = scale_bar_length(round(wide), None)
        label = label.replace("px", "voxels")
    thick = wide / 100
    bar = pyvista.Box((x0, x0 + length, y1 - thick, y1, z0 - thick, z0))
    plotter.add_mesh(bar, color=FOREGROUND[theme], lighting=False, name="scale bar")
    font = label_font(_LABEL_PX)
    size = (math.ceil(font.getlength(label)) + 8, round(1.4 * _LABEL_PX))
    picture = Image.new("RGB", size, BACKGROUND[theme])
    ImageDraw.Draw(picture).text((4, 0), label, fill=FOREGROUND[theme], font=font)
    high = wide / 25
    corner = np.array([z0 - thick, y1 - 1.5 * thick - high, x0])
    right, down = np.array([0, 0, high * size[0] / size[1]]), np.array([0, high, 0])
    _add_picture(plotter, np.asarray(picture), corner, right, down, name="scale label")
