"""Text of a report: plain pieces, each with a tone, a link, or as code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone = Literal["plain", "good", "warn", "bad", "soft"]
SAFE_LINK = re.compile(r"(?:https?://)?[\w./~%?=&#+@,-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of plain text with its colour; `code` is shown as it is.

    `link` is an address; of the same report `#` and the title of a section, or `##` and the name of an entry.
    """

    text: str
    tone: Tone = "plain"
    link: str = ""
    code: bool = False

    @property
    def href(self) -> str:
        """The address: of a section its anchor, "" where the link is neither a web address nor a relative path."""
        if self.link.startswith("#"):
            return f"#{slug(self.link)}"
        return self.link if SAFE_LINK.fullmatch(self.link) else ""


Content: TypeAlias = str | Span | tuple[str | Span, ...]


def spans(content: Content) -> tuple[Span, ...]:
    """Return a text as spans."""
    pieces = content if isinstance(content, tuple) else (content,)
    return tuple(Span(piece) if isinstance(piece, str) else piece for piece in pieces)


def plain_text(content: Content) -> str:
    """Return a text without colours and links."""
    return "".join(span.text for span in spans(content))


def slug(title: str) -> str:
    """Return the anchor of a title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
