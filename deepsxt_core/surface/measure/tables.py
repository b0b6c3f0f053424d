"""All that is measured on the surfaces of one tomogram, and its tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepsxt_core.files import prepare_folder, write_json
from deepsxt_core.numerals import number_text
from deepsxt_core.surface.lengths import plain_unit
from deepsxt_core.surface.measure.classes import (
    ClassContacts,
    class_totals,
    contact_columns,
    total_columns,
)
from deepsxt_core.surface.measure.key_numbers import (
    ROTATIONS_UNKNOWN,
    parts_text,
)
from deepsxt_core.surface.measure.processes import Process, process_columns, profile_columns
from deepsxt_core.surface.measure.quantities import (
    ObjectQuantities,
    table,
    totals,
    write_columns,
)
from deepsxt_core.surface.measure.uncertainty import (
    combined,
    count_parts,
    total_error,
    total_parts,
)
from deepsxt_core.surface.surfaces import Surfaces

OBJECTS = "objects"
PROCESSES = "processes"
PROFILES = "profiles"
CLASSES = "classes"
CONTACTS = "contacts"
TOTALS_NAME = "totals.json"
SUFFIXES = (".csv", ".parquet")
FILE_NAMES = (
    *(
        f"{name}{suffix}"
        for name in (OBJECTS, CLASSES, CONTACTS, PROCESSES, PROFILES)
        for suffix in SUFFIXES
    ),
    TOTALS_NAME,
)


@dataclass(frozen=True, slots=True)
class Measurements:
    """What is known about surfaces.

    Attributes
    ----------
    surfaces : Surfaces
    objects : tuple of ObjectQuantities
        One per object.
    processes : tuple of Process
        Thin ones, such as filopodia.
    contacts : tuple of ClassContacts
        One per pair of classes, where there are several.
    counts : tuple of int
        How many objects there are where the best threshold may lie; none without a score.
    """

    surfaces: Surfaces
    objects: tuple[ObjectQuantities, ...]
    processes: tuple[Process, ...]
    contacts: tuple[ClassContacts, ...] = ()
    counts: tuple[int, ...] = ()

    def totals(self) -> dict[str, Any]:
        """Return sums and medians over all objects and processes, by names with units.

        With the error bars of volume, area and number of objects, and their parts; None where it
        is not known.
        """
        unit = self.surfaces.unit
        length = plain_unit(unit)
        lengths = [each.length for each in self.processes]
        return (
            totals(self.objects, unit)
            | self._errors(length)
            | {
                "processes": len(self.processes),
                f"process_length_{length}": sum(lengths),
                f"process_mean_diameter_{length}": (
                    sum(each.diameter * each.length for each in self.processes) / sum(lengths)
                    if lengths
                    else None
                ),
            }
        )

    def _errors(self, length: str) -> dict[str, float | None]:
        told: dict[str, float | None] = {}
        for name, ending in (("volume", f"_{length}3"), ("area", f"_{length}2")):
            told[f"{name}_error{ending}"] = total_error(self.objects, name)
            for part, value in total_parts(self.objects, name).items():
                told[f"{name}_error_{part}{ending}"] = value
        of_count = count_parts(len(self.objects), self.counts)
        told["objects_error"] = combined(of_count.values()) if self.counts else None
        return told | {f"objects_error_{part}": value for part, value in of_count.items()}

    def sentences(self) -> list[str]:
        """Return volume, area and number of objects with the parts of their error bars."""
        unit, told = self.surfaces.unit, self.totals()
        length = plain_unit(unit)
        lines = []
        for name, power, ending in (
            ("volume", "³", f"_{length}3"),
            ("area", "²", f"_{length}2"),
            ("objects", "", ""),
        ):
            error = told[f"{name}_error{ending}"]
            parts = parts_text(told, name, ending) or "nothing"
            lines.append(
                f"{name.capitalize()} {number_text(told[f'{name}{ending}'], error)}"
                + (f" {unit}{power}" if power else "")
                + (" (95 %): " if error is not None else ", without an error bar; known: ")
                + f"{parts}; {ROTATIONS_UNKNOWN}"
            )
        return lines

    def write(self, folder: Path) -> list[Path]:
        """Write the tables into `folder` as CSV and Parquet, and the totals; return the files.

        ``objects`` has one line per object, ``classes`` one per class and ``contacts`` one per
        pair of classes where there are any, ``processes`` one per thin process, ``profiles`` the
        diameter along each.
        """
        prepare_folder(folder)
        unit = self.surfaces.unit
        tables = {OBJECTS: table(self.objects, unit)}
        if any(row.class_name is not None for row in self.objects):
            tables[CLASSES] = total_columns(class_totals(self.objects), unit)
        if self.contacts:
            tables[CONTACTS] = contact_columns(self.contacts, unit)
        if self.processes:
            tables[PROCESSES] = process_columns(self.processes, unit)
            tables[PROFILES] = profile_columns(self.processes, unit)
        files = [
            write_columns(columns, folder / f"{name}{suffix}")
            for name, columns in tables.items()
            for suffix in SUFFIXES
        ]
        write_json(folder / TOTALS_NAME, self.totals())
        return [*files, folder / TOTALS_NAME]
