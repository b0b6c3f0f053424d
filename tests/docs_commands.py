"""The commands that stand in the documentation."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MADE = {"commands.md"}
"""Pages whose fences are no commands to type, but how these are spelt."""

_FENCE = re.compile(r"^ *```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"[A-Z_]+=\S* ")


def pages() -> list[Path]:
    """Return all Markdown files, those at the top first."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]


def commands(page: Path) -> Iterator[str]:
    """Yield the lines of the fences of a page that are commands, without comments."""
    if page.name in MADE:
        return
    for fence in _FENCE.findall(page.read_text(encoding="utf-8")):
        for line in fence.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield shlex.join(words).replace(".venv/bin/deepsxt", "deepsxt")


def arguments(command: str) -> list[str] | None:
    """Return what `deepsxt` is given in a command; None if it is another one."""
    while _SETTING.match(command):
        command = _SETTING.sub("", command, count=1)
    words = shlex.split(command)
    return words[1:] if words[0] == "deepsxt" else None
