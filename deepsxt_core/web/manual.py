"""The documentation in `docs/`, for the page *Help*: chapters, headings, search, HTML.

The Markdown files are what GitHub and the documentation site show; nothing is built beforehand.
`docs/index.md` says which documents there are, and in which chapters.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from deepsxt_core import settings
from deepsxt_core.errors import InvalidParameterError

INDEX = "index"
PICTURES = "pictures"
ADDRESS = "manual"
"""Where pictures are served, relative to the app's root."""

ABOUT = {
    "open": "formats",
    "segment": "network",
    "slices": "annotation",
    "surface": "surfaces",
    "measure": "uncertainty",
    "export": "surfaces",
    "evaluate": "evaluation",
    "batch": "batch",
    "jobs": "workspace",
    "train": "training",
    "models": "own-weights",
    "system": "install",
    "help": INDEX,
}
"""The document about each page, by its name in lower case."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_LINK = re.compile(r"^([\w-]+)\.md(?:#([\w-]*))?$")
_AROUND = 90


@dataclass(frozen=True, slots=True)
class Chapter:
    """Documents that belong together: the title, and (name, title) of each."""

    title: str
    documents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a document, where it is, and the text up to the next heading."""

    document: str
    heading: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A section in which all words were found, and the text around the first of them."""

    section: Section
    around: str


def routes() -> list[BaseRoute]:
    """Return the route of the pictures."""
    folder = settings.docs_folder() / PICTURES
    return [Mount(f"/{ADDRESS}/{PICTURES}", StaticFiles(directory=folder, check_dir=False))]


def chapters() -> tuple[Chapter, ...]:
    """Return the chapters in their order, as the index lists them."""
    return _chapters(settings.docs_folder())


@lru_cache(maxsize=2)
def _chapters(folder: Path) -> tuple[Chapter, ...]:
    found: dict[str, list[tuple[str, str]]] = {}
    title = ""
    for token, inline in _blocks(_read(folder, INDEX)):
        if token.type == "heading_open":
            title = _plain(inline)
        else:
            for name, label in _documents_in(inline):
                found.setdefault(title, []).append((name, label))
    return tuple(Chapter(title, tuple(documents)) for title, documents in found.items())


def documents() -> dict[str, str]:
    """Return the title of each document by its name, the index first."""
    listed = (pair for chapter in chapters() for pair in chapter.documents)
    return {INDEX: "Documentation", **dict(listed)}


def as_html(name: str) -> str:
    """Return a document as HTML: headings with ids, links and pictures relative to the app's root.

    Raises
    ------
    InvalidParameterError
        If there is no such document.
    """
    if name not in documents():
        raise InvalidParameterError(f"There is no document '{name}'. Choose one of the list.")
    tokens = _MARKDOWN.parse(_read(settings.docs_folder(), name))
    anchors = _Anchors()
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchors.of(_plain(inline)))
    for token in tokens:
        for child in token.children or ():
            _readdress(name, child)
    # What is wide scrolls in a frame of its own, which the keyboard must reach.
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    html = html.replace("<pre>", '<pre tabindex="0">')
    html = html.replace("<table>", '<div class="wide" tabindex="0"><table>')
    return f"<article>{html.replace('</table>', '</table></div>')}</article>"


def sections(name: str) -> tuple[Section, ...]:
    """Return the sections of a document in their order."""
    return _sections(settings.docs_folder(), name)


@lru_cache(maxsize=128)
def _sections(folder: Path, name: str) -> tuple[Section, ...]:
    found: list[tuple[str, str, list[str]]] = []
    anchors = _Anchors()
    for token, inline in _blocks(_read(folder, name)):
        if token.type == "heading_open":
            heading = _plain(inline)
            found.append((heading, anchors.of(heading), []))
        elif found:
            found[-1][2].append(_plain(inline))
    return tuple(
        Section(name, heading, anchor, " ".join(texts)) for heading, anchor, texts in found
    )


def search(words: str, most: int = 30) -> list[Found]:
    """Return the sections that hold all words; those with more of them in the heading first.

    Parameters
    ----------
    words : str
        With spaces between; case does not matter, and the beginning of a word will do.
    most : int
        How many sections at most.
    """
    wanted = words.lower().split()
    patterns = [re.compile(rf"(?<!\w){re.escape(word)}", re.IGNORECASE) for word in wanted]
    ranked: list[tuple[int, int, Found]] = []
    for name in documents():
        # The index has the titles of all the others.
        for section in sections(name) if name != INDEX else ():
            whole = f"{section.heading} {section.text}"
            if patterns and all(pattern.search(whole) for pattern in patterns):
                in_heading = sum(bool(pattern.search(section.heading)) for pattern in patterns)
                ranked.append(
                    (-in_heading, len(ranked), Found(section, _around(section, patterns)))
                )
    return [found for _, _, found in sorted(ranked, key=lambda entry: entry[:2])[:most]]


def slug(heading: str) -> str:
    """Return the anchor of a heading as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def list_html(shown: str) -> str:
    """Return the list of all documents by chapter as HTML, the one that is `shown` marked."""
    parts = []
    for chapter in chapters():
        links = "".join(_listed(name, title, name == shown) for name, title in chapter.documents)
        parts.append(f"<h2>{escape(chapter.title)}</h2><ul>{links}</ul>")
    return f'<nav class="list" aria-label="Documents">{"".join(parts)}</nav>'


