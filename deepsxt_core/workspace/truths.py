"""Files that tell where the membranes of a tomogram are: beside it, or brought by the user."""

from pathlib import Path

from deepsxt_core.errors import DeepSXTError, VolumeError
from deepsxt_core.evaluation import first_slice
from deepsxt_core.io import open_volume, require_labels
from deepsxt_core.preprocessing import cut
from deepsxt_core.volume import Mask
from deepsxt_core.workspace import Tomogram, Workspace

_MARKS = (".truth", ".labels")
_FOLDER = "truths"


def known_truths(tomogram: Tomogram) -> list[Path]:
    """Return the files that may tell the truth about a tomogram.

    That is the simulated sample's own, files named ``NAME.truth.*`` or ``NAME.labels.*`` beside a
    tomogram ``NAME.*``, those that were brought with `keep_truth`, and those that it was compared
    with before.
    """
    source = tomogram.source
    beside = [source.with_name("truth.tif")] if source.is_relative_to(tomogram.folder) else []
    beside += [path for mark in _MARKS for path in source.parent.glob(f"{_plain(source)}{mark}.*")]
    kept = sorted((tomogram.folder / _FOLDER).glob("*"))
    used = [Path(each.run["truth"]) for each in tomogram.readable_results("evaluations")]
    return [path for path in dict.fromkeys([*beside, *kept, *used]) if path.exists()]


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
        require_labels(uploaded.volume())
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
    volume = open_volume(path)
    require_labels(volume)
    region = tomogram.result("scores", score_id).region
    score = tomogram.score(score_id)
    if region.bin == 1 and volume.shape == tomogram.volume().shape:
        volume = cut(volume, region)
    truth = Mask(volume)
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
