"""A run of the smoke test on a platform in this process, and what it found."""

from __future__ import annotations

from typing import Any

from tests.fakes.clock import FakeClock
from tests.unit.traces.fake_platform import PROBES, FakePlatform, running

from optimus_ops.traces.smoke.execute import SmokeTest
from optimus_ops.traces.smoke.probe import ProbeSet
from optimus_ops.traces.smoke.result import SmokeResult


def smoke(platform: FakePlatform, probes: ProbeSet = PROBES, search: float | None = None, **flags: Any) -> SmokeResult:
    """Run the test on a platform; waiting takes no time."""
    with running(platform):
        return SmokeTest(platform.places(**flags), probes, 3.0, search, clock=FakeClock()).run()


def failed(result: SmokeResult) -> set[tuple[str, str]]:
    return {(check.subject, check.name) for check in result.failed}


def told(result: SmokeResult, probe: str = "order") -> str:
    """Return hop and cause of a probe that is not whole."""
    [found] = [each.diagnosis for each in result.probes if each.evidence.probe.name == probe]
    return f"{found.hop}: {found.cause.value}" if found else ""


def found(result: SmokeResult, name: str, subject: str = "order") -> str:
    [check] = [check for check in result.checks if (check.subject, check.name) == (subject, name)]
    return check.found
