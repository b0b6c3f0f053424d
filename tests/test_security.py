"""SECURITY.md names the test for each threat: they are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_each_test_that_is_named_is_there():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`(test_\w+)`", text))
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(names) > 25
    assert names - there == set()
    assert {name for name in files if not (ROOT / name).is_file()} == set()
