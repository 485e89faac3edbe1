"""Copying an append-only file in parts while the server goes on appending to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.redis.samples import group
from tests.unit.redis.test_backup_plans import container
from tests.unit.redis.test_undo import WHY, Fake, deployment

from optimus_ops.errors import OpsError
from optimus_ops.redis.backup_executor import REWRITE, BackupExecutor
from optimus_ops.redis.data_files import DataFiles
from optimus_ops.redis.manifest import check_files, read_manifest
from optimus_ops.redis.overridden_settings import Override
from optimus_ops.redis.steps import CopyDataFiles, FinalizeBackup
from optimus_ops.text.console import Progress

COMPLETE = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
PARTS = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"


@dataclass
class Appending(Fake):
    """A server that appends to its file all the while."""

    files: dict[str, bytes] = field(default_factory=dict)
    rewriting: int = 0  # how often a rewrite is still under way when that is asked

    def exec_to(
        self, _container: str, command: Sequence[str], write: Callable[[bytes], object], **_options: float
    ) -> int:
        name = command[-1].rpartition("/")[2]
        self.note(f"read {name}")
        write(self.files[name])
        return 0

    def info(self, section: str = "") -> dict[str, Any]:
        if section == "persistence":
            self.rewriting -= 1
            self.note(f"rewriting {self.rewriting >= 0}")
            return {"aof_rewrite_in_progress": int(self.rewriting >= 0)}
        return {"server": {"redis_version": "8.0.2"}}.get(section, {"db0": {"keys": 3, "expires": 1}})

    def config_get(self, name: str) -> dict[str, str]:
        return {name: "100"}


def copying(folder: Path, *, parts: str = PARTS, appended: bytes = b"*3\r\n$3\r\nSE", rewriting: int = 0) -> Appending:
    files = {"dump.rdb": b"snapshot", "appendonly.aof.manifest": parts.encode()}
    files |= {"appendonly.aof.1.base.rdb": b"base", "appendonly.aof.1.incr.aof": COMPLETE + appended}
    fake = Appending(files=files, rewriting=rewriting)
    executor = executor_of(fake, folder)
    executor.carry_out(CopyDataFiles(server="redis", folder=str(folder), cause=WHY), Progress("copy"))
    executor.carry_out(FinalizeBackup(folder=str(folder), cause=WHY), Progress("sums"))
    return fake


def executor_of(fake: Appending, folder: Path) -> BackupExecutor:
    held = Override(group().servers[0], REWRITE, "100", "0")
    return BackupExecutor(deployment(fake), container("redis"), DataFiles(), folder, overrides=(held,))


def test_a_command_that_was_half_written_is_no_part_of_the_backup(tmp_path: Path) -> None:
    copying(tmp_path / "backup")
    manifest = read_manifest(tmp_path / "backup")
    check_files(tmp_path / "backup", manifest)
    assert (tmp_path / "backup/appendonlydir/appendonly.aof.1.incr.aof").read_bytes() == COMPLETE
    assert (tmp_path / "backup/appendonlydir/appendonly.aof.1.base.rdb").read_bytes() == b"base"
    assert (manifest.keys, manifest.expiring, manifest.redis_version) == (3, 1, "8.0.2")
    assert manifest.aof == "appendonlydir/appendonly.aof.manifest"


def test_a_file_that_was_just_rewritten_has_a_base_alone_and_is_copied_whole(tmp_path: Path) -> None:
    copying(tmp_path / "backup", parts=PARTS.splitlines()[0] + "\n")
    assert (tmp_path / "backup/appendonlydir/appendonly.aof.1.base.rdb").read_bytes() == b"base"
    check_files(tmp_path / "backup", read_manifest(tmp_path / "backup"))


def test_parts_are_read_while_the_server_rewrites_none(tmp_path: Path) -> None:
    fake = copying(tmp_path / "backup", rewriting=2)
    reads = [number for number, call in enumerate(fake.calls) if call.startswith("read appendonly")]
    quiet, held, usual = (
        fake.calls.index(call) for call in ("rewriting False", f"set {REWRITE} 0", f"set {REWRITE} 100")
    )
    assert held < quiet < min(reads)
    assert max(reads) < usual


def test_a_rewrite_without_end_fails_the_backup_and_rewrites_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimus_ops.redis.backup_executor.SNAPSHOT_SECONDS", 0.0)
    fake = Appending(files={"dump.rdb": b"snapshot"}, rewriting=1_000_000)
    executor = executor_of(fake, tmp_path / "backup")
    with pytest.raises(OpsError, match="still being rewritten"):
        executor.carry_out(CopyDataFiles(server="redis", folder="", cause=WHY), Progress("copy"))
    executor.undo(Progress("undo"))
    assert fake.calls[-1] == f"set {REWRITE} 100"
    assert not list(tmp_path.iterdir())
