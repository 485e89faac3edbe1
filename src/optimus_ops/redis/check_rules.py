"""Rules from which a verdict follows, and tables of checks.

A check is a row: its name, the command that answers it, what decides whether it applies, and a function to its outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from optimus_ops.checks.model import Check, Figure, Verdict, worst
from optimus_ops.redis.error_causes import WAY_HINT
from optimus_ops.redis.model import NotPermitted, Sentinel, Server, Topology

Subject = TypeVar("Subject", Server, Sentinel)
Rule = tuple[Verdict, object, str]
"""A verdict, the condition (its truth counts) under which it is given, and what to do then."""


def failed(holds: object, hint: str) -> Rule:
    """Return the rule of a failure."""
    return "failed", holds, hint


def warning(holds: object, hint: str) -> Rule:
    """Return the rule of a warning."""
    return "warning", holds, hint


RESET = "on one sentinel after the other, half a minute apart: SENTINEL RESET"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict with what was found; see `Check`."""

    verdict: Verdict
    found: str
    hint: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def of(self, subject: str, name: str) -> Check:
        """Return it as the check of a subject."""
        return Check(subject, name, self.verdict, self.found, self.hint, self.figures)


def not_allowed(refusal: NotPermitted, command: str) -> Outcome:
    """Return the outcome of a check whose command was refused."""
    return Outcome("not allowed", f"{command}: {refusal.reason}", f"to have it checked, allow {command}")


def first_rule(found: str, figures: Mapping[str, Figure], *rules: Rule) -> Outcome:
    """Return the verdict and hint of the first rule that holds; ok if none does."""
    verdict, _holds, hint = next((rule for rule in rules if rule[1]), ("ok", True, ""))
    return Outcome(verdict, found, hint, figures)


def all_rules(found: str, figures: Mapping[str, Figure], *rules: Rule) -> Outcome:
    """Return the worst verdict and the hints of all rules that hold; ok if none does."""
    holding = [rule for rule in rules if rule[1]]
    hint = "; ".join(hint for _verdict, _holds, hint in holding)
    return Outcome(worst(verdict for verdict, _holds, _hint in holding), found, hint, figures)


@dataclass(frozen=True, slots=True)
class CheckRow(Generic[Subject]):
    """A check of a server or sentinel.

    Args:
        name: of the check.
        command: what answers it.
        answer: None where the check does not apply, `NotPermitted` where the command was refused, else anything.
        judge: makes the outcome; None where nothing can be said.
    """

    name: str
    command: str
    answer: Callable[[Topology, Subject], object]
    judge: Callable[[Topology, Subject], Outcome | None]

    def check(self, topology: Topology, subject: Subject) -> Iterator[Check]:
        """Yield the check of a subject, if it applies."""
        answer = self.answer(topology, subject)
        if isinstance(answer, NotPermitted):
            yield not_allowed(answer, self.command).of(subject.node.name, self.name)
        elif answer is not None and (outcome := self.judge(topology, subject)) is not None:
            yield outcome.of(subject.node.name, self.name)


def check_rows(rows: Sequence[CheckRow[Subject]], topology: Topology, subject: Subject) -> Iterator[Check]:
    """Yield the checks of a table; of an unreachable subject only that it is."""
    if subject.unreachable_reason:
        yield unreachable(subject).of(subject.node.name, "ping")
        return
    for row in rows:
        yield from row.check(topology, subject)


def unreachable(subject: Server | Sentinel) -> Outcome:
    """Return the failure of a server or sentinel that does not answer."""
    hint = subject.hint or (WAY_HINT if isinstance(subject, Server) else "start it again")
    return Outcome("failed", f"{subject.node.address}: {subject.unreachable_reason}", f"{hint}{forget(subject)}")


def forget(subject: Server | Sentinel) -> str:
    """Return the hint to forget a node that is named by sentinels' lists alone; "" for any other."""
    return f"; if it is gone for good: {RESET} {subject.node.listed}" if subject.node.listed else ""


def config_file(file: str, rewritten: str | NotPermitted | None, command: str) -> Outcome:
    """Judge a configuration file, which must be writable for a role to outlast a restart.

    Args:
        file: its path; "" where the process runs without one.
        rewritten: the error of the command that rewrites it, "" for none; None if that was not tried.
        command: that command.
    """
    figures: dict[str, Figure] = {"file": file, "tried": rewritten is not None}
    if not file:
        hint = "started without a file it forgets, at its next start, which role it was given: start it with one"
        return Outcome("failed", "none", hint, figures)
    if rewritten is None:
        return Outcome("ok", f"{file} (not tried: --try-rewrite tries {command})", "", figures)
    if isinstance(rewritten, NotPermitted):
        return not_allowed(rewritten, command)
    if rewritten:
        hint = "it must be writable, in a writable folder, and no single-file mount (rename fails there with EBUSY)"
        return Outcome("failed", f"{file}: {command} failed: {rewritten}", hint, figures)
    return Outcome("ok", f"{file}, rewritten", "", figures)
