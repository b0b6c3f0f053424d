"""HTTP routes over the workspace: slices and meshes as bytes, downloads.

::

    /api/uploads                                          see `deepsxt_core.web.receiving`
    GET /api/tomograms/<id>/display and …/planes          see `deepsxt_core.web.planes`
    /api/tomograms/<id>/annotations/<a>                   see `deepsxt_core.web.annotations`
    /api/tomograms/<id>/notes                             see `deepsxt_core.web.notes`
    GET /api/tomograms/<id>/figure/<axis>/<name>          see `deepsxt_core.web.slice_figures`
    GET /api/tomograms/<id>/profile/<axis>/<index>        see `deepsxt_core.web.profiles`
    GET …/annotations/<a>/judged/…                        see `deepsxt_core.web.judged_planes`
    GET …/surfaces/<result>/distances/…                   see `deepsxt_core.web.differences`
    GET /api/tomograms/<id>/glance.png?v=                 see `deepsxt_core.web.glances`
    GET /api/tomograms/<id>/slices/<z>?v=&crop=&bin=      one slice, uint8 grey, y·x bytes
    GET /api/tomograms/<id>/scores/<result>/score.tif     and .mrc
    GET /api/tomograms/<id>/scores/<result>/mask.tif?threshold=      .mrc and .npy
    GET /api/tomograms/<id>/scores/<result>/coarse.bin?threshold=&low=    see `surface.coarse`
    GET /api/tomograms/<id>/surfaces/<result>/view-coarse.bin?v=     and view-full.bin: 3D view
    GET /api/tomograms/<id>/surfaces/<result>/<file>      meshes, tables, pictures, HTML page
        ?objects=&unit=                                   in a mesh: these alone, in this unit
    GET /api/tomograms/<id>/measurements/<result>/<file>  tables
    GET …/bundles/<result>/bundle.zip and …/reports/<result>/report.html
    GET /guest/<token> and /place/<project>               see `deepsxt_core.web.places`
    GET /api/tomograms/<id>/films/<result>/<file>         see `deepsxt_core.web.films`

The ids of tomograms are unguessable, so that knowing an address is the permission to read it.
What a result's address returns never changes, and the address of a slice or of a view carries a
version: browsers may keep both. Nothing here holds more than one slice, or one piece of a file, in
memory.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from deepsxt_core.errors import InvalidParameterError, VolumeError
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.export.report import REPORT_NAME
from deepsxt_core.geometry import Geometry, Region
from deepsxt_core.io.links import open_in_place
from deepsxt_core.preprocessing import cut
from deepsxt_core.surface.coarse import CoarseScore, coarse_score, coarse_view
from deepsxt_core.surface.view import VIEW_FILES
from deepsxt_core.volume import Volume
from deepsxt_core.web import (
    annotations,
    differences,
    films,
    glances,
    judged_planes,
    notes,
    places,
    planes,
    profiles,
    receiving,
    slice_figures,
)
from deepsxt_core.web.front_end import FrontEnd
from deepsxt_core.web.pictures import Survey, grey_codes, survey
from deepsxt_core.web.responses import (
    AS_IT_IS,
    ASK_AGAIN,
    FOR_EVER,
    HttpError,
    Waiting,
    answer,
    threshold_of,
)
from deepsxt_core.workspace import Result, ResultKind, Tomogram, Workspace, downloads
from deepsxt_core.workspace.data_roots import places_of

COARSE_FILE = "coarse.bin"

_KEPT_VOLUMES = 8
_KEPT_COARSE = 4
_WAITING_THREADS = 16
_PARTS = (
    *(receiving, planes, annotations, judged_planes, differences, glances, profiles, notes),
    *(slice_figures, films, places),
)
_MEDIA_TYPES = {".csv": "text/csv", ".tif": "image/tiff", ".stl": "model/stl", ".png": "image/png"}


class _Index(Convertor[int]):
    """A number in an address, of few enough digits to be one of a slice."""

    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("index", _Index())


@dataclass(frozen=True, slots=True)
class SliceSource:
    """How a browser gets the slices of a tomogram.

    Attributes
    ----------
    address : str
        Relative to the app's root, with ``{z}`` for the index of the slice.
    survey : Survey
        Its `low` and `high` are the values that the grey codes 0 and 255 stand for.
    """

    address: str
    survey: Survey


def routes(front_end: Path | None = None) -> list[BaseRoute]:
    """Return all routes; `front_end` is a folder of scripts and styles to serve under ``/ui``."""
    tomogram, making = "/api/tomograms/{tomogram}", Waiting(_WAITING_THREADS)
    found: list[BaseRoute] = [
        *(route for part in _PARTS for route in part.routes()),
        Route(f"{tomogram}/slices/{{z:index}}", answer(_slice)),
        Route(f"{tomogram}/scores/{{result}}/{COARSE_FILE}", answer(_coarse)),
        Route(f"{tomogram}/scores/{{result}}/{{name}}", answer(_score_file, making)),
        Route(f"{tomogram}/surfaces/{{result}}/{{name}}", answer(_surface_file, making)),
        Route(f"{tomogram}/bundles/{{result}}/{BUNDLE_NAME}", answer(_made("bundles"))),
        Route(f"{tomogram}/reports/{{result}}/{REPORT_NAME}", answer(_made("reports"))),
        Route(f"{tomogram}/measurements/{{result}}/{{name}}", answer(_measurement_file)),
    ]
    if front_end is not None:
        found.append(Mount("/ui", FrontEnd(directory=front_end)))
    return found


def slice_source(tomogram: Tomogram, region: Region | None = None) -> SliceSource:
    """Return where a browser finds the slices of `tomogram`, and what their codes mean.

    Parameters
    ----------
    region : Region, optional
        Of the tomogram, whose slices they are; by default all of it.

    Raises
    ------
    VolumeError
        If the file cannot be read.
    InvalidParameterError
        If the region does not lie in the tomogram.
    """
    region = region or Region()
    shown = _open_volume(*_volume_key(tomogram), region)
    query = {"v": shown.version}
    if region.crop is not None:
        query["crop"] = region.crop
    if region.bin != 1:
        query["bin"] = str(region.bin)
    address = f"api/tomograms/{tomogram.id}/slices/{{z}}?{urlencode(query)}"
    return SliceSource(address, shown.survey)


def download_address(
    tomogram: Tomogram, kind: ResultKind, result_id: str, name: str, **query: str | float
) -> str:
    """Return the address of one file of a result, relative to the app's root."""
    suffix = f"?{urlencode(query)}" if query else ""
    return f"api/tomograms/{tomogram.id}/{kind}/{result_id}/{name}{suffix}"


