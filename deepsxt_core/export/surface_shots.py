"""Surfaces seen by cameras, drawn by PyVista without a window."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsxt_core.errors import DrawingError
from deepsxt_core.export.figure_sheet import Panel, paint_scale_bar
from deepsxt_core.export.figures import add_surfaces, empty_plotter
from deepsxt_core.export.shots import KeyFrame, SurfaceShot
from deepsxt_core.surface import Surfaces
from deepsxt_core.surface.view import thinned

MOST_FACES = 200_000
FIELD_DEG = 30.0
"""Of a perspective camera, as in the app's own 3D view."""


class SurfaceDrawer:
    """Draws one set of surfaces again and again; close it at the end.

    Parameters
    ----------
    surfaces : Surfaces
        Of more than 200,000 triangles fewer are drawn.
    size : (width, height)
        Of the pictures in pixels.
    """

    def __init__(self, surfaces: Surfaces, size: tuple[int, int]) -> None:
        self._surfaces, self._size = thinned(surfaces, MOST_FACES), size
        self._hidden: tuple[int, ...] | None = None
        self._plotter: Any = None

    def panel(self, shot: SurfaceShot) -> Panel:
        """Return what a camera sees, with a scale bar.

        Raises
        ------
        DrawingError
            If all objects are hidden.
        """
        width, height = self._size
        high = 2 * shot.half
        shown = (0.0, 0.0, high, high * width / height)
        pixel_nm = 1000 * high / height if self._surfaces.unit == "µm" else None

        def paint(axes: Any) -> None:
            where = "" if shot.is_parallel else " at the centre"
            paint_scale_bar(axes, shown, self._size, pixel_nm, where)
            axes.set(xlim=(0, shown[3]), ylim=(high, 0))

        return Panel(Image.fromarray(self._pixels(shot)), paint)

    def _pixels(self, shot: SurfaceShot) -> NDArray[np.uint8]:
        if self._plotter is None or shot.hidden != self._hidden:
            self._begin(shot.hidden)
        plotter, camera = self._plotter, self._plotter.camera
        plotter.set_background([n / 255 for n in shot.paper])
        camera.position, camera.focal_point = shot.position, shot.target
        camera.up = (0.0, -1.0, 0.0)
        camera.parallel_projection = shot.is_parallel
        camera.parallel_scale, camera.view_angle = shot.half, FIELD_DEG
        plotter.renderer.ResetCameraClippingRange()
        plotter.render()
        return np.ascontiguousarray(plotter.screenshot(return_img=True)[..., :3])

    def _begin(self, hidden: tuple[int, ...]) -> None:
        self.close()
        ids = [row.id for row in self._surfaces.objects if row.id not in hidden]
        if not ids:
            raise DrawingError("All objects of the surface are hidden. Show some of them.")
        shown = self._surfaces.select(ids) if hidden else self._surfaces
        self._plotter = empty_plotter("light")
        self._plotter.window_size = list(self._size)
        add_surfaces(self._plotter, shown)
        self._plotter.show(auto_close=False, interactive=False)
        self._hidden = hidden

    def close(self) -> None:
        """Let go of what draws."""
        if self._plotter is not None:
            self._plotter.close()
        self._plotter = None


def one_turn(shot: SurfaceShot, seconds: float) -> tuple[KeyFrame, ...]:
    """Return the key frames of a film round what a camera looks at; to be shown at an even pace."""
    x, y, z = np.subtract(shot.position, shot.target)
    found = []
    for angle in (0.0, 0.5 * np.pi, np.pi, 1.5 * np.pi):
        side = (x * np.cos(angle) + z * np.sin(angle), y, z * np.cos(angle) - x * np.sin(angle))
        at = tuple(float(n) for n in np.add(shot.target, side))
        place = replace(shot, position=(at[0], at[1], at[2]))
        found.append(KeyFrame(surface=place, seconds=seconds / 4))
    # The first one again, without its own time: a film that is repeated goes on evenly.
    return *found, replace(found[0], seconds=0)
