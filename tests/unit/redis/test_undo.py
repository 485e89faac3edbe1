"""Undoing changes to Redis: what fails is reported, stays to be undone, and does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.unit.redis.samples import group
from tests.unit.redis.test_backup_plans import MANIFEST, container

from optimus_ops.errors import OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.redis.backup_executor import REWRITE, BackupExecutor
from optimus_ops.redis.data_files import DataFiles
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.failover_executor import PRIORITY, FailoverExecutor
from optimus_ops.redis.overridden_settings import Override
from optimus_ops.redis.restore_executor import RestoreExecutor
from optimus_ops.redis.restore_scripts import BRING_BACK, UNSTAGE
from optimus_ops.redis.steps import MoveDataAside, ResetReplicaPriority, StopRedis
from optimus_ops.system.process import Completed
from optimus_ops.text.console import Progress

WHY = Cause("")


@dataclass
class Fake:
    """An engine, a deployment and a client in one: keeps what was called, and fails where it is told to."""

    calls: list[str] = field(default_factory=list)
    fails: Callable[[str], bool] = lambda _call: False
    project: str = "shop"

    @property
    def engine(self) -> Fake:
        return self

    def note(self, call: str) -> None:
        if self.fails(call):
            raise RedisConnectionError("Connection refused") if call.startswith("set") else OpsError("disk is full")
        self.calls.append(call)

    def stop(self, name: str, **_options: float) -> bool:
        self.note(f"stop {name}")
        return True

    def start(self, name: str) -> None:
        self.note(f"start {name}")

    def run_helper(self, _image: str, script: tuple[str, ...], *, volumes_of: str, **_options: Any) -> Completed:
        names = {BRING_BACK: "bring back", UNSTAGE: "unstage"}
        self.note(f"{names.get(script[0], 'script')} {volumes_of}")
        return Completed((), 0, "", "")

    @contextmanager
    def server(self, _node: object) -> Any:
        yield self

    def ping(self) -> bool:
        return True

    def info(self) -> dict[str, str]:
        return {"role": "master"}

    def config_set(self, name: str, value: object) -> None:
        self.note(f"set {name} {value}")

    def config_rewrite(self) -> None:
        return


def deployment(fake: Fake) -> StackDeployment:
    return cast("StackDeployment", fake)


def undo(executor: FailoverExecutor | BackupExecutor | RestoreExecutor) -> tuple[str, ...]:
    return executor.undo(Progress("undo"))


def test_a_priority_that_could_not_be_put_back_is_put_back_by_the_undo() -> None:
    fake = Fake(fails=lambda _call: True)
    executor = FailoverExecutor(deployment(fake))
    setting = Override(group().servers[1], PRIORITY, "100", "1")
    executor.on_undo("the priority is 100 again", lambda: setting.put_back(fake.server))
    with pytest.raises(OpsError, match="Connection refused"):
        executor.carry_out(ResetReplicaPriority(server="redis-2", cause=WHY), Progress("put back"))
    fake.fails = lambda _call: False
    assert undo(executor) == ("the priority is 100 again",)
    assert fake.calls == ["set replica-priority 100"]
    assert undo(executor) == ()


def test_a_setting_that_can_not_be_put_back_does_not_keep_what_was_copied(tmp_path: Path) -> None:
    fake = Fake(fails=lambda _call: True)
    executor = BackupExecutor(deployment(fake), container("redis"), DataFiles(), tmp_path / "new")
    executor.partial.mkdir()
    executor.on_undo("rewrites go on", lambda: fake.config_set(REWRITE, "100"))
    with pytest.raises(OpsError, match="Connection refused"):
        undo(executor)
    assert not executor.partial.exists()
    fake.fails = lambda _call: False
    assert undo(executor) == ("rewrites go on",)


def stopped_group(fake: Fake) -> RestoreExecutor:
    """A restore of a group whose data is aside."""
    parts = tuple(container(name) for name in ("redis-sentinel-1", "redis-2", "redis-1"))
    executor = RestoreExecutor(deployment(fake), parts, DataFiles(), Path("/backup"), MANIFEST, "replaced-1")
    names = tuple(part.node.name for part in parts)
    executor.carry_out(StopRedis(names=names, cause=WHY), Progress("stop"))
    executor.carry_out(MoveDataAside(servers=names[1:], aside="replaced-1", cause=WHY), Progress("aside"))
    fake.calls.clear()
    return executor


def test_a_restore_brings_all_data_back_and_starts_the_master_before_its_replicas() -> None:
    fake = Fake()
    undone = undo(stopped_group(fake))
    assert undone == (
        "the old data of redis-1 is back",
        "the old data of redis-2 is back",
        "started redis-sentinel-1, redis-1 again",
        "started redis-2 again",
    )
    done = [call for call in fake.calls if not call.startswith("stop")]
    assert done[:2] == ["bring back id-redis-1", "bring back id-redis-2"]
    assert done[2:] == ["start id-redis-sentinel-1", "start id-redis-1", "start id-redis-2"]


def test_data_that_does_not_come_back_stops_no_other_but_nothing_starts_without_it() -> None:
    fake = Fake()
    executor = stopped_group(fake)
    fake.fails = lambda call: call == "bring back id-redis-1"
    with pytest.raises(OpsError, match="redis-1 is not back") as failed:
        undo(executor)
    assert "disk is full" in failed.value.message
    assert "bring back id-redis-2" in fake.calls
    assert not any(call.startswith("start ") for call in fake.calls)
    fake.fails = lambda _call: False
    assert "the old data of redis-1 is back" in undo(executor)
    assert "start id-redis-1" in fake.calls
