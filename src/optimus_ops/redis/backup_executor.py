"""Executor of a backup."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from optimus_ops.change.executor import Handler
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Step
from optimus_ops.redis.aof import complete_bytes, parse_parts
from optimus_ops.redis.container_files import HELPER_SECONDS, SCRATCH, copy_out, run_inside, run_isolated, tar_writer
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.data_files import DataFiles
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.executor import RedisExecutor
from optimus_ops.redis.manifest import Manifest, StoredFile, sha256_of, write_manifest
from optimus_ops.redis.steps import CheckBackup, CopyDataFiles, FinalizeBackup, Snapshot
from optimus_ops.redis.values import keys_of
from optimus_ops.system.wait import wait_until
from optimus_ops.text.console import Progress
from optimus_ops.text.units import size

SNAPSHOT_SECONDS = 600.0
REWRITE = "auto-aof-rewrite-percentage"
CHECK = """
cd "$1"; tar -xof -
redis-check-rdb "$2"
[ -z "${3:-}" ] || redis-check-aof "$3"
"""


@dataclass
class BackupExecutor(RedisExecutor[StackDeployment]):
    """Carries the steps of a backup out; until the folder is complete, it has another name."""

    container: RedisContainer
    files: DataFiles
    folder: Path
    _stored: list[StoredFile] = field(default_factory=list, init=False)

    seconds = 2 * SNAPSHOT_SECONDS + HELPER_SECONDS
    """Besides copying, which ends when nothing comes any more."""

    @property
    def partial(self) -> Path:
        """Where files are collected."""
        return self.folder.with_name(f".{self.folder.name}.partial")

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {
            **super().handlers,
            Snapshot: self._snapshot,
            CopyDataFiles: self._copy,
            CheckBackup: self._check,
            FinalizeBackup: self._finalize,
        }

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Put settings back, and remove what was copied."""
        if self.partial.exists():
            self.on_undo(f"removed {self.partial}", lambda: shutil.rmtree(self.partial))
        return super().undo(progress)

    def _snapshot(self, _step: Snapshot, progress: Progress) -> None:
        path = f"{self.files.folder}/{self.files.snapshot}"
        test = '[ -e "$1" ] && echo yes || echo no'
        exists = run_inside(self.deployment.engine, self.container, "sh", "-c", test, "sh", path).strip() == "yes"
        if self.files.append_only and not exists:
            # The server would read it one day if its append-only file were switched off.
            self.on_undo(
                "removed the snapshot", lambda: run_inside(self.deployment.engine, self.container, "rm", "-f", path)
            )
        with self.deployment.server(self.container.node) as client:
            began = int(client.time()[0])
            _begin_snapshot(client)
            if not wait_until(lambda: _has_snapshot(client.info("persistence"), began), SNAPSHOT_SECONDS):
                raise OpsError(f"there is no snapshot after {SNAPSHOT_SECONDS:.0f} s")
        progress.note = f"of {self.container.node.name}"

    def _copy(self, _step: CopyDataFiles, progress: Progress) -> None:
        self.partial.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What a killed run left has no sums and is worth nothing.
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(mode=0o700)
        with self.deployment.server(self.container.node) as client:
            keyspace = client.info("keyspace")
            self.facts |= {
                "folder": str(self.folder),
                "keys": keys_of(keyspace),
                "expiring": keys_of(keyspace, "expires"),
            }
            self.facts["redis_version"] = str(client.info("server")["redis_version"])
            self._file(self.files.snapshot, progress)
            if self.files.parted:
                self._hold_rewrites(client)
                self._append_only_file(progress)
        self.undo_stack.unwind()
        progress.note = f"{len(self._stored)} files, {size(sum(stored.bytes for stored in self._stored))}"

    def _hold_rewrites(self, client: Any) -> None:
        """Keep the server from rewriting the append-only file, which replaces and removes parts of it."""
        for override in self.overrides:
            self.on_undo(override.text, functools.partial(override.put_back, self.deployment.server))
            override.apply(client)
        if not wait_until(lambda: not _rewriting(client.info("persistence")), SNAPSHOT_SECONDS):
            raise OpsError(f"the append-only file is still being rewritten after {SNAPSHOT_SECONDS:.0f} s")

    def _append_only_file(self, progress: Progress) -> None:
        (self.partial / self.files.aof_folder).mkdir(mode=0o700)
        self._file(self.files.aof_manifest, progress)
        parts = parse_parts((self.partial / self.files.aof_manifest).read_text("utf-8"))
        for part in parts:
            self._file(f"{self.files.aof_folder}/{part.name}", progress)
        if parts and not parts[-1].base:
            # The server goes on appending: the command that it was writing is incomplete.
            self._cut(self._stored.pop().path)

    def _file(self, path: str, progress: Progress) -> None:
        count, digest = copy_out(
            self.deployment.engine,
            self.container,
            f"{self.files.folder}/{path}",
            self.partial / path,
            note=lambda count: progress.show(f"{path} {size(count)}"),
        )
        self._stored.append(StoredFile(path, count, digest))

    def _cut(self, path: str) -> None:
        local = self.partial / path
        with local.open("r+b") as stream:
            complete = complete_bytes(stream)
            stream.truncate(complete)
            stream.flush()
            os.fsync(stream.fileno())
        self._stored.append(StoredFile(path, complete, sha256_of(local)))

    def _manifest(self) -> Manifest:
        paths = {stored.path for stored in self._stored}
        return Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            project=self.deployment.project,
            server=self.container.node.name,
            **{name: self.facts[name] for name in ("redis_version", "keys", "expiring")},
            snapshot=self.files.snapshot,
            aof=self.files.aof_manifest if self.files.aof_manifest in paths else "",
            files=tuple(self._stored),
        )

    def _check(self, _step: CheckBackup, _progress: Progress) -> None:
        manifest = self._manifest()
        words = [manifest.snapshot, *([manifest.aof] if manifest.aof else [])]
        files = {stored.path: self.partial / stored.path for stored in manifest.files}
        run_isolated(self.deployment.engine, self.container, CHECK, SCRATCH, *words, feed=tar_writer(files))

    def _finalize(self, _step: FinalizeBackup, progress: Progress) -> None:
        manifest = self._manifest()
        write_manifest(self.partial, manifest)
        if self.folder.exists():
            raise OpsError(f"{self.folder} already exists", "name a new folder: --to FOLDER")
        self.partial.rename(self.folder)
        _sync_folder(self.folder.parent)
        self.facts |= {"bytes": manifest.bytes, "files": len(manifest.files)}
        progress.note = f"{manifest.keys} keys, {size(manifest.bytes)}"


def _begin_snapshot(client: Any) -> None:
    try:
        client.execute_command("BGSAVE", "SCHEDULE")
    except ResponseError:
        # One is under way already: the next one is ours.
        wait_until(lambda: not client.info("persistence").get("rdb_bgsave_in_progress"), SNAPSHOT_SECONDS)
        client.execute_command("BGSAVE", "SCHEDULE")


def _has_snapshot(info: dict[str, Any], began: int) -> bool:
    if info.get("rdb_bgsave_in_progress") or info.get("rdb_bgsave_scheduled"):
        return False
    if info.get("rdb_last_bgsave_status") != "ok":
        raise OpsError("the server could not write its snapshot", "memory to fork, room on its disk? its log says more")
    return int(info.get("rdb_last_save_time", 0)) >= began


def _rewriting(info: dict[str, Any]) -> bool:
    return bool(info.get("aof_rewrite_in_progress") or info.get("aof_rewrite_scheduled"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
