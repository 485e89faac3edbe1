"""Statements that squawk says nothing about, and those that are known to be harmless: what is neither is not judged."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from optimus_ops.migrations.db_objects import clauses, kind_of, relation_at
from optimus_ops.migrations.sql import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimus_ops.migrations.db_objects import CreatedObjects
    from optimus_ops.migrations.sql import Statement, Token

    Form = tuple[str, ...]

# First words of statements that are harmless unless a rule says otherwise.
HARMLESS = frozenset(
    {
        *("begin", "start", "commit", "end", "savepoint", "release", "rollback", "set", "reset", "show"),
        *("select", "values", "table", "with", "insert", "update", "delete"),
        *("comment", "grant", "analyze", "vacuum"),
    }
)
HARMLESS_TO_CREATE = frozenset(
    {
        *("table", "view", "index", "sequence", "schema", "function", "procedure", "aggregate", "type", "domain"),
        *("extension", "role", "user", "group", "collation", "statistics", "publication", "server"),
    }
)
HARMLESS_CLAUSES: tuple[Form, ...] = (
    ("add",),
    ("validate", "constraint"),
    ("cluster", "on"),
    ("set", "without", "cluster"),
    ("set", "("),
    ("reset", "("),
    ("replica", "identity"),
    ("attach", "partition"),
)
HARMLESS_TO_A_COLUMN: tuple[Form, ...] = (
    ("set", "default"),
    ("set", "statistics"),
    ("set", "storage"),
    ("set", "compression"),
    ("set", "("),
    ("reset", "("),
)
REWRITING: tuple[Form, ...] = (
    ("set", "tablespace"),
    ("set", "logged"),
    ("set", "unlogged"),
    ("set", "access", "method"),
)
# A column of these gets a number in every row that is there.
SERIALS = frozenset({"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"})
CONSTRAINTS = frozenset({"constraint", "check", "unique", "primary", "foreign", "exclude"})


def broken(statement: Statement, made: CreatedObjects) -> tuple[str, ...]:
    """Return the names of this library's rules that a statement breaks, "unjudged" aside.

    Args:
        statement: a statement on something that was there before.
        made: what the migration made before it.
    """
    return tuple(dict.fromkeys(_broken(statement, made)))


def excused(statement: Statement) -> frozenset[str]:
    """Return those of squawk's rules that a statement only seems to break."""
    words = statement.words
    if statement.begins("create") and ("on", "only") in pairwise(words):
        # On a partitioned table this builds nothing: it is complete once the partitions' indexes are attached.
        return frozenset({"require-concurrent-index-creation"})
    return frozenset()


def harmless(statement: Statement) -> bool:
    """Tell whether a statement of this form harms nobody, as long as it breaks no rule."""
    words = statement.words
    match words[0]:
        case "create":
            return kind_of(statement) in HARMLESS_TO_CREATE
        case "alter" if words[1:2] == ("table",):
            return all(_harmless_clause(words_of(clause)) for clause in clauses(statement))
        case "alter":
            return (
                words[1:3] == ("default", "privileges")
                or (words[1:2] == ("type",) and "value" in words)
                or (words[1:2] == ("index",) and "attach" in words)
            )
        case "refresh" | "reindex":
            return "concurrently" in words
        case first:
            return first in HARMLESS


def _broken(statement: Statement, made: CreatedObjects) -> Iterator[str]:
    words = statement.words
    match words[0]:
        case "truncate":
            yield "whole-table-write"
        case "update" | "delete" | "with" | "insert" if _writes_everywhere(words):
            yield "whole-table-write"
        case "cluster":
            yield "table-rewrite"
        case "vacuum" if "full" in words:
            yield "table-rewrite"
        case "lock":
            yield "blocking-lock"
        case "refresh" if "concurrently" not in words:
            yield "blocking-lock"
        case "create" if kind_of(statement) in {"trigger", "rule", "event"}:
            yield "new-trigger"
        case "alter" if words[1:2] == ("table",):
            for clause in clauses(statement):
                yield from _broken_by_clause(clause, made)


def _broken_by_clause(clause: Sequence[Token], made: CreatedObjects) -> Iterator[str]:
    words = words_of(clause)
    if any(_begins(words, form) for form in REWRITING):
        yield "table-rewrite"
    if _begins(words, ("attach", "partition")) and not made.has(relation_at(clause, 2)):
        yield "blocking-lock"
    if words[:1] == ("add",) and not CONSTRAINTS & set(words[1:2]):
        if "check" in words:
            yield "checked-column"
        if SERIALS & set(words):
            yield "table-rewrite"


def _harmless_clause(words: Sequence[str]) -> bool:
    if words[:1] != ("alter",):
        return any(_begins(words, form) for form in HARMLESS_CLAUSES)
    of_column = words[3:] if words[1:2] == ("column",) else words[2:]
    return any(_begins(of_column, form) for form in HARMLESS_TO_A_COLUMN)


def _writes_everywhere(words: Sequence[str]) -> bool:
    """Tell whether an UPDATE or DELETE, the statement itself or a part of it in parentheses, names no rows."""
    return any(
        word in {"update", "delete"} and (at == 0 or words[at - 1] in {"(", ")"}) and not _has_where(words[at:])
        for at, word in enumerate(words)
    )


def _has_where(words: Sequence[str]) -> bool:
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0:
            return False
        if depth == 0 and word == "where":
            return True
    return False


def _begins(words: Sequence[str], form: Form) -> bool:
    return tuple(words[: len(form)]) == form
