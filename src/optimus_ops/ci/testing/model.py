"""Results of tests, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from optimus_ops.reports.place import Place

Outcome = Literal["passed", "failed", "flaky", "skipped"]
"""`flaky`: failed at first, and passed when it was tried again."""
OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "flaky", "skipped")


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one test.

    Args:
        name: the test's module or class, and its name.
        outcome: a test whose set-up or clean-up broke has failed.
        seconds: how long it took, set-up and clean-up included.
        place: where it failed, else where it is; None where the file does not say.
        message: why it failed or was skipped, in one line.
        details: the whole text of the failure.
    """

    name: str
    outcome: Outcome
    seconds: float = 0.0
    place: Place | None = None
    message: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class SessionResults:
    """The results of one session: how long its run took in seconds, and its tests."""

    name: str
    seconds: float
    cases: tuple[CaseResult, ...]

    def of(self, outcome: Outcome) -> tuple[CaseResult, ...]:
        """Return the tests with an outcome."""
        return tuple(case for case in self.cases if case.outcome == outcome)
