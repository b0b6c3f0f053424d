"""Files that tell where the membranes of a tomogram are: beside it, or brought by the user."""

from pathlib import Path

from deepsxt_core.errors import DeepSXTError, VolumeError
from deepsxt_core.evaluation import first_slice
from deepsxt_core.io import mask_of
from deepsxt_core.io.links import open_in_place, refuse_link_out
from deepsxt_core.preprocessing import cut
from deepsxt_core.volume import Mask
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.data_roots import places_of

_MARKS = (".truth", ".labels")
_FOLDER = "truths"


def known_truths(tomogram: Tomogram) -> list[Path]:
    """Return the files that may tell the truth about a tomogram.

    That is the simulated sample's own, files named ``NAME.truth.*`` or ``NAME.labels.*`` beside a
    tomogram ``NAME.*``, those that were brought with `keep_truth`, and those that it was compared
    with before. Links that lead elsewhere are left out.
    """
    source = tomogram.source
    beside = [source.with_name("truth.tif")] if source.is_relative_to(tomogram.folder) else []
    beside += [path for mark in _MARKS for path in source.parent.glob(f"{_plain(source)}{mark}.*")]
    kept = sorted((tomogram.folder / _FOLDER).glob("*"))
    used = [Path(each.run["truth"]) for each in tomogram.readable_results("evaluations")]
    found = dict.fromkeys([*beside, *kept, *used])
    return [path for path in found if path.exists() and _stays(tomogram, path)]


def _stays(tomogram: Tomogram, path: Path) -> bool:
    try:
        refuse_link_out(path, _places(tomogram, path))
    except VolumeError:
        return False
    return True


def _places(tomogram: Tomogram, path: Path) -> tuple[Path, ...]:
    """Return where the truth of a tomogram may truly lie."""
    return *places_of(path), tomogram.source.parent, tomogram.folder


def _plain(source: Path) -> str:
    """Return the stem without what a pattern would read as more than a letter."""
    return "".join(f"[{char}]" if char in "[]*?" else char for char in source.stem)


def keep_truth(tomogram: Tomogram, uploaded_id: str) -> Path:
    """Make a file that has just been uploaded the truth of a tomogram.

    Parameters
    ----------
    tomogram : Tomogram
    uploaded_id : str
        Of the tomogram that the upload has become; it is no more afterwards.

    Raises
    ------
    DeepSXTError
        If it holds no labels; it is deleted then.
    """
    workspace = Workspace()
    uploaded = workspace.tomogram(uploaded_id)
    try:
        mask_of(uploaded.volume())
        folder = tomogram.folder / _FOLDER
        folder.mkdir(exist_ok=True)
        return uploaded.source.replace(folder / uploaded.source.name)
    finally:
        workspace.remove(uploaded_id)


def open_truth(tomogram: Tomogram, score_id: str, path: Path) -> Mask:
    """Open a file as the truth for one score of a tomogram.

    Raises
    ------
    DeepSXTError
        If it cannot be read, holds no labels, or does not fit the score.
    """
    volume = open_in_place(path, _places(tomogram, path))
    truth = mask_of(volume)
    region = tomogram.result("scores", score_id).region
    score = tomogram.score(score_id)
    if region.bin == 1 and volume.shape == tomogram.volume().shape:
        truth = Mask(cut(truth.volume, region))
    try:
        first_slice(score, truth)
    except DeepSXTError as error:
        raise VolumeError(
            f"'{path.name}' has {_shape(volume.shape)} voxels (x × y × z) and does not fit the "
            f"result, which has {_shape(score.volume.shape)}. Choose labels of this tomogram"
            + (", binned like it." if region.bin > 1 else ".")
        ) from error
    return truth


def _shape(shape: tuple[int, int, int]) -> str:
    return " × ".join(map(str, reversed(shape)))
