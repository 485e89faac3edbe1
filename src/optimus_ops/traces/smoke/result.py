"""What a smoke test of traces found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimus_ops.checks.model import Check
from optimus_ops.traces.model import Trace
from optimus_ops.traces.smoke.diagnosis import Diagnosis
from optimus_ops.traces.smoke.evidence import Evidence
from optimus_ops.traces.store import StoredLine

if TYPE_CHECKING:
    from optimus_ops.traces.smoke.lookup import RunSearch
    from optimus_ops.traces.smoke.places import Places

CONTROL, SEARCH = "control", "search"


@dataclass(frozen=True)
class ProbeResult:
    """One probe: what was seen, why its trace is not whole (None if it is), the verdicts.

    `search_seconds` is from the request until search found its trace, None where it has not.
    """

    evidence: Evidence
    diagnosis: Diagnosis | None
    checks: tuple[Check, ...]
    search_seconds: float | None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not any(check.verdict == "failed" for check in self.checks)


@dataclass(frozen=True)
class SmokeResult:
    """A run: its probes, the checks of the stores themselves, its duration, and the probes that had no address."""

    run: str
    places: Places
    probes: tuple[ProbeResult, ...]
    store_checks: tuple[Check, ...]
    seconds: float
    left_out: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks."""
        return (*(check for probe in self.probes for check in probe.checks), *self.store_checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.verdict == "failed")


def control_check(trace_id: str, trace: Trace | None, lines: Sequence[StoredLine], failure: str) -> Check:
    """Return the verdict on an id that nobody has sent."""
    if failure:
        return Check("stores", CONTROL, "failed", failure, "is it the address of the store's HTTP API?")
    if trace is not None and trace.spans:
        found = f"{len(trace.spans)} spans of {trace_id}, which nobody has sent"
        return Check("stores", CONTROL, "failed", found, "what this store answers proves nothing: is it one?")
    if lines:
        found = f"{len(lines)} lines of {trace_id}, which nobody has sent"
        return Check("stores", CONTROL, "failed", found, "does the store of logs take filters?")
    return Check("stores", CONTROL, "ok", "nothing of an id that nobody has sent")


def search_check(search: RunSearch, count: int, *, required: float | None) -> Check:
    """Return the verdict on search, which fails only where it was asked for."""
    found = sorted(search.found.values())
    figures = {"found": len(found), "seconds": max(found, default=None)}
    if len(found) >= count:
        return Check("stores", SEARCH, "ok", f"all {count} found, the last after {found[-1]:.2f} s", figures=figures)
    text = f"{len(found)} of {count} found"
    if required is not None:
        hint = "a store finds traces later than it gives them by id: see its settings, or wait longer"
        why = f": {search.failure}" if search.failure else f" within {required:g} s"
        return Check("stores", SEARCH, "failed", f"{text}{why}", hint, figures)
    if search.failure:
        return Check("stores", SEARCH, "warning", f"{text}: {search.failure}", figures=figures)
    return Check("stores", SEARCH, "ok", f"{text} yet: it may take half a minute (--search SECONDS)", figures=figures)
