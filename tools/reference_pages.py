"""Write the pages of the reference that are made from the code.

    python -m tools.reference_pages

docs/commands.md is made from the command line, docs/python.md from the docstrings of what
`deepsxt_core` exports, docs/http.md from those of the routes, docs/parameters.md from the
parameter classes (`tools.parameter_reference`).
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest import mock

import docstring_parser

import deepsxt_core
from deepsxt_core.cli.main import build_app
from deepsxt_core.web import routes
from tools import parameter_reference

DOCS = Path(__file__).resolve().parent.parent / "docs"
_PACKAGE = Path(deepsxt_core.__file__).parent
_MADE = "This page is made from the code by `python -m tools.reference_pages`."
_WIDTH = 100


def commands() -> str:
    """Return docs/commands.md."""
    with mock.patch("sys.argv", ["deepsxt"]):  # groups of commands are called after it
        text = build_app().generate_docs(output_format="markdown", recursive=True)
    # What stands before the commands is a list of links to them.
    first = text.index("\n## deepsxt run")
    body = re.sub(r"^(\*\*.+?\*\*):$", r"\1", text[first:], flags=re.MULTILINE)
    body = re.sub(r"(?<!`)``([^`]+)``(?!`)", r"`\1`", body.replace("\\[", "["))
    return (
        f"# Command line\n\n{_MADE} `deepsxt COMMAND --help` shows the same.\n\n"
        "Exit codes: 0 done, 1 an error told in one line, 2 wrong usage. With `--json`, one JSON "
        f"object is printed on stdout.\n{body.rstrip()}\n"
    )


def python() -> str:
    """Return docs/python.md."""
    head = (
        f"# Python\n\n{_MADE}\n\nAll names come from `import deepsxt_core as dx`, which loads "
        "neither TensorFlow nor VTK. Arrays are (z, y, x), lengths carry their unit in the name; "
        "an unknown voxel size is `None`. Fields of parameter classes with their ranges: "
        "[parameters](parameters.md).\n"
    )
    parts = [_entry(name, _definition(name)) for name in deepsxt_core.__all__]
    return "\n".join([head, *parts])


def http() -> str:
    """Return docs/http.md."""
    head = (
        f"# HTTP routes\n\n{_MADE}\n\nWhat the pages of the app load and send, and other programs "
        "may read. The ids of tomograms are unguessable: knowing an address is the permission to "
        "read it. What changes anything needs the token that the app's own pages get. Where "
        "several people sign in, everything below `/api/` is done as who the cookies say.\n"
    )
    modules = [routes, *routes._PARTS]
    return "\n".join([head, *(_routes_of(module) for module in modules)])


def _routes_of(module: ModuleType) -> str:
    told = inspect.getdoc(module) or ""
    title, _, rest = told.partition("\n")
    before, _, after = rest.partition("::\n")
    block = re.match(r"(?:\n|    .*\n?)*", after)
    assert block is not None, f"{module.__name__} shows no routes"
    listed = textwrap.dedent(block[0]).strip("\n")
    text = _plain(f"{before.strip()}\n\n{after[block.end() :].strip()}".strip())
    return f"## {title.rstrip('.')}\n\n```text\n{listed}\n```\n\n{text}".rstrip() + "\n"


def _definition(name: str) -> ast.ClassDef | ast.FunctionDef:
    """Return where something that the package exports is defined, without loading it."""
    module = f"deepsxt_core.{deepsxt_core._EXPORTS[name]}"
    while True:
        path = _PACKAGE.parent / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return node
        module = next(
            node.module or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and name in [each.name for each in node.names]
        )


def _entry(name: str, node: ast.ClassDef | ast.FunctionDef) -> str:
    lines = [f"## {name}", ""]
    if isinstance(node, ast.FunctionDef):
        lines += ["```python", _signature(node), "```", ""]
    lines += _told(ast.get_docstring(node) or "")
    if isinstance(node, ast.ClassDef):
        methods = list(_methods(node))
        if methods:
            lines += ["**Methods and properties**", "", *methods, ""]
    return "\n".join(lines)


def _methods(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        told = isinstance(each, ast.FunctionDef) and ast.get_docstring(each)
        if not isinstance(each, ast.FunctionDef) or not told or each.name.startswith("_"):
            continue
        is_property = any(ast.unparse(mark) == "property" for mark in each.decorator_list)
        names = [argument.arg for argument in each.args.args[1:] + each.args.kwonlyargs]
        call = each.name if is_property else f"{each.name}({', '.join(names)})"
        yield f"- `{call}`: {_plain(told.split(chr(10) * 2)[0])}"


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({ast.unparse(node.args)}){returns}"
    if len(line) <= _WIDTH:
        return line
    arguments = re.sub(r", (?=[*\w]+[:,]|\*)", ",\n    ", ast.unparse(node.args))
    return f"{node.name}(\n    {arguments},\n){returns}"


def _told(docstring: str) -> list[str]:
    told = docstring_parser.parse(docstring, style=docstring_parser.DocstringStyle.NUMPYDOC)
    lines = [_plain(told.description or ""), ""]
    parts: dict[str, list[str]] = {}
    for each in told.params:
        title = "Attributes" if each.args[0] == "attribute" else "Parameters"
        kind = f" ({_plain(each.type_name)})" if each.type_name else ""
        parts.setdefault(title, []).append(_item(f"`{each.arg_name}`{kind}", each.description))
    for each in told.many_returns:
        parts.setdefault("Returns", []).append(_item(f"`{each.type_name}`", each.description))
    for each in told.raises:
        parts.setdefault("Raises", []).append(_item(f"`{each.type_name}`", each.description))
    for title, items in parts.items():
        lines += [f"**{title}**", "", *items, ""]
    return lines


def _item(name: str, description: str | None) -> str:
    return f"- {name}: {_plain(description)}" if description else f"- {name}"


def _plain(text: str) -> str:
    """Return reStructuredText of one or more paragraphs as Markdown, a line each."""
    marked = re.sub(r"``(.+?)``", r"`\1`", text)
    return "\n\n".join(" ".join(part.split()) for part in marked.split("\n\n"))


PAGES = {
    "commands": commands,
    "python": python,
    "http": http,
    "parameters": parameter_reference.page,
}


if __name__ == "__main__":
    for page, made in PAGES.items():
        (DOCS / f"{page}.md").write_text(made(), encoding="utf-8")
