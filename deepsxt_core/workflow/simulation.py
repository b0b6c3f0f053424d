"""Simulated tomograms as files."""

from dataclasses import asdict
from pathlib import Path

from numpy.typing import NDArray

from deepsxt_core.files import prepare_file, write_json
from deepsxt_core.io import write_volume, writer_for
from deepsxt_core.phantom import Label, PhantomParams, simulate
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Volume


def write_phantom(
    params: PhantomParams, path: str | Path, progress: Progress | None = None
) -> dict[str, Path]:
    """Simulate a tomogram and write it beside all that is known about it.

    Parameters
    ----------
    params : PhantomParams
        The cell and the microscope.
    path : str or Path
        NAME.tif, or another format: the tomogram, float32, membranes dark. NAME.truth.tif has 1
        on the membranes that can be seen, NAME.classes.tif the class of every voxel, NAME.json
        the parameters, the names of the classes, and the filopodia with their diameters and
        lengths.
    progress : Progress, optional
        Advances by projections and slices.

    Returns
    -------
    dict
        The files by what they hold: tomogram, truth, classes, parameters.

    Raises
    ------
    InvalidParameterError
        If the suffix names no format that can be written.
    """
    target = Path(path)
    writer_for(target)
    prepare_file(target)
    phantom = simulate(params, progress)
    files = {"tomogram": target}
    for name in ("truth", "classes"):
        files[name] = target.with_name(f"{target.stem}.{name}.tif")
    arrays: tuple[NDArray, ...] = (phantom.volume, phantom.truth, phantom.labels)
    for file, array in zip(files.values(), arrays, strict=True):
        write_volume(Volume.from_array(array, phantom.voxel_size_nm), file)
    files["parameters"] = target.with_suffix(".json")
    record = {
        "parameters": asdict(params),
        "classes": {label.name.lower(): int(label) for label in Label},
        "filopodia": [
            {
                "diameter_nm": filopodium.diameter_nm,
                "length_nm": filopodium.length_nm,
                "path_nm": filopodium.path_nm.tolist(),
            }
            for filopodium in phantom.filopodia
        ],
    }
    write_json(files["parameters"], record)
    return files
