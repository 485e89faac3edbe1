"""Carrying a backup out."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import OpsError
from optimus_ops.redis.aof import complete_bytes, parse_parts
from optimus_ops.redis.client import reason
from optimus_ops.redis.helper_container import HELPER_SECONDS, SCRATCH, copy_out, inside, tar_of, with_scratch
from optimus_ops.redis.manifest import Manifest, StoredFile, sha256_of, write_manifest
from optimus_ops.redis.steps import CheckBackup, CopyDataFiles, FinalizeBackup, Snapshot
from optimus_ops.text.units import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimus_ops.plan.step import Plan, Step
    from optimus_ops.redis.containers import RedisContainer
    from optimus_ops.redis.data_files import DataFiles
    from optimus_ops.redis.discovery import StackDeployment
    from optimus_ops.text.console import Progress

POLL_SECONDS = 0.1
SNAPSHOT_SECONDS = 600.0
LONGEST_SECONDS = 2 * SNAPSHOT_SECONDS + HELPER_SECONDS
"""Besides what copying takes, which ends when nothing comes any more."""
REWRITE = "auto-aof-rewrite-percentage"
CHECK = """
cd "$1"; tar -xof -
redis-check-rdb "$2"
[ -z "${3:-}" ] || redis-check-aof "$3"
"""


@dataclass
class BackupExecutor(StepExecutor):
    """Carries the steps of a backup out.

    Args:
        place: the stack.
        container: the server's.
        files: the names of its files.
        folder: the new folder; until it is complete, it has another name.
    """

    place: StackDeployment
    container: RedisContainer
    files: DataFiles
    folder: Path
    _undo: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    _stored: list[StoredFile] = field(default_factory=list)
    _facts: dict[str, Any] = field(default_factory=dict)

    @property
    def partial(self) -> Path:
        """Return where files are collected."""
        return self.folder.with_name(f".{self.folder.name}.partial")

    def longest(self, plan: Plan) -> float:  # noqa: ARG002 - whatever the steps are
        """Return how many seconds a plan may take at most."""
        return LONGEST_SECONDS

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out; raise `OpsError` if it fails."""
        try:
            self._act(step, progress)
        except RedisError as error:
            raise OpsError(f"{step.text}: {reason(error)}") from error
        except OSError as error:
            raise OpsError(
                f"{step.text}: {error.strerror or error}", f"look at {error.filename or self.folder}"
            ) from error

    def _act(self, step: Step, progress: Progress) -> None:
        match step:
            case Snapshot():
                self._snapshot(progress)
            case CopyDataFiles():
                self._copy(progress)
            case CheckBackup():
                check_backup(self.container, self.partial, self._manifest())
            case FinalizeBackup():
                self._seal(progress)
            case _:
                raise OpsError(f"no way to carry out a step of kind {step.kind!r}")

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Remove what was copied, and put settings back."""
        done = self._put_back()
        if self.partial.exists():
            shutil.rmtree(self.partial)
            done.append(f"removed {self.partial}")
        progress.note = ", ".join(done) or "there was nothing to undo"
        return tuple(done)

    def outcome(self) -> dict[str, Any]:
        """Return what came of it, for the JSON document."""
        return {"folder": str(self.folder), **self._facts}

    def _put_back(self) -> list[str]:
        done = []
        while self._undo:
            text, carry_out = self._undo.pop()
            carry_out()
            done.append(text)
        return done

    def _snapshot(self, progress: Progress) -> None:
        path = f"{self.files.folder}/{self.files.snapshot}"
        there = inside(self.container, "sh", "-c", '[ -e "$1" ] && echo yes || echo no', "sh", path).strip() == "yes"
        if self.files.append_only and not there:
            # The server would read it one day if its append-only file were switched off.
            self._undo.append(("removed the snapshot", lambda: inside(self.container, "rm", "-f", path)))
        until = time.monotonic() + SNAPSHOT_SECONDS
        with self.place.server(self.container.node) as client:
            began = int(client.time()[0])
            _begin_snapshot(client)
            while not _has_snapshot(client.info("persistence"), began):
                if time.monotonic() >= until:
                    raise OpsError(f"there is no snapshot after {SNAPSHOT_SECONDS:.0f} s")
                time.sleep(POLL_SECONDS)
        progress.note = f"of {self.container.node.name}"

    def _copy(self, progress: Progress) -> None:
        self.partial.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What a killed run left is worth nothing: it has no sums.
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(mode=0o700)
        with self.place.server(self.container.node) as client:
            self._facts["keys"], self._facts["expiring"] = _keys(client.info("keyspace"))
            self._facts["redis_version"] = str(client.info("server")["redis_version"])
            self._file(self.files.snapshot, progress)
            if self.files.append_only and self.files.aof_folder:
                self._hold_rewrites(client)
                self._append_only_file(progress)
        self._put_back()
        progress.note = f"{len(self._stored)} files, {size(sum(one.bytes for one in self._stored))}"

    def _hold_rewrites(self, client: Any) -> None:
        """Keep the server from rewriting the append-only file, which replaces and removes parts of it."""
        before = client.config_get(REWRITE)[REWRITE]
        client.config_set(REWRITE, 0)

        def put_back() -> None:
            with self.place.server(self.container.node) as again:
                again.config_set(REWRITE, before)

        self._undo.append((f"{REWRITE} is {before} again", put_back))
        until = time.monotonic() + SNAPSHOT_SECONDS
        while _rewriting(client.info("persistence")):
            if time.monotonic() >= until:
                raise OpsError(f"the append-only file is still being rewritten after {SNAPSHOT_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _append_only_file(self, progress: Progress) -> None:
        (self.partial / self.files.aof_folder).mkdir(mode=0o700)
        self._file(self.files.aof_manifest, progress)
        parts = parse_parts((self.partial / self.files.aof_manifest).read_text("utf-8"))
        for part in parts:
            self._file(f"{self.files.aof_folder}/{part.name}", progress)
        if parts and not parts[-1].base:
            # The server goes on appending: what it was writing just now is cut in the middle.
            self._cut(self._stored.pop().path)

    def _file(self, path: str, progress: Progress) -> None:
        def note(count: int) -> None:
            progress.show(f"{path} {size(count)}")

        there = f"{self.files.folder}/{path}"
        count, digest = copy_out(self.container, there, self.partial / path, note=note)
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
        paths = {one.path for one in self._stored}
        return Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            project=self.place.project,
            server=self.container.node.name,
            redis_version=self._facts["redis_version"],
            keys=self._facts["keys"],
            expiring=self._facts["expiring"],
            snapshot=self.files.snapshot,
            aof=self.files.aof_manifest if self.files.aof_manifest in paths else "",
            files=tuple(self._stored),
        )

    def _seal(self, progress: Progress) -> None:
        manifest = self._manifest()
        write_manifest(self.partial, manifest)
        if self.folder.exists():
            raise OpsError(f"{self.folder} is there by now", "name a new folder: --to FOLDER")
        self.partial.rename(self.folder)
        _sync_folder(self.folder.parent)
        self._facts |= {"bytes": manifest.bytes, "files": len(manifest.files)}
        progress.note = f"{manifest.keys} keys, {size(manifest.bytes)}"


def check_backup(container: RedisContainer, folder: Path, manifest: Manifest) -> None:
    """Check a backup's files with the checkers of a server's image.

    Raises:
        CommandFailed: one is damaged, or newer than the image understands.
    """
    words = [manifest.snapshot, *([manifest.aof] if manifest.aof else [])]
    with_scratch(
        container, CHECK, SCRATCH, *words, pour=tar_of({one.path: folder / one.path for one in manifest.files})
    )


def _begin_snapshot(client: Any) -> None:
    try:
        client.execute_command("BGSAVE", "SCHEDULE")
    except ResponseError:
        # One is under way already: the next one is ours.
        while client.info("persistence").get("rdb_bgsave_in_progress"):
            time.sleep(POLL_SECONDS)
        client.execute_command("BGSAVE", "SCHEDULE")


def _has_snapshot(info: dict[str, Any], began: int) -> bool:
    if info.get("rdb_bgsave_in_progress") or info.get("rdb_bgsave_scheduled"):
        return False
    if info.get("rdb_last_bgsave_status") != "ok":
        raise OpsError("the server could not write its snapshot", "memory to fork, room on its disk? its log says more")
    return int(info.get("rdb_last_save_time", 0)) >= began


def _rewriting(info: dict[str, Any]) -> bool:
    return bool(info.get("aof_rewrite_in_progress") or info.get("aof_rewrite_scheduled"))


def _keys(info: dict[str, Any]) -> tuple[int, int]:
    databases = [value for name, value in info.items() if name.startswith("db") and isinstance(value, dict)]
    return sum(int(one["keys"]) for one in databases), sum(int(one.get("expires", 0)) for one in databases)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