def found_html(words: str) -> str:
    """Return what a search finds as HTML."""
    titles = documents()
    found = search(words)
    if not found:
        return "<p>Nothing was found. Try fewer words, or the beginning of one.</p>"
    rows = (
        f'<li><a href="{escape(_address(each.section.document, each.section.anchor))}">'
        f"{escape(each.section.heading)}</a> <small>{escape(titles[each.section.document])}</small>"
        f"<p>{escape(each.around)}</p></li>"
        for each in found
    )
    return f'<ul class="found">{"".join(rows)}</ul>'


class _Anchors:
    """Anchors within one document: the second of a name gets ``-1``, as on GitHub."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, heading: str) -> str:
        anchor = slug(heading)
        before = self._seen.get(anchor, 0)
        self._seen[anchor] = before + 1
        return f"{anchor}-{before}" if before else anchor


def _read(folder: Path, name: str) -> str:
    return (folder / f"{name}.md").read_text(encoding="utf-8")


def _blocks(text: str) -> Iterator[tuple[Token, Token]]:
    """Yield what opens a block of text, and the text; code is both."""
    tokens = _MARKDOWN.parse(text)
    for opening, token in itertools.pairwise(tokens):
        if token.type == "inline":
            yield opening, token
        elif token.type == "fence":
            yield token, token


def _plain(inline: Token) -> str:
    if inline.type == "fence":
        return inline.content
    return "".join(
        each.content if each.type != "softbreak" else " " for each in inline.children or ()
    )


def _documents_in(inline: Token) -> Iterator[tuple[str, str]]:
    children = inline.children or []
    for link, label in itertools.pairwise(children):
        matched = link.type == "link_open" and _LINK.match(str(link.attrGet("href")))
        if matched:
            yield matched[1], label.content


def _readdress(document: str, token: Token) -> None:
    """Have a link lead to the page *Help*, and a picture come from the server."""
    if token.type == "image":
        token.attrSet("src", f"{ADDRESS}/{token.attrGet('src')}")
    elif token.type == "link_open":
        href = str(token.attrGet("href"))
        matched = _LINK.match(href)
        if matched:
            token.attrSet("href", _address(matched[1], matched[2] or ""))
        elif href.startswith("#"):
            token.attrSet("href", _address(document, href[1:]))


def _address(name: str, anchor: str = "") -> str:
    return f"help?doc={name}" + (f"&section={anchor}" if anchor else "")


def _listed(name: str, title: str, is_shown: bool) -> str:
    current = ' aria-current="page"' if is_shown else ""
    return f'<li><a href="{_address(name)}"{current}>{escape(title)}</a></li>'


def _around(section: Section, patterns: list[re.Pattern[str]]) -> str:
    text = section.text
    first = next((found.start() for each in patterns if (found := each.search(text))), 0)
    start, end = max(0, first - _AROUND), first + 2 * _AROUND
    return f"{'… ' if start else ''}{text[start:end].strip()}{' …' if end < len(text) else ''}"
