"""Any text shows as it is in every rendering, and breaks none."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.unit.reports.samples import chart, intervals, run, timeline

from optimus_ops.reports.annotations import annotation
from optimus_ops.reports.html import markdown_html, page
from optimus_ops.reports.json_document import document
from optimus_ops.reports.junit import junit
from optimus_ops.reports.markdown import line, markdown, table
from optimus_ops.reports.model import Finding, MarkdownText, Output, Run, Section, Table
from optimus_ops.reports.place import Place
from optimus_ops.reports.sarif import sarif
from optimus_ops.reports.spans import Span
from optimus_ops.reports.svg import TEMPLATES, legal
from optimus_ops.reports.svg_chart import chart_svg
from optimus_ops.reports.svg_intervals import intervals_svg
from optimus_ops.reports.svg_timeline import timeline_svg
from optimus_ops.reports.terminal import terminal_text

HARD = [
    *(
        "</script><b>",
        "a|b\\|c",
        "`x` **y** _z_ ~~w~~",
        "[a](javascript:x)",
        "]]>&amp;<!--",
        "# 1. x",
        "\x00\x1b[31m\ud800",
    ),
    *("\"'onload=", "{{ 7 }}{% if %}", "a\nb\r\nc", "<svg/onload=x>", "1) x", "- x", "&lt;", "\\", "`", "|", " "),
]
SCRIPT = (TEMPLATES / "entries.js").read_text("utf-8")
TEXT = st.text(st.characters(), max_size=30) | st.sampled_from(HARD)


def words(text: str) -> list[str]:
    return legal(text).split()


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs if name.startswith("on")}


@given(TEXT)
@settings(max_examples=15)
def test_a_page_is_well_formed_and_holds_the_text(text: str) -> None:
    made = page(run(text))
    tree = ElementTree.fromstring(made.removeprefix("<!doctype html>"))
    title = tree.find("body/h1")
    assert title is not None
    assert words(title.text or "") == words(text)
    parser = Page()
    parser.feed(made)
    assert not parser.tags & {"iframe", "img", "object"}
    # The one script is the page's own, and a browser runs no other.
    assert [element.text for element in tree.iter("script")] == [SCRIPT]


@given(TEXT)
@settings(max_examples=25)
def test_pictures_and_junit_are_well_formed(text: str) -> None:
    pictures = timeline_svg(timeline(text, slots=3), alone=True), chart_svg(chart(text)), intervals_svg(intervals(text))
    for made in (*pictures, junit(run(text)).encode()):
        assert ElementTree.fromstring(made) is not None


def shown(markdown: str) -> list[str]:
    """Return the text that a reader of Markdown sees, of each paragraph or cell."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return [
        "".join(
            child.content if child.type in {"text", "code_inline"} else "<" * ("html" in child.type)
            for child in token.children or ()
        )
        for token in tokens
        if token.type == "inline"
    ]


@given(TEXT)
@settings(max_examples=80)
def test_markdown_shows_a_paragraph_as_it_is(text: str) -> None:
    found = shown(line(text))
    assert [word for paragraph in found for word in paragraph.split()] == words(text)


@given(TEXT, TEXT)
@settings(max_examples=80)
def test_a_markdown_table_keeps_its_cells(first: str, second: str) -> None:
    found = shown(table(Table(("a", "b"), ((first, second), ("x", first)))))
    assert [cell.split() for cell in found] == [["a"], ["b"], words(first), words(second), ["x"], words(first)]


@given(TEXT)
@settings(max_examples=60)
def test_code_in_markdown_stays_code(text: str) -> None:
    found = shown(table(Table(("a",), ((Span(text, code=True),),))))
    assert [word for cell in found[1:] for word in cell.split()] == words(text.replace("|", "¦"))


@given(TEXT)
def test_an_annotation_is_one_line(text: str) -> None:
    command = annotation(Finding(text, "warning", text, Place(text, 2), text))
    assert command.startswith("::warning ")
    assert not {"\n", "\r"} & set(command)


@given(TEXT)
@settings(max_examples=25)
def test_a_terminal_is_not_steered(text: str) -> None:
    printed = terminal_text(run(text), colour=False, columns=100)
    assert not {chr(code) for code in (*range(10), *range(11, 32), 127, 0x9B)} & set(printed.replace("\t", ""))


@given(TEXT)
@settings(max_examples=25)
def test_documents_are_json(text: str) -> None:
    assert json.loads(json.dumps(document(run(text))))["title"] == text
    assert json.loads(json.dumps(sarif([Finding(text, "error", text)], "t", "1")))["version"] == "2.1.0"


@pytest.mark.parametrize("target", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", "vbscript:x"])
def test_a_link_runs_nothing(target: str) -> None:
    assert Span("x", link=target).href == ""


@pytest.mark.parametrize("target", ["report.json", "../docs/x.md", "#Some section", "https://example.org/a?b=c"])
def test_a_link_to_a_page_stays(target: str) -> None:
    assert Span("x", link=target).href == ("#some-section" if target.startswith("#") else target)


@given(TEXT)
@settings(max_examples=30)
def test_output_and_markdown_of_others_break_no_page(text: str) -> None:
    blocks = (Output(text), MarkdownText(text), MarkdownText(f"- {text}\n\n| a |\n|---|\n| {text} |"))
    found = Run("title", sections=(Section("others", blocks),))
    made = page(found)
    ElementTree.fromstring(made.removeprefix("<!doctype html>\n"))
    reader = Page()
    reader.feed(made)
    assert not reader.tags & {"script", "svg", "img", "b"}
    assert words(text)[:1] == [] or words(text)[0].strip("`") in markdown(found)


def test_markdown_of_others_is_shown_as_markdown() -> None:
    made = str(
        markdown_html("<details><summary>More</summary>\n\n| a |\n|---|\n| 1 |\n</details>\n\n![x](http://y/z.png)")
    )
    assert "<strong>More</strong>" in made
    assert "<td>1</td>" in made
    assert "details" not in made
    assert "<img" not in made
