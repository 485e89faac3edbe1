"""What a statement makes, and what it works on: a statement on what the same migration made harms nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.migrations.sql import Statement, Token

Name = tuple[str, ...]

# PostgreSQL keeps the names of one group apart from one another, whatever the kind. Functions are left out: an old one
# may have the name of a new one and other arguments.
GROUPS = {
    **dict.fromkeys(("table", "view", "index", "sequence"), "relation"),
    **dict.fromkeys(("type", "domain"), "type"),
    "schema": "schema",
}
ADJECTIVES = frozenset(
    {"global", "local", "temp", "temporary", "unlogged", "recursive", "unique", "materialized", "foreign", "constraint"}
)
PARTS_OF_A_TABLE = frozenset({"policy", "trigger", "rule"})
FILLERS = frozenset({"concurrently", "if", "not", "exists", "only", "verbose"})


@dataclass(frozen=True, slots=True)
class DbObject:
    """An object of the database.

    Args:
        group: the group of names it belongs to.
        name: its name as it is written, schema first if there is one.
    """

    group: str
    name: Name


@dataclass(frozen=True, slots=True)
class CreatedObjects:
    """What the migration has made so far, none of which anybody uses yet."""

    things: frozenset[DbObject] = frozenset()

    def after(self, statement: Statement) -> CreatedObjects:
        """Return what is made once a statement was run."""
        if statement.begins("rollback"):
            return CreatedObjects()
        if statement.begins("set", "search_path") or statement.words[1:3] == ("local", "search_path"):
            return CreatedObjects(frozenset(thing for thing in self.things if len(thing.name) > 1))
        if statement.begins("drop"):
            return CreatedObjects(self.things - set(targets(statement)))
        thing = made_by(statement)
        return self if thing is None else CreatedObjects(self.things | {thing})

    def has(self, thing: DbObject) -> bool:
        """Tell whether a thing, or the schema it is in, was made."""
        schema = DbObject("schema", thing.name[:-1])
        return thing in self.things or schema in self.things

    def covers(self, statement: Statement) -> bool:
        """Tell whether a statement works on nothing but what was made."""
        things = targets(statement)
        return bool(things) and all(self.has(thing) for thing in things)


def made_by(statement: Statement) -> DbObject | None:
    """Return what a statement makes; None for what may have been there: `OR REPLACE`, `IF NOT EXISTS`."""
    words = statement.words
    kind = _kind_at(words, 1)
    if words[0] != "create" or words[1:3] == ("or", "replace") or kind >= len(words) or words[kind] not in GROUPS:
        return None
    if _follows(words, kind + 1, "if", "not", "exists") or _follows(words, kind + 2, "if", "not", "exists"):
        return None
    name = _name(statement.tokens, kind + 1)
    return DbObject(GROUPS[words[kind]], name) if name else None


def targets(statement: Statement) -> tuple[DbObject, ...]:
    """Return what a statement works on; nothing if that can't be told."""
    words, tokens = statement.words, statement.tokens
    match words[0]:
        case "alter" | "drop" | "create" | "refresh" | "reindex":
            return _of_kind(statement)
        case "truncate" | "lock":
            return _relations(tokens, 2 if words[1:2] == ("table",) else 1)
        case "update" | "cluster" | "copy":
            return _relations(tokens, 1)[:1]
        case "delete" | "merge":
            return _relations(tokens, 2)[:1]
        case "revoke" | "grant" if "on" in words:
            at = words.index("on") + 1
            group = GROUPS.get(next(iter(words[at:]), ""), "")
            return _things(tokens, at + 1, group) if group else _relations(tokens, at)
        case _:
            return ()


def _of_kind(statement: Statement) -> tuple[DbObject, ...]:
    """Return the things of such as `ALTER TABLE name`, `DROP VIEW name, name`, `CREATE INDEX name ON name`."""
    words, tokens = statement.words, statement.tokens
    at = _kind_at(words, 1)
    kind = words[at] if at < len(words) else ""
    if kind in PARTS_OF_A_TABLE or (kind == "index" and words[0] == "create"):
        preposition = "to" if kind == "rule" and words[0] == "create" else "on"
        # Behind the name: an index or a policy may itself be called "on" only in quotes.
        return _relations(tokens, words.index(preposition) + 1)[:1] if preposition in words else ()
    if kind not in GROUPS:
        return ()
    found = _things(tokens, at + 1, GROUPS[kind])
    return found if words[0] == "drop" else found[:1]


def _relations(tokens: Sequence[Token], at: int) -> tuple[DbObject, ...]:
    return _things(tokens, at, "relation")


def _things(tokens: Sequence[Token], at: int, group: str) -> tuple[DbObject, ...]:
    """Return the things named from a place on, separated by commas."""
    found: list[DbObject] = []
    while name := _name(tokens, at):
        found.append(DbObject(group, name))
        at = _after_arguments(tokens, _after_name(tokens, at))
        if at >= len(tokens) or tokens[at].text != ",":
            break
        at += 1
    return tuple(found)


def kind_of(statement: Statement) -> str:
    """Return what kind of thing a `CREATE`, `ALTER` or `DROP` is about: the word behind its adjectives."""
    words = statement.words
    return next(iter(words[_kind_at(words, 1) :]), "")


def clauses(statement: Statement) -> tuple[tuple[Token, ...], ...]:
    """Return the clauses of an `ALTER TABLE name clause, clause`."""
    tokens = statement.tokens[_after_arguments(statement.tokens, _after_name(statement.tokens, 2)) :]
    found: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "symbol" else 0
        if token.text == "," and token.kind == "symbol" and depth == 0:
            found.append([])
        else:
            found[-1].append(token)
    return tuple(tuple(clause) for clause in found)


def relation_at(tokens: Sequence[Token], at: int) -> DbObject:
    """Return the table, view, index or sequence that is named at a place."""
    return DbObject("relation", _name(tokens, at))


def _kind_at(words: Sequence[str], at: int) -> int:
    if _follows(words, at, "or", "replace"):
        at += 2
    while at < len(words) and words[at] in ADJECTIVES:
        at += 1
    return at


def _follows(words: Sequence[str], at: int, *expected: str) -> bool:
    return tuple(words[at : at + len(expected)]) == expected


def _begin(tokens: Sequence[Token], at: int) -> int:
    while at < len(tokens) and tokens[at].kind == "word" and tokens[at].text in FILLERS:
        at += 1
    return at


def _name(tokens: Sequence[Token], at: int) -> Name:
    """Return the name at a place, () if there is none."""
    at = _begin(tokens, at)
    # `CREATE INDEX ON t`: the index has no name of its own.
    if at < len(tokens) and tokens[at].kind == "word" and tokens[at].text == "on":
        return ()
    return tuple(token.text for token in tokens[at : _after_name(tokens, at)][::2])


def _after_name(tokens: Sequence[Token], at: int) -> int:
    """Return the place behind `name` or `schema.name`."""
    at = _begin(tokens, at)
    end = at
    while end < len(tokens) and tokens[end].kind in {"word", "name"}:
        end += 1
        if end >= len(tokens) or tokens[end].text != "." or tokens[end].kind != "symbol":
            break
        end += 1
    return end


def _after_arguments(tokens: Sequence[Token], at: int) -> int:
    """Return the place behind the argument types of a function, or the star that stands for a table's partitions."""
    if at < len(tokens) and tokens[at].text == "*":
        return at + 1
    if at >= len(tokens) or tokens[at].text != "(":
        return at
    depth = 0
    for place in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place + 1
    return len(tokens)
