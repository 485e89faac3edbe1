"""Reading SQL as statements and words, as far as judging a migration needs it.

Lexical rules: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXCERPT = 120

TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*' | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
    | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*")
    | (?P<word>[^\W\d][\w$]*)
    | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)
BLOCK_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a statement.

    Args:
        kind: "word" (a keyword or a name, in lower case), "name" (a quoted name, without its quotes), "string" or
            "symbol" (any other character).
        text: what it says; "" for a string, whose content nobody judges.
        start: where it begins in the script.
    """

    kind: str
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a script.

    Args:
        tokens: its pieces, at least one; the semicolon is none of them.
        start: where it begins in the script.
        end: where it ends.
        line: the line it begins on, counted from 1.
        excerpt: its text on one line, cut off if it is long, without passwords.
    """

    tokens: tuple[Token, ...]
    start: int
    end: int
    line: int
    excerpt: str

    @property
    def words(self) -> tuple[str, ...]:
        """Return its tokens as `words_of` does."""
        return words_of(self.tokens)

    def begins(self, *words: str) -> bool:
        """Tell whether it begins with these keywords."""
        return self.words[: len(words)] == words


def words_of(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return tokens as text, "" for strings and quoted names, so that none of these is taken for a keyword."""
    return tuple(token.text if token.kind in {"word", "symbol"} else "" for token in tokens)


def without_comments(script: str) -> str:
    """Return the script with blanks for comments: nothing moves, and no comment tells a linter to look away."""
    pieces: list[str] = []
    for kind, start, end in _scan(script):
        text = script[start:end]
        pieces.append(re.sub(r"[^\n]", " ", text) if kind == "comment" else text)
    return "".join(pieces)


def statements(script: str) -> tuple[Statement, ...]:
    """Split a script at its semicolons; those within strings, parentheses and function bodies are none."""
    found: list[Statement] = []
    tokens: list[Token] = []
    end = depth = body = 0
    for kind, start, stop in _scan(script):
        if kind in {"space", "comment"}:
            continue
        token = _token(kind, script[start:stop], start)
        if token.text == ";" and token.kind == "symbol" and depth <= 0 and body <= 0:
            if tokens:
                found.append(_statement(script, tokens, end))
            tokens, depth = [], 0
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "symbol" else 0
        body = _body(body, tokens, token)
        tokens.append(token)
        end = stop
    if tokens:
        found.append(_statement(script, tokens, end))
    return tuple(found)


def _body(depth: int, before: list[Token], token: Token) -> int:
    """Count how deep in a function's body (`BEGIN ATOMIC … END`) a token is."""
    if token.kind != "word":
        return depth
    if token.text == "atomic" and before and before[-1].text == "begin":
        return 1
    return depth + {"case": 1, "end": -1}.get(token.text, 0) if depth > 0 else 0


def _statement(script: str, tokens: list[Token], end: int) -> Statement:
    start = tokens[0].start
    text = _excerpt(script[start:end])
    excerpt = text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
    return Statement(tuple(tokens), start, end, script.count("\n", 0, start) + 1, excerpt)


def _excerpt(text: str) -> str:
    """Return a statement on one line, without comments and passwords."""
    pieces: list[str] = []
    before = ""
    for kind, start, end in _scan(text):
        piece = text[start:end]
        secret = kind == "string" and before == "password"
        pieces.append("'***'" if secret else " " if kind == "comment" else piece)
        before = before if kind in {"space", "comment"} else piece.lower()
    return " ".join("".join(pieces).split())


def _token(kind: str, text: str, start: int) -> Token:
    match kind:
        case "word":
            return Token("word", text.lower(), start)
        case "quoted":
            return Token("name", text[text.index('"') + 1 : -1].replace('""', '"'), start)
        case "string":
            return Token("string", "", start)
        case _:
            return Token("symbol", text, start)


def _scan(script: str) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of every piece, so that the pieces together are the script."""
    at = 0
    while found := TOKEN.match(script, at):
        kind, end = str(found.lastgroup), found.end()
        if kind == "block":
            kind, end = "comment", _block_end(script, end)
        elif kind == "dollar":
            closed = script.find(found.group(), end)
            kind, end = "string", len(script) if closed < 0 else closed + len(found.group())
        yield kind, at, end
        at = end


def _block_end(script: str, at: int) -> int:
    """Return where a block comment ends; they nest."""
    depth = 1
    for edge in BLOCK_EDGE.finditer(script, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(script)
