"""Judging the SQL of a migration: does it take away or block what the running version uses?

An expand-only migration only adds, so that the running version goes on beside the new one. What can't be judged is a
finding too. A constraint added NOT VALID, a unique index built CONCURRENTLY and a new value of an enum pass: whether
the running version keeps to the one and can read the other, only the author knows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from optimus_ops.engine.compose_port import Compose
from optimus_ops.errors import Refused
from optimus_ops.migrations.builtin_rules import broken, excused, harmless
from optimus_ops.migrations.db_objects import CreatedObjects, name_of
from optimus_ops.migrations.job import SQL, pending_sql
from optimus_ops.migrations.rules import BUILTIN, SQUAWK, STYLE, UNREADABLE, Rule
from optimus_ops.migrations.sql import SqlSyntaxError, Statement, statements
from optimus_ops.migrations.squawk import SquawkFinding, ask
from optimus_ops.model.stack import Stack

HINT = (
    "split the change into steps that each leave the running version working (docs/migrations.md), "
    "or, if no running version uses any of it: --allow-contract"
)


class Finding(NamedTuple):
    """A statement that harms the running version: the rule, the place, why, and what to do instead."""

    rule: str
    line: int
    statement: str
    why: str
    instead: str


def findings(sql: str) -> tuple[Finding, ...]:
    """Return what harms the running version, in the order of the script."""
    try:
        parsed = statements(sql)
    except SqlSyntaxError as error:
        return (Finding(UNREADABLE, error.line, f"({error.reason})", *SQUAWK[UNREADABLE]),)
    return tuple(_findings(parsed, _by_statement(parsed, ask(sql)))) if parsed else ()


def _findings(parsed: Sequence[Statement], reported: dict[int, list[SquawkFinding]]) -> Iterator[Finding]:
    created = CreatedObjects()
    for number, statement in enumerate(parsed):
        here = reported.get(number, [])
        if created.covers(statement) or _makes_room(statement, parsed[number + 1 :]):
            rules = _squawk_rules(found for found in here if found.rule == UNREADABLE)
        else:
            rules = _squawk_rules(found for found in here if found.rule not in excused(statement))
            rules |= {name: BUILTIN[name] for name in broken(statement, created)}
            if not rules and not harmless(statement):
                name = "drop" if statement.kind == "DropStmt" else "unjudged"
                rules = {name: BUILTIN[name]}
        for name, rule in rules.items():
            yield Finding(name, statement.line, statement.excerpt, *rule)
        created = created.after(statement)


def check_expand_only(sql: str, *, allow_contract: bool) -> tuple[Finding, ...]:
    """Return the findings if they are allowed; refuse the migration otherwise."""
    found = findings(sql)
    if found and not allow_contract:
        raise Refused(f"the pending migration breaks the running version:\n{as_text(found)}", HINT)
    return found


def as_text(found: Sequence[Finding]) -> str:
    """Return findings as text, each statement once."""
    lines: list[str] = []
    for (line, statement), group in groupby(found, key=lambda finding: (finding.line, finding.statement)):
        lines.append(f"    line {line}: {statement}")
        lines += [f"        {finding.rule}: {finding.why}; instead: {finding.instead}" for finding in group]
    return "\n".join(lines)


def _by_statement(parsed: Sequence[Statement], reported: Iterable[SquawkFinding]) -> dict[int, list[SquawkFinding]]:
    """Return what was reported for each statement: all up to the start of the next one, so that nothing is lost."""
    starts = [statement.start for statement in parsed]
    found: dict[int, list[SquawkFinding]] = {}
    for finding in reported:
        found.setdefault(max(bisect_right(starts, finding.start) - 1, 0), []).append(finding)
    return found


def _squawk_rules(reported: Iterable[SquawkFinding]) -> dict[str, Rule]:
    """Return the rules that matter, by name; a rule that is not known here speaks for itself."""
    return {
        found.rule: SQUAWK.get(found.rule) or Rule(found.message, found.help or f"see squawk's rule {found.rule}")
        for found in reported
        if found.rule not in STYLE
    }


def _makes_room(statement: Statement, following: Sequence[Statement]) -> bool:
    """Tell whether a statement removes an index that the next one builds.

    A build that was cut short leaves an invalid index behind, which has to go before it can be built again.
    """
    match statement.node, following[:1]:
        case {"removeType": "OBJECT_INDEX", "concurrent": True, "missing_ok": True, "objects": [index]}, [build]:
            # An index is built without a schema: it gets its table's.
            return bool(build.node.get("concurrent")) and build.node.get("idxname") == name_of(index)[-1]
    return False


def check_pending(compose: Compose, stack: Stack, *, allow_contract: bool) -> str:
    """Refuse pending migrations that break the running version, unless allowed; return in a few words what was found.

    Raises:
        Refused: one does, and that is not allowed.
        OpsError: the job couldn't tell what is pending.
        MissingPrerequisite: there is no squawk, or it doesn't work.
    """
    sql = pending_sql(compose, stack)
    if sql is None:
        return f"not checked: {stack.migrations or 'the project'} has no label {SQL}"
    if found := check_expand_only(sql, allow_contract=allow_contract):
        return f"what is pending breaks the running version, as allowed: {len(found)}"
    return "what is pending only adds" if statements(sql) else "nothing pending"
