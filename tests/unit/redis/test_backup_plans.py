"""What a backup and a restore will do, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.redis.samples import group, master, replica, server, single
from tests.unit.redis.test_containers import inspected

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.plan.render import plan_text
from optimus_ops.redis.backup import default_folder, plan_backup, refuse_folder, refuse_full
from optimus_ops.redis.containers import RedisContainer, choose_container, parse_container
from optimus_ops.redis.data_files import DataFiles, refuse_without_volume
from optimus_ops.redis.manifest import Manifest
from optimus_ops.redis.model import Topology
from optimus_ops.redis.restore import aside_name, group_of, plan_restore
from optimus_ops.redis.steps import StartRedis, StopRedis

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
MANIFEST = Manifest("2026-01-30T00:00:00+00:00", "shop", "redis-1", "8.0.2", 5, 2, "dump.rdb", "aof/a.manifest", ())


def container(service: str, **labels: str) -> RedisContainer:
    return parse_container(inspected(service, labels=labels))


def test_the_plan_of_a_backup() -> None:
    folder = default_folder(Path("/state"), "shop", NOW)
    assert plan_text(plan_backup("shop", "redis", folder, DataFiles())) == (
        "shop: redis.backup\n"
        "   1. write a snapshot of redis (BGSAVE)\n"
        "      (a snapshot is one moment, the append-only file goes on to now)\n"
        "   2. copy the files of redis                       (to /state/backups/shop-redis-20260131T120000Z)\n"
        "   3. check the files (redis-check-rdb, redis-check-aof)  (a backup that can't be read is none)\n"
        "   4. write the sums: /state/backups/shop-redis-20260131T120000Z\n"
        "      (what changes later will be noticed)"
    )


def test_sentinels_stop_first_and_the_master_starts_before_its_replicas() -> None:
    parts = [container("redis-sentinel-1"), container("redis-2"), container("redis-3"), container("redis-1")]
    plan = plan_restore("shop", parts, MANIFEST, Path("/backup"), "aof", aside_name(NOW))
    [stop] = [step for step in plan.steps if isinstance(step, StopRedis)]
    starts = [step.names for step in plan.steps if isinstance(step, StartRedis)]
    assert stop.names == ("redis-sentinel-1", "redis-2", "redis-3", "redis-1")
    assert starts == [("redis-sentinel-1", "redis-1"), ("redis-2", "redis-3")]


def test_everything_is_checked_before_anything_stops() -> None:
    plan = plan_restore("shop", [container("redis")], MANIFEST, Path("/backup"), "snapshot", aside_name(NOW))
    assert [step.kind for step in plan.steps] == [
        "redis-stage-backup",
        "redis-stop",
        "redis-set-aside",
        "redis-put-in-place",
        "redis-start",
        "redis-verify-restore",
    ]


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for folder in (tmp_path, tmp_path / "file", tmp_path / "link", tmp_path / "file" / "below"):
        with pytest.raises(Refused):
            refuse_folder(folder)
    refuse_folder(tmp_path / "new" / "and" / "deep")


def test_a_disk_without_room_is_refused(tmp_path: Path) -> None:
    refuse_full(tmp_path / "new", server(info={"used_memory": 1}))
    with pytest.raises(MissingPrerequisite, match="needed"):
        refuse_full(tmp_path / "new", server(info={"used_memory": 2**60}))


def test_a_server_without_a_volume_is_refused() -> None:
    refuse_without_volume(container("redis"), DataFiles("/data"))
    refuse_without_volume(container("redis"), DataFiles("/data/below"))
    with pytest.raises(Refused, match="no volume"):
        refuse_without_volume(container("redis"), DataFiles("/database"))


def test_the_master_is_meant_where_no_server_is_named() -> None:
    there = [container("redis-1"), container("redis-2"), container("redis-3"), container("redis-sentinel-1")]
    assert choose_container(there, group(), "").service == "redis-1"
    assert choose_container(there, group(), "redis-2").service == "redis-2"
    assert choose_container(there, group(), "shop-redis-3-1").service == "redis-3"
    for name in ("redis-9", "redis-sentinel-1"):
        with pytest.raises(Refused):
            choose_container(there, group(), name)


@pytest.mark.parametrize("servers", [(), (master(), master("redis-2", ()), replica("redis-3"))])
def test_no_server_is_guessed_where_there_is_no_one_master(servers: tuple[Any, ...]) -> None:
    there = [container("redis-1"), container("redis-2")]
    with pytest.raises(Refused, match="masters"):
        choose_container(there, group(servers), "")
    with pytest.raises(Refused):
        choose_container(there, single(server(unreachable_reason="connection refused")), "")


def unasked() -> Topology:
    raise AssertionError("a server that may be down was asked")


@pytest.mark.parametrize("name", ["", "redis", "shop-redis-1"])
def test_a_server_that_does_not_start_can_be_restored(name: str) -> None:
    there = [container("redis", **{"com.optimus.redis": "state"}), container("redis-cache")]
    assert [one.service for one in group_of(there, name, unasked)] == ["redis"]


def test_a_restore_of_a_replica_alone_is_refused_with_what_it_does_by_itself() -> None:
    there = [container("redis-sentinel-1"), container("redis-1"), container("redis-2"), container("redis-3")]
    with pytest.raises(Refused, match="its master's") as refused:
        group_of(there, "redis-2", group)
    assert "docker restart shop-redis-2-1" in str(refused.value.hint)
    assert group_of(there, "redis-1", group)[-1].service == "redis-1"
