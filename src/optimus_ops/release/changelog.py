"""The changelog: a section for each version, newest first (https://keepachangelog.com/en/1.1.0).

Read as Markdown, so that a headline in a block of code is none; changed by lines, so that nothing else changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from packaging.version import Version

UNRELEASED = "Unreleased"
HEADLINE = re.compile(r"\[?(?P<name>[^\]\s]+)\]?(?:\([^)]*\))?(?:\s+\W?\s*(?P<date>\d{4}-\d{2}-\d{2})\)?)?(?P<rest>.*)")
LINK = re.compile(r"^\[Unreleased\]:\s*(?P<compare>\S+/)(?P<old>[^/\s]+?)\.\.\.HEAD\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChangelogSection:
    """One version's section.

    Args:
        date: as ISO 8601 writes it; "" where there is none.
        first: index of the headline's line.
        last: index behind the section's last line.
        text: what is below the headline, without blank lines around it.
        empty: whether there is nothing but headlines in it.
    """

    name: str
    date: str
    first: int
    last: int
    text: str
    empty: bool


def parse_changelog(text: str) -> tuple[ChangelogSection, ...]:
    """Return the sections in their order.

    Raises:
        Refused: two have the same name.
    """
    lines = split_lines(text)
    tokens = MarkdownIt("commonmark").parse(text)
    starts = [
        (token.map[0], token.map[1], inline.content)
        for token, inline in pairwise(tokens)
        if token.type == "heading_open" and token.tag == "h2" and token.level == 0 and token.map
    ]
    ends = [*(first for first, _, _ in starts), _links_at(lines)][1:]
    found = []
    for (first, behind, title), last in zip(starts, ends, strict=True):
        words = HEADLINE.fullmatch(title.strip())
        name, day = (words["name"], words["date"] or "") if words else (title.strip(), "")
        body = "\n".join(line.rstrip() for line in lines[behind:last]).strip("\n")
        found.append(ChangelogSection(name, day, first, last, body, _empty(body)))
    names = [section.name.lower() for section in found]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise Refused(f"the changelog has two sections {twice}", "join them")
    return tuple(found)


def section_of(sections: Sequence[ChangelogSection], name: str) -> ChangelogSection | None:
    """Return the section of a version, or of what is unreleased."""
    return next((section for section in sections if section.name.lower() == name.lower()), None)


def release_notes(text: str, version: Version) -> str:
    """Return a version's section without its headline.

    Raises:
        Refused: there is none, or it is empty.
    """
    section = section_of(parse_changelog(text), str(version))
    if section is None or section.empty:
        what = "no section" if section is None else "an empty section"
        raise Refused(f"the changelog has {what} {version}", "invoke release.prepare makes it")
    return section.text + "\n"


def with_release(text: str, version: Version, day: date) -> str:
    """Return the changelog with what is unreleased in a section of a version; links that compare tags follow.

    Raises:
        Refused: nothing is unreleased, or the version has a section already.
    """
    sections = parse_changelog(text)
    unreleased = section_of(sections, UNRELEASED)
    if unreleased is None or unreleased.empty:
        raise Refused("the changelog has nothing under “Unreleased”", "say what users notice: ## [Unreleased]")
    if section_of(sections, str(version)):
        raise Refused(f"the changelog has a section {version} already")
    lines = split_lines(text)
    ending = "\r\n" if lines[unreleased.first].endswith("\r\n") else "\n"
    headline = [ending, f"## [{version}] - {day.isoformat()}{ending}"]
    changed = "".join([*lines[: unreleased.first + 1], *headline, *lines[unreleased.first + 1 :]])
    new = rf"[Unreleased]: \g<compare>v{version}...HEAD" + ending + rf"[{version}]: \g<compare>\g<old>...v{version}"
    return LINK.sub(new, changed)


def split_lines(text: str) -> list[str]:
    """Return the lines, ends included, as Markdown counts them."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def _links_at(lines: Sequence[str]) -> int:
    """Return the index of the first of the link definitions that end the text."""
    index = len(lines)
    while index and (not lines[index - 1].strip() or re.match(r"\[[^\]]+\]:\s", lines[index - 1])):
        index -= 1
    return index


def _empty(body: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in body.splitlines())
