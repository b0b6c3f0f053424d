"""The 3D view: one HTML file that works offline, and a picture of the same scene.

Both are drawn by a child process (``python -m deepsxt_core.surface.scene``) with a time limit,
so that a graphics driver that hangs or crashes cannot take the app with it.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deepsxt_core.surface.finishing import decimate
from deepsxt_core.surface.surfaces import Surfaces, build_mesh

if TYPE_CHECKING:
    import pyvista

Theme = Literal["light", "dark"]

_BACKGROUND: dict[Theme, str] = {"light": "#ffffff", "dark": "#0e1619"}
_FOREGROUND: dict[Theme, str] = {"light": "#31333f", "dark": "#fafafa"}
_PICTURE_SIZE_PX = [1280, 960]
_HTML, _PICTURE, _REPORT = "scene.html", "scene.png", "report.json"

# The viewer that trame-vtk brings asks a web site for its icon. The policy makes the browser
# refuse this and any other request, whatever a later version of the viewer tries.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:"
)
_ICON_ADDRESS = "https://kitware.github.io/vtk-js/icon/favicon-${t}x${t}.png"


@dataclass(frozen=True, slots=True)
class Scene:
    """What `write_scene` has made.

    Attributes
    ----------
    html : Path or None
        The interactive view; None where it could not be made.
    picture : Path or None
        The PNG picture; None where it could not be made.
    faces_shown : int
        Faces in the view, fewer than in the surfaces where it was thinned for display.
    note : str
        For people: that the view is thinned, or why a file is missing; empty if all is well.
    """

    html: Path | None
    picture: Path | None
    faces_shown: int
    note: str


def write_scene(
    surfaces: Surfaces,
    html: Path,
    picture: Path,
    *,
    theme: Theme = "light",
    max_faces: int = 400_000,
    timeout_s: float = 120.0,
) -> Scene:
    """Draw `surfaces` into an offline HTML file and a PNG picture; never raise for a failure.

    Parameters
    ----------
    surfaces : Surfaces
        The surfaces to show.
    html, picture : Path
        Files to write; they appear when finished. One that cannot be made does not appear.
    theme : {"light", "dark"}
        Background of both.
    max_faces : int
        A larger mesh is thinned for the display, and the view says so.
    timeout_s : float
        Limit for the child process that draws.
    """
    html.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=html.parent, prefix=".scene-") as name:
        folder = Path(name)
        surfaces.save(folder)
        command = [sys.executable, "-m", __name__, str(folder), theme, str(max_faces)]
        problem = ""
        try:
            subprocess.run(
                command,
                # Found from here too where the package is not installed.
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=timeout_s,
                check=True,
            )
        except subprocess.TimeoutExpired:
            problem = f"drawing took longer than {timeout_s:g} s and was stopped"
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines()
            # A crash (negative: a signal) leaves no last line that explains it.
            explained = error.returncode > 0 and lines
            problem = lines[-1] if explained else f"drawing ended with code {error.returncode}"
        made = [
            (folder / source).replace(target) if (folder / source).is_file() else None
            for source, target in ((_HTML, html), (_PICTURE, picture))
        ]
        report = folder / _REPORT
        shown = json.loads(report.read_text())["faces"] if report.is_file() else 0
    note = f"No interactive 3D view: {problem}." if problem else ""
    if not problem and shown < surfaces.mesh.n_cells:
        note = _thinned_note(shown, surfaces.mesh.n_cells)
    return Scene(made[0], made[1], shown, note)


def _thinned_note(shown: int, faces: int) -> str:
    return f"Shown with {shown:,} of {faces:,} faces; exports hold all."


def draw(folder: Path, theme: Theme, max_faces: int) -> None:
    """Draw the surfaces saved in `folder` into it; what the child process runs.

    The picture comes first: it is the fallback if the rest fails.
    """
    surfaces = Surfaces.load(folder)
    faces = surfaces.mesh.n_cells
    mesh = _display_mesh(surfaces, max_faces)
    (folder / _REPORT).write_text(json.dumps({"faces": mesh.n_cells}))
    note = _thinned_note(mesh.n_cells, faces) if mesh.n_cells < faces else ""

    plotter = _plotter(mesh, surfaces.unit, theme)
    if note:
        plotter.add_text(note, "lower_left", font_size=9, color=_FOREGROUND[theme], name="note")
    plotter.screenshot(folder / "partial.png")
    (folder / "partial.png").replace(folder / _PICTURE)
    plotter.remove_actor("note")

    exported = asyncio.run(_export_html(plotter))
    (folder / "partial.html").write_text(_dressed(exported, theme, note), encoding="utf-8")
    (folder / "partial.html").replace(folder / _HTML)


def _display_mesh(surfaces: Surfaces, max_faces: int) -> "pyvista.PolyData":
    mesh = surfaces.mesh
    if mesh.n_cells > max_faces:
        mesh = build_mesh(
            *decimate(
                np.asarray(mesh.points),
                surfaces.triangles,
                surfaces.point_objects,
                max_faces / mesh.n_cells,
            )
        )
    colours = Surfaces(mesh, surfaces.objects, surfaces.unit).point_colours
    display = mesh.compute_normals(
        cell_normals=False, split_vertices=False, consistent_normals=False
    )
    display.clear_cell_data()
    display.point_data["colour"] = colours
    return display


def _plotter(mesh: "pyvista.PolyData", unit: str, theme: Theme) -> Any:
    import pyvista

    # Any: the annotations of the wrapped methods of a plotter mislead a type checker.
    plotter: Any = pyvista.Plotter(off_screen=True, window_size=_PICTURE_SIZE_PX, lighting="none")
    # One light at the camera looks the same in VTK and in the browser's vtk.js.
    plotter.add_light(pyvista.Light(light_type="headlight"))
    plotter.set_background(_BACKGROUND[theme])
    plotter.add_mesh(
        mesh,
        scalars="colour",
        rgb=True,
        smooth_shading=True,
        ambient=0.2,
        specular=0.25,
        specular_power=30,
    )
    plotter.show_bounds(
        xtitle=f"x ({unit})",
        ytitle=f"y ({unit})",
        ztitle=f"z ({unit})",
        color=_FOREGROUND[theme],
        location="outer",
        all_edges=True,
        fmt="%.3g",
        n_xlabels=4,
        n_ylabels=4,
        n_zlabels=4,
        use_3d_text=True,  # the flat text lacks the letter µ
        font_size=14,
    )
    # As a slice is seen on the screen, x to the right and y down, a little from the side.
    plotter.camera_position = [(-0.45, -0.6, -1.0), (0, 0, 0), (0, -1, 0)]
    plotter.reset_camera()
    plotter.camera.zoom(0.9)  # room for the labels
    return plotter


async def _export_html(plotter: Any) -> str:
    import pyvista
    from trame_pyvista.jupyter import launch_server

    # The exporter wants a running server of its own, on a free local port; nobody connects.
    await launch_server(pyvista.global_theme.trame.jupyter_server_name).ready
    return plotter.trame.export_html(None).read()


def _dressed(html: str, theme: Theme, note: str) -> str:
    """Return the exported page without requests, with the theme's background and the note."""
    html = html.replace(_ICON_ADDRESS, "data:,")
    html = html.replace("VTK.js | Example - OfflineLocalView", "DeepSXT surface")
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}" />'
        f"<style>body{{background:{_BACKGROUND[theme]};overflow:hidden}}"
        "#note{position:fixed;left:12px;bottom:10px;z-index:1;pointer-events:none;"
        f"font:13px sans-serif;color:{_FOREGROUND[theme]}}}"
        ".content{position:fixed;inset:0}</style>"
    )
    html = html.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{head}', 1)
    # The viewer fills and empties its container; the note stays beside it.
    return html.replace(
        "<body>", f'<body><div class="content"></div><div id="note">{note}</div>', 1
    )


def main() -> None:
    """Run `draw` as a program: ``scene FOLDER THEME MAX_FACES``."""
    parser = argparse.ArgumentParser(description="Draw saved surfaces.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("theme", choices=tuple(_BACKGROUND))
    parser.add_argument("max_faces", type=int)
    arguments = parser.parse_args()
    draw(arguments.folder, arguments.theme, arguments.max_faces)


if __name__ == "__main__":
    main()
