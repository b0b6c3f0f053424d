"""The tables of a measurement as files."""

from deepsxt_core.surface.measure.tables import (
    CLASSES,
    CONTACTS,
    OBJECTS,
    PROCESSES,
    PROFILES,
)
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, ResultKind, Tomogram, downloads
from shared import components
from shared.components import Download


def files(tomogram: Tomogram, surface: Result, done: Result | None) -> None:
    """Offer the tables."""

    def at(result: Result, name: str) -> str:
        kind: ResultKind = "surfaces" if result is surface else "measurements"
        return routes.download_address(tomogram, kind, result.id, name)

    texts_of = {
        OBJECTS: ("Objects", "One line per object, units in the headings"),
        PROCESSES: ("Processes", "One line per thin process"),
        PROFILES: ("Profiles", "The diameter along each thin process"),
        CLASSES: ("Classes", "One line per class"),
        CONTACTS: ("Contacts", "One line per pair of classes"),
    }
    if done is None:
        found = [(surface, name, *texts_of[OBJECTS]) for name in downloads.MEASUREMENTS_FILES]
    else:
        found = [
            (done, f"{name}{ending}", label, text)
            for name, (label, text) in texts_of.items()
            for ending in (".csv", ".parquet")
            if (done.folder / f"{name}{ending}").is_file()
        ]
    components.downloads(
        [
            Download(
                label=label,
                note="CSV" if name.endswith(".csv") else "Parquet",
                address=at(result, name),
                title=text,
            )
            for result, name, label, text in found
        ],
        key="measurement_files",
    )
