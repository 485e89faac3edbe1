"""Two texts beside one another, intervals, and entries that a page can be searched for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import unescape
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.reports.samples import entries, intervals, run

from optimus_ops.reports.comparison import Diff, Entries, Entry
from optimus_ops.reports.html import page
from optimus_ops.reports.markdown import markdown
from optimus_ops.reports.model import Details, Paragraph, Run, Section
from optimus_ops.reports.pictures import Bound, Interval, Intervals
from optimus_ops.reports.spans import Span
from optimus_ops.reports.svg_intervals import described, intervals_svg
from optimus_ops.reports.terminal import terminal_text
from optimus_ops.reports.word_diff import word_diff

WORDS = st.lists(st.sampled_from(["a", "b", "c", " ", "\n", ",", "é"]), max_size=40).map("".join)


@given(WORDS, WORDS)
def test_pieces_make_up_both_texts_and_the_same_ones_are_the_same(before: str, after: str) -> None:
    left, right = word_diff(before, after)
    assert ("".join(text for _, text in left), "".join(text for _, text in right)) == (before, after)
    same = [[text for kind, text in side if kind == "same"] for side in (left, right)]
    assert "".join(same[0]) == "".join(same[1])


def test_a_word_that_changed_is_marked_as_a_whole() -> None:
    assert word_diff("total=89,00, paid", "total=98,50, paid") == (
        [("same", "total="), ("changed", "89,00"), ("same", ", paid")],
        [("same", "total="), ("changed", "98,50"), ("same", ", paid")],
    )


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("a b " * 300, "c d " * 300, False),
        ("first\n" + "a " * 300, "first\n" + "b c " * 300, True),
        ("first\n" + "a " * 300 + "\nlast", "new\nfirst\n" + "b c " * 300 + "\nlast", True),
        ("on and on " * 3000, "x " + "on and on " * 3000, True),
    ],
)
def test_texts_that_differ_much_are_compared_by_lines_or_not_at_all(before: str, after: str, same: bool) -> None:
    left, right = word_diff(before, after)
    assert ("".join(text for _, text in left), "".join(text for _, text in right)) == (before, after)
    assert any(kind == "same" for kind, _ in left) == same


def test_a_page_marks_what_differs() -> None:
    made = page(Run("x", sections=(Section("s", (Diff("it is late", "it is early", ("main", "mine")),)),)))
    assert "it is <del>late</del>" in made
    assert "it is <ins>early</ins>" in made
    assert "main</figcaption>" in made


def test_a_difference_is_lines_elsewhere_and_a_long_one_is_cut() -> None:
    found = Diff("a\n" * 3, "b\n" * 300)
    assert found.summary() == "lines: 3 removed, 300 added"
    report = Run("x", sections=(Section("s", (found,)),))
    assert "```diff\n--- before" in markdown(report)
    assert "-a\n" in terminal_text(report, colour=False, columns=80)
    assert "more lines)" in markdown(report)


def test_intervals_are_told_in_words_with_their_bounds_in_the_legend() -> None:
    assert described(intervals()).startswith(
        "orders orders: -7.5 points, between -12.0 and -3.0, fail orders. recall: +0.0"
    )
    svg = str(intervals_svg(intervals()))
    assert svg.count('class="whisker') == 1
    assert svg.count('class="estimate') == 2
    assert svg.count("no difference") == 1


@given(*[st.floats(-1e6, 1e6)] * 3)
def test_all_of_an_interval_is_within_the_picture(low: float, value: float, high: float) -> None:
    figures = sorted((low, value, high))
    row = Interval("n" * 200, figures[1], figures[0], figures[2], "caption")
    made = intervals_svg(Intervals("t", (row,), (Bound(0, "zero"),), "u"))
    drawn = [float(x) for x in re.findall(r'cx="([^"]+)"', made)]
    assert all(0 < x < 860 for x in drawn)


def test_entries_are_found_by_labels_and_have_addresses_that_differ() -> None:
    made = page(Run("x", sections=(Section("s", (entries(),)),)))
    tree = ElementTree.fromstring(made.removeprefix("<!doctype html>"))
    folded = [element for element in tree.iter("details") if element.get("class") == "entry"]
    assert [json.loads(element.get("data-labels") or "")["state"] for element in folded] == [["worse"], ["right"]]
    anchors = [body.get("id") for element in folded for body in element.iter("div") if body.get("id")]
    assert anchors == ["orders", "orders--2"]
    options = [option.text for option in tree.iter("option")]
    assert options == ["all", "worse (1)", "right (1)", "all", "orders (1)", "b (1)"]
    form = tree.find(".//form")
    assert form is not None
    assert form.get("hidden") is not None, "without scripts there is nothing to filter with"


def test_a_text_leads_to_an_entry() -> None:
    entry = Entry("orders amount/1", "t", {}, ())
    made = page(
        Run("x", sections=(Section("s", (Paragraph(Span("a", link="##orders amount/1")), Entries("c", (entry,)))),))
    )
    assert '<a href="#orders-amount-1">a</a>' in made
    assert 'id="orders-amount-1"' in made


def test_a_browser_is_told_to_load_nothing_and_to_run_the_pages_own_script_alone() -> None:
    made = page(run())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', made)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in unescape(policy[1]).split("; "))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", made, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert "script" not in page(Run("x"))


def test_what_only_a_page_shows_leaves_no_headline_elsewhere() -> None:
    found = Run("x", sections=(Section("Cases", (entries(),)), Section("More", (Details("d", ()),)), Section("Empty")))
    for text in (markdown(found), terminal_text(found, colour=False, columns=80)):
        assert "Cases" not in text
        assert "More" not in text
        assert "Empty" in text
