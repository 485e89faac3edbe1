"""Judgements: what was found of a subject, then its problems; and tables of checks.

A check is a row: its name, the command that answers it, what decides whether it applies, and a generator that yields
first what was found and then each problem with its remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from optimus_ops.checks.model import Check, Figure, Verdict, worst
from optimus_ops.redis.error_causes import WAY_HINT
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import NotPermitted
from optimus_ops.redis.sentinel import Sentinel

Subject = TypeVar("Subject", Server, Sentinel)

RESET = "on one sentinel after the other, half a minute apart: SENTINEL RESET"


class Finding(NamedTuple):
    """What was found, for people and as figures for programs."""

    text: str
    figures: Mapping[str, Figure]


class Problem(NamedTuple):
    """A verdict other than ok, and what to do."""

    verdict: Verdict
    hint: str


Judgement = Iterator[Finding | Problem]
"""A finding and then its problems; empty where nothing can be said."""


def found(text: str, /, **figures: Figure) -> Finding:
    """Return a finding."""
    return Finding(text, figures)


def failed(hint: str) -> Problem:
    """Return a failure."""
    return Problem("failed", hint)


def warning(hint: str) -> Problem:
    """Return a warning."""
    return Problem("warning", hint)


def conclude(subject: str, name: str, judgement: Judgement, *, every: bool = False) -> Iterator[Check]:
    """Yield the check of a judgement, if it is not empty, with its first problem or every one."""
    finding = next(judgement, None)
    if isinstance(finding, Finding):
        problems = [problem for problem in judgement if isinstance(problem, Problem)][: None if every else 1]
        hint = "; ".join(problem.hint for problem in problems)
        yield Check(subject, name, worst(problem.verdict for problem in problems), finding.text, hint, finding.figures)


def not_allowed(refusal: NotPermitted, command: str) -> Judgement:
    """Judge what could not be asked."""
    yield found(f"{command}: {refusal.reason}")
    yield Problem("not allowed", f"to have it checked, allow {command}")


@dataclass(frozen=True, slots=True)
class CheckRow(Generic[Subject]):
    """A check of a server or sentinel.

    Its answer is None where it does not apply, `NotPermitted` where the command was refused, else anything.
    """

    name: str
    command: str  # what answers it
    answer: Callable[[Topology, Subject], object]
    judge: Callable[[Topology, Subject], Judgement]
    every: bool = False  # whether all problems count, and not the first alone

    def check(self, topology: Topology, subject: Subject) -> Iterator[Check]:
        """Yield the check of a subject, if it applies."""
        answer = self.answer(topology, subject)
        if isinstance(answer, NotPermitted):
            yield from conclude(subject.node.name, self.name, not_allowed(answer, self.command))
        elif answer is not None:
            yield from conclude(subject.node.name, self.name, self.judge(topology, subject), every=self.every)


def check_rows(rows: Sequence[CheckRow[Subject]], topology: Topology, subject: Subject) -> Iterator[Check]:
    """Yield the checks of a table; of an unreachable subject only that it is."""
    if subject.unreachable_reason:
        yield from conclude(subject.node.name, "ping", unreachable(subject))
        return
    for row in rows:
        yield from row.check(topology, subject)


def unreachable(subject: Server | Sentinel) -> Judgement:
    """Judge a server or sentinel that does not answer."""
    yield found(f"{subject.node.address}: {subject.unreachable_reason}")
    hint = subject.hint or (WAY_HINT if isinstance(subject, Server) else "start it again")
    yield failed(f"{hint}{forget(subject)}")


def forget(subject: Server | Sentinel) -> str:
    """Return the hint to forget a node that is named by sentinels' lists alone; "" for any other."""
    return f"; if it is gone for good: {RESET} {subject.node.listed}" if subject.node.listed else ""


def config_file(file: str, rewritten: str | NotPermitted | None, command: str) -> Judgement:
    """Judge a configuration file ("" for none), which must be writable for a role to outlast a restart.

    `rewritten` is the error of the command that rewrites it, "" for none; None if that was not tried.
    """
    if not file:
        yield found("none", file=file, tried=rewritten is not None)
        yield failed("started without a file it forgets, at its next start, which role it was given: start it with one")
    elif rewritten is None:
        yield found(f"{file} (not tried: --try-rewrite tries {command})", file=file, tried=False)
    elif isinstance(rewritten, NotPermitted):
        yield from not_allowed(rewritten, command)
    elif rewritten:
        yield found(f"{file}: {command} failed: {rewritten}", file=file, tried=True)
        yield failed(
            "it must be writable, in a writable folder, and no single-file mount (rename fails there with EBUSY)"
        )
    else:
        yield found(f"{file}, rewritten", file=file, tried=True)
