"""The documentation's page of what was measured."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

_HEAD = """# Performance

Made by `make bench` (`python -m benchmarks.suite [SECTION ...]`, one or more of {sections}); the
numbers are in `performance.json`. Each section compares within one run. Ratios are of seconds of
the processor, all cores together, so that other programs count little; seconds on the clock stand
beside them with the load of the machine at that time: above the number of cores it was shared, and
they mean little. Peak memory is of the process. `make bench-check` fails where a ratio falls by
more than a fifth on a machine of the same class.
"""


def written(kept: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the page for all machines, sections in the order of `names`."""
    parts = [_HEAD.format(sections=", ".join(f"`{name}`" for name in names))]
    for title, found in kept.items():
        parts.append(f"## {title}\n")
        for name in names:
            if name in found["sections"]:
                parts.append(_section(name, found["sections"][name]))
    return "\n".join(parts)


def _section(name: str, section: Mapping[str, Any]) -> str:
    lines = [f"### {name}\n", f"Load {section['load']}.\n"]
    lines += ["| what | CPU s | wall s | peak MB | |", "|---|---|---|---|---|"]
    for row in section["rows"]:
        numbers = " | ".join(_number(row[key]) for key in ("cpu_s", "wall_s", "peak_mb"))
        lines.append(f"| {row['what']} | {numbers} | {row['note']} |")
    if section["ratios"]:
        lines += ["", "| ratio | times |", "|---|---|"]
        lines += [f"| {what} | **{ratio:.3g}** |" for what, ratio in section["ratios"].items()]
    return "\n".join([*lines, ""])


def _number(value: float | None) -> str:
    if value is None or isnan(value):
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
