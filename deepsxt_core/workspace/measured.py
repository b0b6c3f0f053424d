"""The latest measurements of each tomogram, to compare tomograms with each other."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.measure.tables import OBJECTS
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.workspace import downloads
from deepsxt_core.workspace.results import Result
from deepsxt_core.workspace.tomogram import Tomogram


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of one tomogram.

    Attributes
    ----------
    tomogram : Tomogram
    surface : Result
        The latest surface, whose objects they are of.
    unit : str
        Of lengths.
    objects : pandas.DataFrame
        One row per object, with the columns of `surface.measure.quantities.table`.
    """

    tomogram: Tomogram
    surface: Result
    unit: Unit
    objects: pd.DataFrame


def latest_measurements(tomogram: Tomogram) -> Measured | None:
    """Return what is measured on the latest surface; None where there is no surface.

    Raises
    ------
    DeepSXTError
        If its files cannot be read.
    """
    surface = next(iter(tomogram.readable_results("surfaces")), None)
    if surface is None:
        return None
    unit, _ = load_table(surface.folder)
    done = thorough_measurement(surface, tomogram.readable_results("measurements"))
    return Measured(tomogram, surface, unit, measured_objects(surface, done))


def thorough_measurement(surface: Result, known: Iterable[Result]) -> Result | None:
    """Return the newest of the known measurements (newest first) that is of a surface."""
    return next((done for done in known if done.made_from == surface.id), None)


def measured_objects(surface: Result, done: Result | None) -> pd.DataFrame:
    """Return what is measured on a surface, with error bars if `done` is given; made if need be."""
    if done is not None:
        return pd.read_csv(downloads.measurement_file(done, f"{OBJECTS}.csv"))
    return pd.read_csv(downloads.surface_file(surface, downloads.MEASUREMENTS_FILE))
