"""Surfaces drawn without the app: a picture, and an HTML file that shows them in 3D offline.

Both are drawn by a child process (``python -m deepsxt_core.export.figures``) with a time limit,
so that a graphics driver that hangs or crashes cannot take the app with it.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deepsxt_core.child_process import child_environment
from deepsxt_core.errors import DrawingError
from deepsxt_core.files import disk_errors_told, not_as_written
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.surface.view import thinned

if TYPE_CHECKING:
    import pyvista

Theme = Literal["light", "dark"]

BACKGROUND: dict[Theme, str] = {"light": "#ffffff", "dark": "#0e1619"}
FOREGROUND: dict[Theme, str] = {"light": "#31333f", "dark": "#fafafa"}
_PICTURE_SIZE_PX = [1280, 960]

# The viewer that trame-vtk brings asks a web site for its icon. The policy makes the browser
# refuse this and any other request, whatever a later version of the viewer tries.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:"
)
_ICON_ADDRESS = "https://kitware.github.io/vtk-js/icon/favicon-${t}x${t}.png"

# That viewer draws before the voxels of a volume have arrived, fails, and never draws again; and
# the distance that opacities refer to is not handed to it. So it waits until they are there.
_WITH_VOLUMES = """
  Object.defineProperty(window.global, "renderWindow", { configurable: true, set(view) {
    Object.defineProperty(window.global, "renderWindow", { value: view });
    const distances = DISTANCES;
    const volumes = () => view.getRenderers().flatMap((renderer) => renderer.getVolumes());
    const voxels = (volume) => volume.getMapper()?.getInputData()?.getPointData().getScalars();
    view.getInteractor().setEnableRender(false);
    const waiting = setInterval(() => {
      if (volumes().length < distances.length || !volumes().every(voxels)) return;
      clearInterval(waiting);
      volumes().forEach((volume, place) => {
        volume.getProperty().setScalarOpacityUnitDistance(0, distances[place]);
        volume.getMapper().setAutoAdjustSampleDistances(true);  // coarser while it is turned
      });
      view.getInteractor().setEnableRender(true);
      view.render();
      document.body.dataset.drawn = "true";
    }, 50);
  } });
  """


def write_picture(
    surfaces: Surfaces, path: Path, *, theme: Theme = "light", timeout_s: float = 120.0
) -> Path:
    """Draw `surfaces` into a PNG picture and return `path`.

    Parameters
    ----------
    surfaces : Surfaces
        The surfaces to show.
    path : Path
        File to write; it appears when it is finished.
    theme : {"light", "dark"}
        The background.
    timeout_s : float
        Limit for the child process that draws.

    Raises
    ------
    DrawingError
        If drawing fails or takes too long.
    """
    return _drawn_by_child("picture", surfaces, path, theme, timeout_s)


def write_page(
    surfaces: Surfaces,
    path: Path,
    *,
    theme: Theme = "light",
    max_faces: int = 400_000,
    timeout_s: float = 120.0,
) -> Path:
    """Write `surfaces` into an HTML file that shows them in 3D without a server; return `path`.

    A mesh of more than `max_faces` faces is thinned, and the page says so. The other parameters
    and the errors are those of `write_picture`.
    """
    return _drawn_by_child("page", thinned(surfaces, max_faces), path, theme, timeout_s)


def _drawn_by_child(
    what: str, surfaces: Surfaces, path: Path, theme: Theme, timeout_s: float
) -> Path:
    with (
        disk_errors_told(path),
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".scene-") as name,
    ):
        folder = Path(name)
        surfaces.save(folder)
        made = folder / f"made{path.suffix}"
        try:
            subprocess.run(
                [sys.executable, "-m", __name__, what, str(folder), str(made), theme],
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=timeout_s,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise DrawingError(
                f"No {what} of the surface: drawing took longer than {timeout_s:g} s and was "
                "stopped."
            ) from error
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines()
            # A crash (negative: a signal) leaves no last line that explains it.
            explained = error.returncode > 0 and lines
            reason = lines[-1] if explained else f"drawing ended with code {error.returncode}"
            raise DrawingError(f"No {what} of the surface: {reason}.") from error
        _VERIFIERS[what](made)
        return made.replace(path)


def _require_picture(path: Path) -> None:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.load()
    except (OSError, SyntaxError) as error:
        raise not_as_written(str(error)) from error


def _require_page(path: Path) -> None:
    if not path.read_bytes().rstrip().endswith(b"</html>"):
        raise not_as_written("a page without its end")


_VERIFIERS = {"picture": _require_picture, "page": _require_page}


def _draw_picture(surfaces: Surfaces, path: Path, theme: Theme) -> None:
    _plotter(surfaces, theme).screenshot(path)


def _draw_page(surfaces: Surfaces, path: Path, theme: Theme) -> None:
    shown = surfaces.mesh.n_cells
    faces = sum(row.faces for row in surfaces.objects)
    note = f"Shown with {shown:,} of {faces:,} faces; exports hold all." if shown < faces else ""
    path.write_text(offline_page(_plotter(surfaces, theme), theme, note), encoding="utf-8")


_DRAWERS = {"picture": _draw_picture, "page": _draw_page}


def _display_mesh(surfaces: Surfaces) -> "pyvista.PolyData":
    display = surfaces.mesh.compute_normals(
        cell_normals=False, split_vertices=False, consistent_normals=False
    )
    display.clear_cell_data()
    display.point_data["colour"] = surfaces.point_colours
    return display


def _plotter(surfaces: Surfaces, theme: Theme) -> Any:
    plotter = empty_plotter(theme)
    add_surfaces(plotter, surfaces)
    add_axes(plotter, surfaces.unit, theme)
    look_from_aside(plotter)
    return plotter


def empty_plotter(theme: Theme) -> Any:
    """Return a `pyvista.Plotter` with background and light that draws without a window."""
    import pyvista

    # Any: the annotations of the wrapped methods of a plotter mislead a type checker.
    plotter: Any = pyvista.Plotter(off_screen=True, window_size=_PICTURE_SIZE_PX, lighting="none")
    # One light at the camera looks the same in VTK and in the browser's vtk.js.
    plotter.add_light(pyvista.Light(light_type="headlight"))
    plotter.set_background(BACKGROUND[theme])
    return plotter


def add_surfaces(plotter: Any, surfaces: Surfaces, opacity: float = 1.0) -> None:
    """Add surfaces in the colours of their objects."""
    plotter.add_mesh(
        _display_mesh(surfaces),
        scalars="colour",
        rgb=True,
        smooth_shading=True,
        ambient=0.2,
        specular=0.25,
        specular_power=30,
        opacity=opacity,
    )


def add_axes(plotter: Any, unit: Unit, theme: Theme) -> None:
    """Add a box with ticks in `unit` around all that is shown."""
    plotter.show_bounds(
        xtitle=f"x ({unit})",
        ytitle=f"y ({unit})",
        ztitle=f"z ({unit})",
        color=FOREGROUND[theme],
        location="outer",
        all_edges=True,
        fmt="%.3g",
        n_xlabels=4,
        n_ylabels=4,
        n_zlabels=4,
        use_3d_text=True,  # the flat text lacks the letter µ
        font_size=14,
    )


def look_from_aside(plotter: Any) -> None:
    """Look as at a slice on the screen, x to the right and y down, a little from the side."""
    plotter.camera_position = [(-0.45, -0.6, -1.0), (0, 0, 0), (0, -1, 0)]
    plotter.reset_camera()
    plotter.camera.zoom(0.9)  # room for the labels


def offline_page(plotter: Any, theme: Theme, note: str = "") -> str:
    """Return an HTML page that shows a scene in 3D and asks for nothing, with a note in it."""
    volumes = [actor for actor in plotter.actors.values() if actor.GetClassName() == "vtkVolume"]
    distances = [volume.GetProperty().GetScalarOpacityUnitDistance() for volume in volumes]
    page = _dressed(asyncio.run(_export_html(plotter)), theme, note)
    if not volumes:
        return page
    load = "OfflineLocalView.load("
    return page.replace(load, _WITH_VOLUMES.replace("DISTANCES", json.dumps(distances)) + load, 1)


async def _export_html(plotter: Any) -> str:
    import pyvista
    from trame_pyvista.jupyter import launch_server

    # Else the server would fetch a WebAssembly from a web site, which no page of ours needs.
    sys.modules.setdefault("trame.widgets.vtklocal", None)  # type: ignore[arg-type]
    # The exporter wants a running server of its own, on a free local port; nobody connects.
    await launch_server(pyvista.global_theme.trame.jupyter_server_name).ready
    return plotter.trame.export_html(None).read()


def _dressed(html: str, theme: Theme, note: str) -> str:
    """Return the exported page without requests, with the theme's background and the note."""
    html = html.replace(_ICON_ADDRESS, "data:,")
    html = html.replace("VTK.js | Example - OfflineLocalView", "DeepSXT")
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}" />'
        f"<style>body{{background:{BACKGROUND[theme]};overflow:hidden}}"
        "#note{position:fixed;left:12px;bottom:10px;z-index:1;pointer-events:none;"
        f"font:13px sans-serif;color:{FOREGROUND[theme]}}}"
        ".content{position:fixed;inset:0}</style>"
    )
    html = html.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{head}', 1)
    # The viewer fills and empties its container; the note stays beside it.
    return html.replace(
        "<body>", f'<body><div class="content"></div><div id="note">{note}</div>', 1
    )


def main() -> None:
    """Draw saved surfaces: ``scene picture|page FOLDER FILE THEME``, run by the functions above."""
    parser = argparse.ArgumentParser(description="Draw saved surfaces.")
    parser.add_argument("what", choices=tuple(_DRAWERS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("path", type=Path)
    parser.add_argument("theme", choices=tuple(BACKGROUND))
    arguments = parser.parse_args()
    surfaces = Surfaces.load(arguments.folder)
    _DRAWERS[arguments.what](surfaces, arguments.path, arguments.theme)


if __name__ == "__main__":
    main()
