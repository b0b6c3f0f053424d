"""Licences of what is imported, and where it may be imported."""

import ast
import re
import sys
import tomllib
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OUR_OWN = {"deepsxt_core", "shared"}
GPL_MODULES = {"stpyvista": "pages/shared/pyvista_scene.py"}
"""What is under the GPL, and the one module that may import it."""


def imported() -> dict[str, set[str]]:
    """Return the files that import a package, by its name; imports within functions count."""
    found: dict[str, set[str]] = {}
    folders = ("deepsxt_core", "pages")
    paths = [ROOT / "app.py", *(each for name in folders for each in (ROOT / name).rglob("*.py"))]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                found.setdefault(top, set()).add(path.relative_to(ROOT).as_posix())
    return {
        name: files
        for name, files in found.items()
        if name not in sys.stdlib_module_names and name not in OUR_OWN
    }


def licence(package: Distribution) -> str:
    """Return all that the metadata say about the licence."""
    told = package.metadata
    classifiers = [each for each in told.get_all("Classifier") or [] if "License" in each]
    # Some write the whole text there; its first line names it.
    fields = [(told.get(name) or "").strip()[:200] for name in ("License-Expression", "License")]
    return " | ".join(filter(None, [*fields, *classifiers]))


def is_gpl(text: str) -> bool:
    """Return whether a licence is the GPL or the AGPL, and not the LGPL."""
    plain = text.upper()
    for lesser in ("LGPL", "LESSER GENERAL PUBLIC"):
        plain = plain.replace(lesser, "")
    return "GPL" in plain or "GENERAL PUBLIC LICENSE" in plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0-only", True),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("LGPL-2.1-or-later", False),
        ("BSD-3-Clause", False),
    ],
)
def test_licences_are_told_apart(text, expected):
    assert is_gpl(text) is expected


def test_nothing_under_the_gpl_is_imported_but_in_its_one_module():
    known = packages_distributions()
    found = {
        name: files
        for name, files in imported().items()
        if any(is_gpl(licence(distribution(each))) for each in known.get(name, ()))
    }
    assert found == {name: {module} for name, module in GPL_MODULES.items()}


def test_the_licences_of_all_that_is_imported_are_known():
    """Every package that is imported stands in docs/dependencies.md."""
    listed = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    known = packages_distributions()
    names = {each.lower() for name in imported() for each in known.get(name, ())}
    assert {name for name in names if f"| {name} |" not in listed} == set()


LOADED_BY_OTHERS = {"imagecodecs", "trame-vtk"}
"""tifffile decodes by the one, trame-pyvista shows by the other; both are wanted, not imported."""
OPTIONAL = {"dask", "distributed", "jax", "torch"}


def test_what_is_imported_is_declared_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    declared = {plain(re.match(r"[\w.-]+", line)[0]) for line in project["dependencies"]}
    known = packages_distributions()
    names = {plain(known[name][0]) for name in imported() if name in known} - OPTIONAL
    assert names - declared == set()
    assert declared - names == LOADED_BY_OTHERS
