"""`nox -s affected`: the sessions that a change needs, by a comparison now or as a workflow's plan job decided."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.ci.affected_task import find_affected, project_rules
from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DECIDED = "the plan says so"


@dataclass(frozen=True)
class NeededSession:
    """A session that a change needs; without test files, the whole of it."""

    name: str
    tests: tuple[str, ...]
    reason: str


def needed_sessions(root: Path, words: Sequence[str]) -> tuple[NeededSession, ...]:
    """Return the sessions that the words behind `nox -s affected --` ask for.

    Raises:
        Refused: there is no such base or session, or the plan is malformed.
    """
    parser = argparse.ArgumentParser(prog="nox -s affected --", description="Run what a change needs.")
    parser.add_argument("base", nargs="?", default="main", help="what the change is compared with (main)")
    parser.add_argument("--plan", metavar="JSON", help="what `ci.affected` decided before: its output `plan`")
    parser.add_argument("--only", nargs="+", metavar="SESSION", help="leave all other sessions to other jobs")
    given = parser.parse_args(words)
    known = project_rules(root).sessions
    if unknown := [name for name in given.only or () if name not in known]:
        raise Refused(f"no session {', '.join(unknown)}", f"[tool.optimus-ops.affected] has {', '.join(known)}")
    found = _planned(given.plan, known) if given.plan is not None else _compared(root, given.base)
    return tuple(session for session in found if not given.only or session.name in given.only)


def _compared(root: Path, base: str) -> tuple[NeededSession, ...]:
    found, _ = find_affected(root, base)
    return tuple(NeededSession(name, tests, found.reasons[name]) for name, tests in found.sessions.items())


def _planned(text: str, known: Mapping[str, object]) -> tuple[NeededSession, ...]:
    try:
        plan = json.loads(text)
    except ValueError as error:
        raise Refused(f"--plan: no JSON: {error}", "give it the output `plan` of `invoke ci.affected`") from error
    if not isinstance(plan, dict) or not all(_is_paths(tests) for tests in plan.values()):
        raise Refused("--plan: an object of sessions with their test files is wanted")
    if unknown := [name for name in plan if name not in known]:
        raise Refused(f"--plan: no session {', '.join(unknown)}")
    return tuple(NeededSession(name, tuple(tests), DECIDED) for name, tests in plan.items())


def _is_paths(value: object) -> bool:
    """Tell whether a value is a list of paths, none of which a command would take for an option."""
    return isinstance(value, list) and all(isinstance(path, str) and not path.startswith("-") for path in value)
