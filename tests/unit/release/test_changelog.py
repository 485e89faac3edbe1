"""The changelog: sections as Markdown has them, and a release that moves lines and loses none."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from tests.unit.release.conftest import CHANGELOG

from optimus_ops.errors import Refused
from optimus_ops.release.changelog import parse_changelog, release_notes, section_of, split_lines, with_release

DAY = date(2026, 11, 28)
lines = st.one_of(
    st.sampled_from(
        [
            "",
            "## [1.0.0] - 2026-01-01",
            "## 0.9.0",
            "### Added",
            "- a",
            "```",
            "    ## code",
            "<!--",
            "-->",
            "---",
            "text",
        ]
    ),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=12),
)
texts = st.builds(lambda found, end: end.join(found), st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n"]))


def test_sections_have_name_date_and_text() -> None:
    unreleased, first = parse_changelog(CHANGELOG)
    assert (unreleased.name, unreleased.date, unreleased.empty) == ("Unreleased", "", False)
    assert "## not a headline" in unreleased.text
    assert (first.name, first.date, first.text) == ("1.2.0", "2026-01-31", "- A greeting.")


@pytest.mark.parametrize(
    ("headline", "name", "day"),
    [
        ("## [1.0.0] - 2026-01-02", "1.0.0", "2026-01-02"),
        ("## 1.0.0 (2026-01-02)", "1.0.0", "2026-01-02"),
        ("## 1.0.0 \N{EN DASH} 2026-01-02", "1.0.0", "2026-01-02"),
        ("## [1.0.0](https://example.org/1.0.0) - 2026-01-02 [YANKED]", "1.0.0", "2026-01-02"),
        ("1.0.0 - 2026-01-02\n------------------", "1.0.0", "2026-01-02"),
        ("## 1.0.0", "1.0.0", ""),
        ("## History", "History", ""),
    ],
)
def test_headlines(headline: str, name: str, day: str) -> None:
    [section] = parse_changelog(f"# Changelog\n\n{headline}\n\n- a\n")
    assert (section.name, section.date, section.text) == (name, day, "- a")


@pytest.mark.parametrize(
    "text", ["", "- only a list\n", "# Changelog\n\n> ## quoted\n", "```\n## code\n```\n", "<!--\n## old\n-->\n"]
)
def test_what_is_no_headline_makes_no_section(text: str) -> None:
    assert parse_changelog(text) == ()


def test_two_sections_of_a_name_are_refused() -> None:
    with pytest.raises(Refused, match="two sections"):
        parse_changelog("## 1.0.0\n\n- a\n\n## [1.0.0]\n\n- b\n")


def test_notes_are_the_section_of_a_version() -> None:
    assert release_notes(CHANGELOG, Version("1.2.0")) == "- A greeting.\n"


@pytest.mark.parametrize("text", ["", "## [1.3.0] - 2026-01-01\n", "## [1.3.0] - 2026-01-01\n\n### Added\n"])
def test_without_a_section_there_are_no_notes(text: str) -> None:
    with pytest.raises(Refused, match=r"section 1\.3\.0"):
        release_notes(text, Version("1.3.0"))


def test_a_release_takes_what_is_unreleased_and_its_links_follow() -> None:
    changed = with_release(CHANGELOG, Version("1.3.0"), DAY)
    names = [(section.name, section.date, section.empty) for section in parse_changelog(changed)]
    assert names == [("Unreleased", "", True), ("1.3.0", "2026-11-28", False), ("1.2.0", "2026-01-31", False)]
    assert "[Unreleased]: https://example.org/compare/v1.3.0...HEAD\n" in changed
    assert "[1.3.0]: https://example.org/compare/v1.2.0...v1.3.0\n" in changed


def test_nothing_unreleased_is_no_release() -> None:
    with pytest.raises(Refused, match="nothing under"):
        with_release("## [Unreleased]\n\n### Added\n\n## 1.0.0\n\n- a\n", Version("1.1.0"), DAY)


def test_a_section_that_is_there_is_not_made_again() -> None:
    with pytest.raises(Refused, match="already"):
        with_release(CHANGELOG, Version("1.2.0"), DAY)


@given(texts)
def test_sections_lie_one_behind_the_other_in_any_text(text: str) -> None:
    try:
        sections = parse_changelog(text)
    except Refused:
        return
    ends = [0, *(edge for section in sections for edge in (section.first, section.last))]
    assert ends == sorted(ends)
    assert "".join(split_lines(text)) == text


@given(texts, st.sampled_from(["\n", "\r\n"]))
def test_a_release_adds_two_lines_and_takes_none(text: str, end: str) -> None:
    before = end.join(["# Changelog", "", "## [Unreleased]", "", "- a", "", ""]) + text
    try:
        changed = with_release(before, Version("3.0.0"), DAY)
    except Refused:
        return
    kept = split_lines(changed)
    at = kept.index(f"## [3.0.0] - 2026-11-28{end}")
    assert "".join(kept[: at - 1] + kept[at + 1 :]) == before
    section = section_of(parse_changelog(changed), "3.0.0")
    assert section is not None
    assert section.text.startswith("- a")
