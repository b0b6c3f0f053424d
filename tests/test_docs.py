"""The documentation hangs together: chapters, links, pictures, pages of the app, references."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from markdown_it import MarkdownIt

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.web import manual
from tests.docs_commands import DOCS, ROOT, pages
from tools import reference_pages

MARKDOWN = MarkdownIt("commonmark").enable("table")
MOST_BYTES = 2_000_000


def site_slug(heading):
    """Return the anchor as the site has it, where several hyphens become one."""
    return re.sub(r"-+", "-", manual.slug(heading))


def targets(page):
    """Yield where the links and pictures of a page lead."""
    for token in MARKDOWN.parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            if child.type in ("link_open", "image"):
                yield str(child.attrGet("href") or child.attrGet("src"))


def anchors(page):
    tokens = MARKDOWN.parse(page.read_text(encoding="utf-8"))
    headings = [
        "".join(child.content for child in inline.children)
        for token, inline in itertools.pairwise(tokens)
        if token.type == "heading_open"
    ]
    return {manual.slug(each) for each in headings} & {site_slug(each) for each in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    broken = []
    for target in targets(page):
        parts = urlsplit(target)
        if parts.scheme:
            continue
        file = page.parent / parts.path if parts.path else page
        known = file.exists() and (not parts.fragment or parts.fragment in anchors(file))
        # The site and the app know nothing of what lies beside the documents.
        outside = page.parent == DOCS and not file.resolve().is_relative_to(DOCS)
        if not known or outside:
            broken.append(target)
    assert broken == []


def test_each_document_is_in_one_chapter_of_app_and_site():
    chapters = manual.chapters()
    names = [name for chapter in chapters for name, _ in chapter.documents]
    assert sorted([*names, manual.INDEX]) == sorted(path.stem for path in DOCS.glob("*.md"))
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert site[1:] == [
        {chapter.title: [{title: f"{name}.md"} for name, title in chapter.documents]}
        for chapter in chapters
    ]


def test_each_page_of_the_app_has_a_document():
    scripts = {path.stem for path in (ROOT / "pages").glob("*.py")} - {"frame"}
    assert set(manual.ABOUT) == scripts
    assert set(manual.ABOUT.values()) <= set(manual.documents())


class Links(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.hrefs, self.sources, self.ids = [], [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.hrefs += [given["href"]] if tag == "a" else []
        self.sources += [given["src"]] if tag == "img" else []
        self.ids |= {given["id"]} if "id" in given else set()


@pytest.fixture(scope="module")
def shown():
    return {name: Links(manual.as_html(name)) for name in manual.documents()}


def test_the_app_shows_each_document_with_its_links_and_pictures(shown):
    for name, links in shown.items():
        for href in links.hrefs:
            parts = urlsplit(href)
            if parts.scheme:
                continue
            assert parts.path == "help", f"{name}: {href}"
            query = parse_qs(parts.query)
            section = query.get("section", [None])[0]
            assert section is None or section in shown[query["doc"][0]].ids, f"{name}: {href}"
        for source in links.sources:
            assert (DOCS / Path(source).relative_to(manual.ADDRESS)).is_file()


@pytest.mark.parametrize("name", ["../README", "/etc/passwd", "nothing"])
def test_what_is_no_document_is_refused(name):
    with pytest.raises(InvalidParameterError, match="no document"):
        manual.as_html(name)


def test_markup_in_a_document_is_text():
    assert "<script" not in manual._MARKDOWN.render("<script>x</script> `<script>`")


def test_search_finds_headings_first_and_whole_and_begun_words(shown):
    best = manual.search("missing wedge")[0].section
    assert (best.document, best.anchor) == ("missing-wedge", "the-missing-wedge")
    begun = manual.search("Wedg MISS")
    assert begun[0].section == best
    assert all(each.section.anchor in shown[each.section.document].ids for each in begun)
    assert "nvidia-smi" in manual.search("nvidia-smi driver")[0].around
    assert manual.search("no such word anywhere") == manual.search(" ") == []
    assert "Nothing was found" in manual.found_html("<b>")


def test_pictures_are_small_and_used():
    there = {path.relative_to(DOCS).as_posix() for path in (DOCS / "pictures").iterdir()}
    used = {target for page in pages() for target in targets(page) if target.endswith(".png")}
    assert there == {target.removeprefix("docs/") for target in used}
    assert sum((DOCS / each).stat().st_size for each in there) < MOST_BYTES


def test_each_variable_of_the_environment_is_in_the_table():
    spelt = re.compile(r"DEEPSXT_[A-Z_]*[A-Z]")
    folders = ("deepsxt_core", "pages", "tests", "benchmarks", "tools")
    files = [path for name in folders for path in (ROOT / name).rglob("*.py")]
    files += [ROOT / "app.py", *ROOT.glob("*.yaml"), ROOT / "Dockerfile"]
    used = {name for path in files for name in spelt.findall(path.read_text(encoding="utf-8"))}
    told = set(spelt.findall((DOCS / "environment.md").read_text(encoding="utf-8")))
    assert told == used


@pytest.mark.parametrize("name", sorted(set(reference_pages.PAGES) - {"parameters"}))
def test_references_are_current(name):
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == reference_pages.PAGES[name](), (
        "Write it anew: python -m tools.reference_pages"
    )
