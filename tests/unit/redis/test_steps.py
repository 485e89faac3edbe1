"""The steps of changes to Redis as JSON: journals and `--json` readers depend on keys, kinds and texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Step
from optimus_ops.redis import steps
from optimus_ops.redis.drill.steps import AwaitHealth, HealNode, InjectFault
from optimus_ops.redis.steps import (
    ActivateBackup,
    CheckBackup,
    CoordinatedFailover,
    CopyDataFiles,
    FinalizeBackup,
    MoveDataAside,
    ResetReplicaPriority,
    RestoreSetting,
    SetReplicaPriority,
    Snapshot,
    StageBackup,
    StartRedis,
    StopRedis,
    VerifyFailover,
    VerifyRestore,
)

FOLDER = "backups/redis/2026-01-01"

EXAMPLES: tuple[Step, ...] = (
    SetReplicaPriority(server="redis-2", master="mymaster", cause=Cause("chosen")),
    CoordinatedFailover(server="redis-1", master="mymaster", cause=Cause("asked for")),
    VerifyFailover(server="redis-1", wanted="redis-2", master="mymaster", cause=Cause("proof")),
    VerifyFailover(server="redis-1", wanted="", master="mymaster", cause=Cause("proof")),
    ResetReplicaPriority(server="redis-2", cause=Cause("as usual")),
    Snapshot(server="redis-1", cause=Cause("both")),
    CopyDataFiles(server="redis-1", folder=FOLDER, cause=Cause("to there")),
    CheckBackup(server="redis-1", folder=FOLDER, cause=Cause("readable")),
    FinalizeBackup(folder=FOLDER, cause=Cause("sums")),
    StageBackup(server="redis-1", folder=FOLDER, source="aof", cause=Cause("restored")),
    StageBackup(server="redis-1", folder=FOLDER, source="snapshot", cause=Cause("restored")),
    StopRedis(names=("redis-1", "sentinel-1"), cause=Cause("replaced")),
    MoveDataAside(servers=("redis-1", "redis-2"), aside="before-1", cause=Cause("comes back")),
    ActivateBackup(server="redis-1", cause=Cause("from now on")),
    StartRedis(names=("redis-1", "sentinel-1"), cause=Cause("first")),
    VerifyRestore(server="redis-1", keys=7, aside="before-1", cause=Cause("7 keys")),
    InjectFault(fault="kill-master", runs=1, seconds=12.5, cause=Cause("one")),
    InjectFault(fault="kill-master", runs=3, seconds=37.5, cause=Cause("three")),
    RestoreSetting(server="redis-2", name="replica-priority", value="100", cause=Cause("cut short")),
    HealNode(server="redis-1", damage="paused", cause=Cause("killed")),
    AwaitHealth(cause=Cause("healthy")),
)
SNAPSHOT = Path(__file__).with_name("steps.jsonl").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("step", "expected"), list(zip(EXAMPLES, SNAPSHOT, strict=True)), ids=lambda value: str(value)[:40]
)
def test_a_step_as_json_is_what_it_always_was(step: Step, expected: str) -> None:
    assert json.dumps(step.as_json(), ensure_ascii=False) == expected


def test_every_step_has_an_example() -> None:
    exported = {
        found for found in vars(steps).values() if isinstance(found, type) and issubclass(found, Step) and found.kind
    }
    assert exported | {InjectFault} <= {*(type(example) for example in EXAMPLES)}
