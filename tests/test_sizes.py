"""A module can be held in the head, a function seen at once (docs/architecture.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("deepsxt_core", "pages", "tools", "benchmarks")
MODULE_LINES = 320
FUNCTION_LINES = 60


def modules() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    return lines - (function.body[0].end_lineno - function.body[0].lineno + 1)


@pytest.mark.parametrize("folder", FOLDERS)
def test_there_is_something_to_measure(folder):
    assert any(path.is_relative_to(ROOT / folder) for path in modules())


def test_no_module_is_too_long():
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert {path: n for path, n in lines.items() if n > MODULE_LINES} == {}


def test_no_function_is_too_long():
    too_long = [
        f"{path.relative_to(ROOT)}: {node.name}, {body_lines(node)} lines"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > FUNCTION_LINES
    ]
    assert too_long == []
