from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.clock import FakeClock
from tests.unit.stacks import replica

from optimus_ops.engine.store_probes import Unreachable
from optimus_ops.engine.values import Limits, Sample
from optimus_ops.errors import OpsError
from optimus_ops.status.replica_facts import SAMPLE_SECONDS, ReplicaFacts, observe_replica
from optimus_ops.status.usage import Usage
from optimus_ops.system.process import Completed

if TYPE_CHECKING:
    from optimus_ops.engine.port import Engine

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Container:
    """What the engine answers about one container; nothing but errors where it has no clock."""

    clock: FakeClock | None
    output: str = ""
    commands: list[tuple[str, ...]] = field(default_factory=list)

    def limits(self, _: str) -> Limits:
        self._check()
        return Limits(cpus=2.0)

    def sample(self, _: str) -> Sample:
        clock = self._check()
        return Sample(START + timedelta(seconds=clock.monotonic()), 0.5 * clock.monotonic(), 1024)

    def exec(self, _: str, command: Any, *, seconds: float) -> Completed:
        assert seconds > 0
        self._check()
        self.commands.append(tuple(command))
        return Completed((), 0, self.output, "")

    def _check(self) -> FakeClock:
        if self.clock is None:
            raise OpsError("no answer")
        return self.clock


def observed(container: Container, **changes: Any) -> ReplicaFacts:
    clock = container.clock or FakeClock()
    return observe_replica(cast("Engine", container), replica("ai", **changes), clock)


def test_cpu_use_is_averaged_over_the_time_between_two_samples() -> None:
    clock = FakeClock()
    usage = observed(Container(clock)).usage
    assert (round(usage.cpus or 0, 3), usage.memory, usage.limits) == (0.5, 1024, Limits(cpus=2.0))
    assert clock.monotonic() >= SAMPLE_SECONDS


def test_of_a_replica_that_does_not_run_only_limits_are_known() -> None:
    container = Container(FakeClock(), output="x")
    labels = {"com.optimus.report": "report"}
    found = observed(container, status="exited", exit_code=1, image="redis:8", labels=labels)
    assert found == ReplicaFacts(Usage(limits=Limits(cpus=2.0)))
    assert container.commands == []


def test_what_does_not_answer_is_unknown() -> None:
    assert observed(Container(None)) == ReplicaFacts()
    assert observed(Container(None), image="redis:8").store == Unreachable("no answer within 2.5 s")


def test_a_store_and_a_report_are_asked_in_the_container() -> None:
    container = Container(FakeClock(), output="key 1: closed\n")
    found = observed(container, image="postgres:17", labels={"com.optimus.report": "report --all"})
    assert found.report == ("key 1: closed",)
    assert found.store == Unreachable("key 1: closed")
    assert container.commands[-1] == ("report", "--all")
