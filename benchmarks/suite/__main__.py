"""Measure, section by section, keep what was found, and tell it in the documentation.

::

    python -m benchmarks.suite [SECTION ...] [--check]

Every section compares things within one run, in seconds of the processor: other programs count
little then. What it finds takes its place in `docs/performance.json`, under the class of the
machine, and `docs/performance.md` is made of that. With ``--check`` nothing is kept: the command
fails where a ratio is below four fifths of the kept one of the same class of machines.
"""

import argparse
import json
import sys
from functools import partial
from typing import Any

from benchmarks.suite import inference, processes, serving
from benchmarks.suite.machine import class_of, machine
from benchmarks.suite.measuring import ROOT, Section
from benchmarks.suite.tables import written

KEPT = ROOT / "docs" / "performance.json"
TABLE = ROOT / "docs" / "performance.md"
SECTIONS = {
    "start": processes.start,
    "reading": processes.reading,
    "default": inference.default,
    "bundled": inference.bundled,
    "published": inference.published,
    "surfaces": processes.surfaces,
    "training": processes.training,
    "slices": serving.slices,
    "pages": serving.pages,
    "tomogram": processes.tomogram,
}
_LEAST = 0.8


def fallen(known: dict[str, float], now: dict[str, float]) -> list[str]:
    """Return what to say about each ratio that is below four fifths of the known one."""
    return [
        f"{name}: {now.get(name, 0):.2f}, was {ratio:.2f}"
        for name, ratio in known.items()
        if not now.get(name, 0) >= _LEAST * ratio
    ]


def _kept() -> dict[str, Any]:
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}


def check(names: list[str], kept: dict[str, Any], here: str) -> list[str]:
    """Measure what is kept for this class of machines; return what is slower now."""
    known = kept.get(here, {}).get("sections", {})
    if not known:
        print(f"Nothing is kept for {here}: there is nothing to compare with.")
    slower = []
    for name in names:
        if name in known:
            now = SECTIONS[name]().plain()["ratios"]
            slower += [f"{name}, {told}" for told in fallen(known[name]["ratios"], now)]
    return slower


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--slices", type=int, default=300, help="of the section `tomogram`")
    arguments = parser.parse_args()
    names = arguments.sections or list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"There is no section {', '.join(sorted(unknown))}.")
    SECTIONS["tomogram"] = partial(processes.tomogram, arguments.slices)
    found = machine()
    here = class_of(found)
    if arguments.check:
        kept = _kept()
        slower = check(names, kept, here)
        print("\n".join(slower) or "No ratio has fallen.")
        return int(bool(slower))
    for name in names:
        section: Section = SECTIONS[name]()
        print(json.dumps(section.plain(), indent=1), flush=True)
        kept = _kept()
        own = kept.setdefault(here, {"machine": found, "sections": {}})
        own["sections"][name] = section.plain()
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        TABLE.write_text(written(kept, list(SECTIONS)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
