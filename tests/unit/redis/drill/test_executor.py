"""Carrying a drill out: results, complaints, and a group that is left healthy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.unit.redis.drill.records import PLAIN, WAITING, recording, steady
from tests.unit.redis.samples import group as healthy_group

from optimus_ops.change.undo_stack import UndoFailed
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.drill.executor import DrillExecutor
from optimus_ops.redis.drill.fault_injector import FaultInjector
from optimus_ops.redis.drill.faults import CONTROL, KILL, Fault
from optimus_ops.redis.drill.record import Recording
from optimus_ops.redis.drill.runner import FaultRunner
from optimus_ops.redis.drill.steps import plan_drill
from optimus_ops.redis.model import Topology
from optimus_ops.text.console import Progress


@dataclass
class Group:
    max_lag: float | None = 2.0


class Deployment:
    @staticmethod
    def observe() -> Topology:
        return healthy_group()


@dataclass
class Runner:
    """Makes runs out of a recording, or fails."""

    recordings: list[Recording | Exception]
    group: Group = field(default_factory=Group)
    deployment: Deployment = field(default_factory=Deployment)
    injector: FaultInjector = field(default_factory=lambda: FaultInjector(cast("Engine", object()), "shop"))

    def run(self, _fault: Fault, _number: int, note: Callable[[str], None]) -> Recording:
        note("writing")
        made = self.recordings.pop(0)
        if isinstance(made, Exception):
            raise made
        return made


def executor(*recordings: Recording | Exception, fault: Fault = KILL) -> DrillExecutor:
    runner = Runner(list(recordings))
    return DrillExecutor(cast("StackDeployment", runner.deployment), cast("FaultRunner", runner), (fault,))


def loaded(*lost: str, fault: Fault = KILL) -> Recording:
    writes = [
        made
        for kind in (PLAIN, WAITING)
        for made in [*steady(98.0, 99.9, kind=kind), *steady(101.9, 106.0, kind=kind, node="two")]
    ]
    return recording(writes, lost=lost, fault=fault)


def test_each_run_has_a_result_and_an_unmet_expectation_is_a_complaint() -> None:
    drill, progress = executor(loaded(), loaded("wait-99.5")), Progress("kill")

    drill.carry_out(plan_drill("shop", (KILL,), 2).steps[0], progress)

    assert [result.good for result in drill.results] == [True, False]
    assert progress.complaints == ["kill run 2: no acknowledged WAIT write lost was expected, found: 1"]
    assert progress.note == "outage of the last run 2.00 s"


def test_a_control_is_run_as_often_as_suffices() -> None:
    drill = executor(*[loaded("plain-99.5", fault=CONTROL)] * 9, fault=CONTROL)

    drill.carry_out(plan_drill("shop", (CONTROL,), 9).steps[0], Progress("control"))

    assert len(drill.results) == CONTROL.enough_runs


def test_a_server_that_does_not_answer_fails_the_step_with_the_name_of_the_fault() -> None:
    drill = executor(RedisConnectionError("refused"))

    with pytest.raises(OpsError, match="kill run 1: "):
        drill.carry_out(plan_drill("shop", (KILL,), 1).steps[0], Progress("kill"))


def test_an_undo_cleans_up_and_reports_that_the_group_is_healthy() -> None:
    drill = executor()
    drill.runner.injector.cleanups.push("started one", lambda: None)

    assert drill.undo(Progress("undo")) == ("started one", "the group is healthy")
    assert not drill.undo_stack


def test_a_cleanup_that_fails_is_reported_by_the_undo() -> None:
    def fail() -> None:
        raise OpsError("the engine refused")

    drill = executor()
    drill.runner.injector.cleanups.push("started one", fail)

    with pytest.raises(UndoFailed, match="started one: failed: the engine refused"):
        drill.undo(Progress("undo"))