def view_addresses(tomogram: Tomogram, surface: Result) -> tuple[str, str]:
    """Return where a browser finds a surface with few faces, and with all of them.

    Raises
    ------
    VolumeError
        If the surface is not complete.
    """
    version = downloads.view_version(surface.folder)
    coarse, full = (
        download_address(tomogram, "surfaces", surface.id, name, v=version) for name in VIEW_FILES
    )
    return coarse, full


@dataclass(frozen=True, slots=True)
class _Shown:
    volume: Volume
    survey: Survey
    version: str


def _volume_key(tomogram: Tomogram) -> tuple[Path, str | None, int]:
    try:
        return tomogram.source, tomogram.dataset, tomogram.source.stat().st_mtime_ns
    except OSError as error:
        raise VolumeError(
            f"The file of '{tomogram.name}' cannot be read any more: {error.strerror}. "
            "Put it back, or open the tomogram again."
        ) from error


@lru_cache(maxsize=_KEPT_VOLUMES)
def _open_volume(source: Path, dataset: str | None, mtime_ns: int, region: Region) -> _Shown:
    volume = cut(open_in_place(source, places_of(source), dataset=dataset), region)
    version = hashlib.sha256(repr((dataset, mtime_ns, region)).encode()).hexdigest()[:12]
    return _Shown(volume, survey(volume), version)


