"""A restore after one that was killed: goes on with the data that was moved aside, and loses none of it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.redis.test_backup_plans import MANIFEST, container
from tests.unit.redis.test_undo import Fake, deployment, undo

from optimus_ops.change.history import History, read_history
from optimus_ops.change.journal import Journal
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.data_files import DataFiles
from optimus_ops.redis.restore import killed_restore
from optimus_ops.redis.restore_executor import RestoreExecutor
from optimus_ops.redis.restore_scripts import ACTIVATE, BRING_BACK, MOVE_ASIDE
from optimus_ops.redis.steps import StopRedis
from optimus_ops.text.console import Progress

NAMES = ("appendonlydir", "dump.rdb", "appendonly.aof")
GROUP = tuple(container(name) for name in ("redis-sentinel-1", "redis-2", "redis-1"))
STOPPED = tuple(replace(part, status="exited") for part in GROUP)


def executor(fake: Fake, group: tuple[RedisContainer, ...] = GROUP, *, resumed: bool = False) -> RestoreExecutor:
    return RestoreExecutor(
        deployment(fake), group, DataFiles(), Path("/backup"), MANIFEST, "replaced-1", resumed=resumed
    )


def history(folder: Path, *purposes: str, end: str = "") -> History:
    for purpose in purposes:
        before = executor(Fake()).begin() if purpose == "redis.restore" else {}
        journal = Journal.begin(folder, Plan("shop", purpose), before=before, command=())
        if end:
            journal.write(end)
        os.close(journal.descriptor)
    return read_history(folder, "shop")


def test_a_killed_restore_is_gone_on_with(tmp_path: Path) -> None:
    assert killed_restore(history(tmp_path, "redis.restore"), STOPPED) == ("replaced-1", STOPPED)


@pytest.mark.parametrize("end", ["done", "undo"])
def test_a_restore_that_ended_is_not(tmp_path: Path, end: str) -> None:
    assert killed_restore(history(tmp_path, "redis.restore", end=end), STOPPED) is None


def test_data_that_was_written_since_is_no_part_of_it(tmp_path: Path) -> None:
    assert killed_restore(history(tmp_path, "redis.restore"), GROUP) is None
    assert killed_restore(history(tmp_path, "up"), STOPPED) is None


def test_an_undo_starts_what_the_killed_one_had_stopped() -> None:
    fake = Fake()
    resumed = executor(fake, STOPPED, resumed=True)

    resumed.carry_out(StopRedis(names=(), cause=Cause("")), Progress("stop"))

    assert undo(resumed) == ("started redis-sentinel-1, redis-1 again", "started redis-2 again")


def run(script: str, folder: Path, *words: str) -> None:
    subprocess.run(["sh", "-ec", script, "sh", str(folder), *words], check=True, timeout=30)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the folder of a server whose old data is `old`, with a backup beside it."""
    folder = tmp_path / "data"
    for place, content in ((folder, "old"), (folder / "incoming", "backup")):
        (place / "appendonlydir").mkdir(parents=True)
        (place / "appendonlydir" / "part").write_text(content)
    (folder / "dump.rdb").write_text("old")
    return folder


def content(data: Path) -> str:
    return (data / "appendonlydir" / "part").read_text()


def test_what_was_moved_aside_in_part_is_moved_whole(data: Path) -> None:
    (data / "replaced-1").mkdir()
    (data / "dump.rdb").rename(data / "replaced-1" / "dump.rdb")

    run(MOVE_ASIDE, data, "replaced-1", *NAMES)

    assert sorted(path.name for path in (data / "replaced-1").iterdir()) == [".complete", "appendonlydir", "dump.rdb"]


def test_what_was_activated_in_part_is_replaced_and_the_old_data_comes_back(data: Path) -> None:
    run(MOVE_ASIDE, data, "replaced-1", *NAMES)
    (data / "appendonlydir").mkdir()
    (data / "appendonlydir" / "half").touch()

    run(MOVE_ASIDE, data, "replaced-1", *NAMES)
    run(ACTIVATE, data, *NAMES)

    assert content(data) == "backup"
    assert not (data / "appendonlydir" / "half").exists()
    assert not (data / "incoming").exists()
    run(BRING_BACK, data, "replaced-1", *NAMES)
    assert content(data) == "old"
    assert (data / "dump.rdb").read_text() == "old"
