"""Judging the SQL of a migration: does it take away or block what the running version uses?

An expand-only migration only adds, so that the running version goes on beside the new one. What can't be judged is a
finding too. A constraint added NOT VALID, a unique index built CONCURRENTLY and a new value of an enum pass: whether
the running version keeps to the one and can read the other, only the author knows.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused
from optimus_ops.migrations.builtin_rules import broken, excused, harmless
from optimus_ops.migrations.db_objects import CreatedObjects, made_by, targets
from optimus_ops.migrations.rules import OWN, SQUAWKS, STYLE, Rule
from optimus_ops.migrations.sql import statements, without_comments
from optimus_ops.migrations.squawk import UNREADABLE, ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from optimus_ops.migrations.sql import Statement
    from optimus_ops.migrations.squawk import Said

HINT = (
    "split the change into steps that each leave the running version working (docs/migrations.md), "
    "or, if no running version uses any of it: --allow-contract"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing in a migration that harms the running version.

    Args:
        rule: name of the rule; squawk's rules keep their names.
        line: line in the SQL, counted from 1.
        statement: the statement, cut off if it is long.
        why: what it does to the running version.
        instead: what to do instead.
    """

    rule: str
    line: int
    statement: str
    why: str
    instead: str


def findings(sql: str) -> tuple[Finding, ...]:
    """Return what harms the running version, in the order of the script.

    Args:
        sql: a migration as it will be run.

    Raises:
        MachineLacks: there is no squawk, or it doesn't work.
    """
    script = without_comments(sql)
    parsed = statements(script)
    said = _by_statement(parsed, ask(script)) if parsed else {}
    found: list[Finding] = []
    made = CreatedObjects()
    for number, statement in enumerate(parsed):
        here = said.get(number, [])
        if made.covers(statement) or _makes_room(statement, parsed[number + 1 :]):
            rules = _squawks(one for one in here if one.rule == UNREADABLE)
        else:
            rules = _squawks(one for one in here if one.rule not in excused(statement))
            rules |= {name: OWN[name] for name in broken(statement, made)}
            if not rules and not harmless(statement):
                name = "drop" if statement.begins("drop") else "unjudged"
                rules = {name: OWN[name]}
        line, excerpt = statement.line, statement.excerpt
        found += [Finding(name, line, excerpt, rule.why, rule.instead) for name, rule in rules.items()]
        made = made.after(statement)
    return tuple(found)


def check_expand_only(sql: str, *, allow_contract: bool) -> tuple[Finding, ...]:
    """Return the findings if they are allowed; refuse the migration otherwise.

    Args:
        sql: a migration as it will be run.
        allow_contract: whether it may take away what the running version uses.

    Raises:
        Refused: there are findings, and they are not allowed.
        MachineLacks: there is no squawk, or it doesn't work.
    """
    found = findings(sql)
    if found and not allow_contract:
        raise Refused(f"the pending migration breaks the running version:\n{as_text(found)}", HINT)
    return found


def as_text(found: Sequence[Finding]) -> str:
    """Return findings as text, each statement once."""
    lines: list[str] = []
    at = None
    for finding in found:
        if (finding.line, finding.statement) != at:
            lines.append(f"    line {finding.line}: {finding.statement}")
        lines.append(f"        {finding.rule}: {finding.why}; instead: {finding.instead}")
        at = (finding.line, finding.statement)
    return "\n".join(lines)


def _by_statement(parsed: Sequence[Statement], said: Iterable[Said]) -> dict[int, list[Said]]:
    """Return what was said of each statement: all up to the start of the next one, so that nothing is lost."""
    starts = [statement.start for statement in parsed]
    sorted_out: dict[int, list[Said]] = {}
    for one in said:
        sorted_out.setdefault(max(bisect_right(starts, one.start) - 1, 0), []).append(one)
    return sorted_out


def _squawks(said: Iterable[Said]) -> dict[str, Rule]:
    """Return the rules that matter, by name; a rule that is not known here speaks for itself."""
    return {
        one.rule: SQUAWKS.get(one.rule) or Rule(one.message, one.help or f"see squawk's rule {one.rule}")
        for one in said
        if one.rule not in STYLE
    }


def _makes_room(statement: Statement, following: Sequence[Statement]) -> bool:
    """Tell whether a statement removes an index that the next one builds.

    A build that was cut short leaves an invalid index behind, which has to go before it can be built again.
    """
    if not following or not statement.begins("drop", "index", "concurrently", "if", "exists"):
        return False
    built = made_by(following[0])
    # An index is built without a schema: it gets its table's.
    names = [thing.name[-1:] for thing in targets(statement)]
    return built is not None and "concurrently" in following[0].words[:4] and names == [built.name]