def _slice(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    shown = _open_volume(*_volume_key(tomogram), _region(request))
    z = request.path_params["z"]
    if z >= shown.volume.shape[0]:
        raise HttpError(404, f"There is no slice {z}; there are {shown.volume.shape[0]}.")
    image = shown.volume.read(z, z + 1)[0]
    cache = FOR_EVER if request.query_params.get("v") == shown.version else ASK_AGAIN
    codes = grey_codes(image, shown.survey.low, shown.survey.high)
    return Response(
        codes.tobytes(), media_type="application/octet-stream", headers=cache | AS_IT_IS
    )


def _region(request: Request) -> Region:
    crop, binning = request.query_params.get("crop"), request.query_params.get("bin", "1")
    # Digits alone, and few: what is no number is no binning either.
    return Region.parse(crop, int(binning) if re.fullmatch("[0-9]{1,4}", binning) else 0)


def _score_file(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    result = tomogram.result("scores", request.path_params["result"])
    name = request.path_params["name"]
    threshold = threshold_of(request)
    path = downloads.score_file(tomogram, result, name, threshold)
    shown = f"mask_{threshold:+.2f}{path.suffix}" if name.startswith("mask") else name
    return _download(path, tomogram, result, shown)


def _coarse(request: Request) -> Response:
    """Answer with a surface to look at while the threshold is moved."""
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    result = tomogram.result("scores", request.path_params["result"])
    binned = _binned(tomogram, result.id, tomogram.todays_score(result.id).placed.geometry)
    low = threshold_of(request, "low") if "low" in request.query_params else None
    return Response(
        coarse_view(binned, threshold_of(request), low),
        media_type="application/octet-stream",
        headers=ASK_AGAIN | AS_IT_IS,
    )


@lru_cache(maxsize=_KEPT_COARSE)
def _binned(tomogram: Tomogram, result_id: str, _geometry: Geometry) -> CoarseScore:
    return coarse_score(tomogram.todays_score(result_id))


def _surface_file(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    result = tomogram.result("surfaces", request.path_params["result"])
    name = request.path_params["name"]
    if name in VIEW_FILES:
        current = request.query_params.get("v") == str(downloads.view_version(result.folder))
        path = downloads.view_file(result.folder, name)
        return FileResponse(path, headers=(FOR_EVER if current else ASK_AGAIN) | AS_IT_IS)
    if name in downloads.INSTANCE_FILES:
        return _download(downloads.instances_file(tomogram, result, name), tomogram, result, name)
    query = request.query_params
    path = downloads.surface_file(
        result, name, objects=_ids(query.get("objects", "")), unit=query.get("unit")
    )
    return _download(path, tomogram, result, name)


def _measurement_file(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    result = tomogram.result("measurements", request.path_params["result"])
    name = request.path_params["name"]
    return _download(downloads.measurement_file(result, name), tomogram, result, name)


def _ids(text: str) -> list[int]:
    parts = [part for part in text.split(",") if part]
    if not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise InvalidParameterError(f"Objects are numbers with commas between: got '{text[:40]}'.")
    return [int(part) for part in parts]


def _made(kind: ResultKind) -> Callable[[Request], Response]:
    """Return what answers with the one file of a result, which the address ends in."""

    def file(request: Request) -> Response:
        tomogram = Workspace().tomogram(request.path_params["tomogram"])
        result = tomogram.result(kind, request.path_params["result"])
        name = request.url.path.rpartition("/")[2]
        return _download(result.folder / name, tomogram, result, name)

    return file


def _download(path: Path, tomogram: Tomogram, result: Result, name: str) -> Response:
    return FileResponse(
        path,
        media_type=_MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
        filename=f"{Path(tomogram.name).stem}_{result.file_name(name)}",
        headers=ASK_AGAIN | AS_IT_IS,
    )
