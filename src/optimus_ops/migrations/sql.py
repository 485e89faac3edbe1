"""The statements of an SQL script, as PostgreSQL's own parser reads them (libpg_query, through pgparse)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pgparse

from optimus_ops.errors import OpsError

# A node of the parse tree: https://github.com/pganalyze/libpg_query/blob/17-latest/protobuf/pg_query.proto
Node = Mapping[str, Any]

EXCERPT_LENGTH = 120

# For showing a statement only. Comments nest; deeper than here they stay in the excerpt.
_COMMENT = r"--[^\n\r]*|/\*(?:/\*(?:(?!/\*|\*/).)*\*/|(?!\*/).)*\*/"
_LEADING = re.compile(rf"(?:\s|{_COMMENT})*", re.DOTALL)
_QUOTED_OR_COMMENT = re.compile(
    rf"""(?P<quoted>
           [eE]'(?:[^'\\]|\\.|'')*' | '[^']*' | "[^"]*" | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)
         ) | {_COMMENT}""",
    re.DOTALL | re.VERBOSE,
)


class SqlSyntaxError(OpsError):
    """PostgreSQL would not parse the script."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a script.

    Args:
        start: where it begins in the script, in characters.
        excerpt: its text on one line, cut off if it is long, without passwords.
    """

    kind: str
    node: Node
    start: int
    line: int
    excerpt: str


def statements(script: str) -> tuple[Statement, ...]:
    """Parse a script.

    Raises:
        SqlSyntaxError: it has a syntax error, or nests deeper than can be followed.
    """
    if "\0" in script:
        # The parser takes it for the end, and would hide all that follows.
        raise _unreadable(script, script.index("\0"), "a null character")
    try:
        tree = pgparse.parse(script)
    except pgparse.PGQueryError as error:
        raise _unreadable(script, max(error.position - 1, 0), "syntax error") from None
    except RecursionError:
        raise _unreadable(script, 0, "nested too deep") from None
    encoded = script.encode()
    return tuple(_statement(encoded, entry) for entry in tree)


def _unreadable(script: str, at: int, reason: str) -> SqlSyntaxError:
    return SqlSyntaxError(script.count("\n", 0, at) + 1, reason)


def _statement(script: bytes, entry: Node) -> Statement:
    # The parser counts bytes, and includes what stands before the statement; no length means up to the end.
    first = entry.get("stmt_location", 0)
    last = first + entry["stmt_len"] if "stmt_len" in entry else None
    before, text = script[:first].decode(), script[first:last].decode()
    leading = _LEADING.match(text)
    begin = leading.end() if leading else 0
    ((kind, node),) = entry["stmt"].items()
    line = before.count("\n") + text.count("\n", 0, begin) + 1
    shown = pgparse.normalize(text) if _may_hold_password(node) else text
    return Statement(kind, node, len(before) + begin, line, _excerpt(shown))


def _may_hold_password(node: Node) -> bool:
    """Tell whether a connection string, or an option, name or literal about a password is in a tree."""
    pending: list[object] = [node]
    while pending:
        match pending.pop():
            case dict() as inner:
                if "conninfo" in inner:
                    return True
                pending.extend(inner.values())
            case list() as items:
                pending.extend(items)
            case str() as text if "password" in text.lower():
                return True
    return False


def _excerpt(text: str) -> str:
    line = " ".join(_QUOTED_OR_COMMENT.sub(lambda found: found["quoted"] or " ", text).split())
    return line if len(line) <= EXCERPT_LENGTH else line[: EXCERPT_LENGTH - 1] + "…"
