"""What is seen of a tomogram at a glance: its size and a small picture, found once and kept.

::

    <tomogram>/glance/facts.json       shape and voxel size as the file has them
    <tomogram>/glance/content.json     whether it holds labels
    <tomogram>/glance/<version>.png    the middle slice, at most 144 pixels wide and high
    …/<version>-<score>-<code>.png     that of a score, with what lies above a threshold

All are of one state of the file, which the version stands for.
"""

import hashlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsxt_core.errors import DeepSXTError, VolumeError
from deepsxt_core.export.slice_picture import RESULT_RGB
from deepsxt_core.files import read_json, write_json, written_beside
from deepsxt_core.io import looks_like_labels
from deepsxt_core.volume import Score, VoxelSize
from deepsxt_core.workspace.tomogram import Tomogram

FACTS_NAME = "glance/facts.json"
CONTENT_NAME = "glance/content.json"

_PICTURE_PX = 144
_SHOWN_PERCENTILES = (0.5, 99.5)
# A slice may be large: one is in memory at a time, however many pictures a page asks for.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header of a tomogram's file says.

    Attributes
    ----------
    version : str
        Of the file and the dataset in it.
    shape : (z, y, x) or None
        Voxels; None where the file cannot be opened.
    voxel_size_nm : VoxelSize or None
        As the file has it.
    problem : str
        Why it cannot be opened, in sentences; empty if it can.
    """

    version: str
    shape: tuple[int, int, int] | None
    voxel_size_nm: VoxelSize | None
    problem: str = ""


def version_of(tomogram: Tomogram) -> str:
    """Return what stands for the state of a tomogram's file, as far as its time and size tell."""
    try:
        stat = tomogram.source.stat()
        state = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        state = None
    return hashlib.sha256(repr((tomogram.dataset, state)).encode()).hexdigest()[:16]


def kept_facts(tomogram: Tomogram) -> Facts | None:
    """Return the facts as they were found before; None if they are of another file, or of none."""
    content = read_json(tomogram.folder / FACTS_NAME)
    if content is None or content.get("version") != version_of(tomogram):
        return None
    try:
        shape, size = content["shape"], content["voxel_size_nm"]
        return Facts(
            content["version"],
            None if shape is None else (int(shape[0]), int(shape[1]), int(shape[2])),
            None if size is None else VoxelSize(*size),
            str(content["problem"]),
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def find_facts(tomogram: Tomogram) -> Facts:
    """Return the facts, read from the file if they are not kept yet; a bad file is one too."""
    facts = kept_facts(tomogram)
    if facts is not None:
        return facts
    version = version_of(tomogram)
    try:
        # As in the file: what the user has confirmed may change, and stands elsewhere.
        volume = replace(tomogram, voxel_size_nm=None).volume()
        facts = Facts(version, volume.shape, volume.voxel_size_nm)
    except DeepSXTError as error:
        facts = Facts(version, None, None, str(error))
    path = tomogram.folder / FACTS_NAME
    path.parent.mkdir(exist_ok=True)
    content = {"version": version, "shape": facts.shape, "voxel_size_nm": facts.voxel_size_nm}
    write_json(path, content | {"problem": facts.problem})
    return facts


def holds_labels(tomogram: Tomogram) -> bool:
    """Return whether a file looks like labels, not like grey values; looked at once, and kept.

    A file that cannot be read is none.
    """
    path, version = tomogram.folder / CONTENT_NAME, version_of(tomogram)
    known = read_json(path) or {}
    if known.get("version") == version:
        return bool(known.get("labels"))
    try:
        labels = looks_like_labels(tomogram.volume())
    except DeepSXTError:
        return False
    path.parent.mkdir(exist_ok=True)
    write_json(path, {"version": version, "labels": labels})
    return labels


def picture(tomogram: Tomogram) -> Path:
    """Return the picture of a tomogram, a PNG in grey, made if it is not kept yet.

    Raises
    ------
    VolumeError
        If the file cannot be read.
    """
    version = version_of(tomogram)
    path = tomogram.folder / "glance" / f"{version}.png"
    with _one_at_a_time:
        if path.is_file():
            return path
        volume = tomogram.volume()
        middle = volume.shape[0] // 2
        old = [*path.parent.glob("[0-9a-f]*.png")]
        _write(_grey(volume.read(middle, middle + 1)[0]), path)
    for other in old:
        if not other.name.startswith(version):
            other.unlink(missing_ok=True)
    return path


def result_picture(tomogram: Tomogram, score_id: str, threshold: float) -> Path:
    """Return the middle slice of a score with what lies above a threshold, as `picture` does.

    Raises
    ------
    DeepSXTError
        If there is no such result.
    VolumeError
        If the file cannot be read.
    """
    result, code = tomogram.result("scores", score_id), Score.threshold_code(threshold)
    path = tomogram.folder / "glance" / f"{version_of(tomogram)}-{result.id}-{code}.png"
    with _one_at_a_time:
        if path.is_file():
            return path
        score = tomogram.score(result.id)
        middle = score.volume.shape[0] // 2
        z = score.first_slice + middle
        grey = _grey(tomogram.volume(result.region).read(z, z + 1)[0])
        drawn = np.repeat(grey[..., np.newaxis], 3, axis=-1)
        drawn[score.read_mask(middle, middle + 1, threshold)[0]] = RESULT_RGB
        _write(drawn, path)
    return path


def _write(pixels: NDArray[np.uint8], path: Path) -> None:
    image = Image.fromarray(pixels)
    image.thumbnail((_PICTURE_PX, _PICTURE_PX), Image.Resampling.BOX)
    path.parent.mkdir(exist_ok=True)
    with written_beside(path) as beside:
        image.save(beside)


def _grey(image: NDArray) -> NDArray[np.uint8]:
    """Return a slice (y, x) as grey levels; what is not finite is black."""
    stride = max(1, max(image.shape) // 512)
    values = image[::stride, ::stride].astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        raise VolumeError("The middle slice holds no finite value.")
    low, high = np.percentile(values, _SHOWN_PERCENTILES)
    scaled = (image.astype(np.float32) - np.float32(low)) * np.float32(255 / ((high - low) or 1))
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255)).astype(np.uint8)
