"""Executor of a restore, which puts the old data back where it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from optimus_ops.change.executor import Handler
from optimus_ops.errors import OpsError
from optimus_ops.plan.step import Step
from optimus_ops.redis.aof import manifest_of_snapshot
from optimus_ops.redis.client import reason
from optimus_ops.redis.container_files import HELPER_SECONDS, run_beside, tar_writer
from optimus_ops.redis.containers import RedisContainer
from optimus_ops.redis.data_files import DataFiles
from optimus_ops.redis.discovery import StackDeployment
from optimus_ops.redis.executor import RedisExecutor
from optimus_ops.redis.manifest import Manifest
from optimus_ops.redis.observe_replication import replication_of_info
from optimus_ops.redis.restore_scripts import ACTIVATE, BRING_BACK, FORGET, MOVE_ASIDE, STAGE, UNSTAGE
from optimus_ops.redis.steps import ActivateBackup, MoveDataAside, StageBackup, StartRedis, StopRedis, VerifyRestore
from optimus_ops.redis.values import keys_of
from optimus_ops.system.wait import wait_until
from optimus_ops.text.console import Progress
from optimus_ops.text.units import size

RESTORE_FACTS = "restore"
"""Of what a journal keeps of what was there before a change."""
POLL_SECONDS = 0.2
STOP_SECONDS = 30.0
"""A server writes the last second of its append-only file when it stops."""
START_SECONDS = 180.0
"""Reading some gigabytes, or copying them to a replica."""


@dataclass
class RestoreExecutor(RedisExecutor[StackDeployment]):
    """Carries the steps of a restore out."""

    group: tuple[RedisContainer, ...]  # what stops: sentinels, replicas, and the master last
    files: DataFiles
    folder: Path
    manifest: Manifest
    aside: str  # name of the folder that keeps what is replaced
    resumed: bool = field(default=False, kw_only=True)  # a restore that was killed began with it
    _displaced: set[str] = field(default_factory=set, init=False)

    seconds = HELPER_SECONDS + 2 * START_SECONDS
    """To bring the backup to the server, and two starts."""

    def begin(self) -> Mapping[str, Any]:
        """Note what a restore after a kill has to go on with."""
        return {**super().begin(), RESTORE_FACTS: {"aside": self.aside, "group": [it.node.name for it in self.group]}}

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return step type -> what carries such a step out."""
        return {
            **super().handlers,
            StageBackup: self._stage,
            StopRedis: self._stop,
            MoveDataAside: self._move_aside,
            ActivateBackup: self._activate,
            StartRedis: self._start_named,
            VerifyRestore: self._verify,
        }

    @property
    def _master(self) -> RedisContainer:
        return self.group[-1]

    @property
    def _servers(self) -> list[RedisContainer]:
        return [container for container in self.group if container.role != "sentinel"]

    @property
    def _names(self) -> list[str]:
        """The names of everything that is data, in a server's folder."""
        return [name for name in (self.files.aof_folder, self.files.snapshot, self.files.aof_name) if name]

    def _beside(self, container: RedisContainer, script: str, *words: str) -> str:
        return run_beside(self.deployment.engine, container, script, self.files.folder, *words)

    def _stage(self, step: StageBackup, progress: Progress) -> None:
        staged = self._staged_files(step.source)
        checker, checked = (
            ("redis-check-aof", self.files.aof_manifest)
            if step.source == "aof"
            else ("redis-check-rdb", self._snapshot_path)
        )
        needed = str(self.manifest.bytes // 1024 + 1024)
        self.on_undo("the copy of the backup is removed", lambda: self._beside(self._master, UNSTAGE))
        words = (self.files.folder, needed, checker, checked, *staged)
        sums = run_beside(self.deployment.engine, self._master, STAGE, *words, feed=tar_writer(staged))
        self._compare(sums, staged)
        progress.note = f"{len(staged)} files, {size(self.manifest.bytes)}"
        self.facts |= {"folder": str(self.folder), "source": step.source}

    @property
    def _snapshot_path(self) -> str:
        """Where a server reads a snapshot: as the base of its append-only file, if it keeps one."""
        if not self.files.append_only:
            return self.files.snapshot
        if not self.files.parted:
            # A snapshot is an append-only file in which nothing was appended yet.
            return self.files.aof_name
        return f"{self.files.aof_folder}/{self.files.aof_name}.1.base.rdb"

    def _staged_files(self, source: str) -> Mapping[str, Path | bytes]:
        """Return path in the server's folder -> what goes there."""
        if source == "aof":
            # The parts' names stand in the manifest, whose own name is the server's.
            paths = [stored.path for stored in self.manifest.files if stored.path != self.manifest.snapshot]
            return {
                self.files.aof_manifest if path == self.manifest.aof else f"{self.files.aof_folder}/{_base(path)}": (
                    self.folder / path
                )
                for path in paths
            }
        files: dict[str, Path | bytes] = {self._snapshot_path: self.folder / self.manifest.snapshot}
        if self.files.parted:
            # With an append-only file switched on, Redis looks at no snapshot beside it, and would start empty.
            files[self.files.aof_manifest] = manifest_of_snapshot(_base(self._snapshot_path)).encode()
        return files

    def _compare(self, output: str, staged: Mapping[str, Path | bytes]) -> None:
        """Compare the checksums that arrived with those of the backup."""
        sums = {path.lstrip("*"): digest for digest, path in (line.split(maxsplit=1) for line in output.splitlines())}
        known = {str(self.folder / stored.path): stored.sha256 for stored in self.manifest.files}
        for path, content in staged.items():
            if not isinstance(content, bytes) and sums.get(path) != known[str(content)]:
                raise OpsError(f"{path} did not arrive as it was sent", "look at the disk of the engine's host")

    def _stop(self, _step: StopRedis, progress: Progress) -> None:
        up = {"running", "restarting"}
        running = [container for container in self.group if self.resumed or container.status in up]
        first = [container for container in running if container.role == "sentinel" or container is self._master]
        for batch in ([container for container in running if container not in first], first):
            if batch:
                names = ", ".join(container.node.name for container in batch)
                self.on_undo(f"started {names} again", partial(self._start_again, batch, progress))
        for container in self.group:
            progress.show(container.node.name)
            self.deployment.engine.stop(container.id, seconds=STOP_SECONDS)

    def _start_again(self, batch: Sequence[RedisContainer], progress: Progress) -> None:
        # A master without its data would empty its replicas.
        if self._displaced:
            raise OpsError(f"the old data of {', '.join(sorted(self._displaced))} is not back in its place")
        self._start(batch, progress)

    def _move_aside(self, step: MoveDataAside, _progress: Progress) -> None:
        for container in self._servers:
            self.on_undo(
                f"the old data of {container.node.name} is back", partial(self._bring_back, container, step.aside)
            )
        for container in self._servers:
            self._displaced.add(container.node.name)
            self._beside(container, MOVE_ASIDE, step.aside, *self._names)

    def _bring_back(self, container: RedisContainer, aside: str) -> None:
        for stopped in self.group:
            self.deployment.engine.stop(stopped.id, seconds=STOP_SECONDS)
        self._beside(container, BRING_BACK, aside, *self._names)
        self._displaced.discard(container.node.name)

    def _activate(self, _step: ActivateBackup, _progress: Progress) -> None:
        self._beside(self._master, ACTIVATE, *self._names)

    def _start_named(self, step: StartRedis, progress: Progress) -> None:
        self._start([container for container in self.group if container.node.name in step.names], progress)

    def _start(self, containers: Sequence[RedisContainer], progress: Progress) -> None:
        waiting: list[RedisContainer] = []
        refused: list[OpsError] = []
        for container in containers:
            try:
                self.deployment.engine.start(container.id)
            except OpsError as error:
                refused.append(error)
            else:
                waiting.append(container)
        lacking: list[str] = []

        def is_up() -> bool:
            found = [(container, text) for container in waiting if (text := self._lacks(container))]
            waiting[:] = [container for container, _text in found]
            lacking[:] = [f"{container.node.name} {text}" for container, text in found]
            progress.show("; ".join(lacking))
            return not waiting

        if not wait_until(is_up, START_SECONDS, poll=POLL_SECONDS):
            lines = "\n".join(f"    {line}" for line in self.deployment.engine.logs(waiting[0].id, tail=15))
            late = f"after {START_SECONDS:.0f} s {'; '.join(lacking)}"
            raise OpsError(f"{late}; the last lines of {waiting[0].name}:\n{lines}")
        if refused:
            raise refused[0]

    def _lacks(self, container: RedisContainer) -> str:
        """Return what a server or sentinel lacks to be of use; "" if nothing."""
        try:
            with self.deployment.server(container.node) as client:
                if container.role == "sentinel":
                    client.ping()
                    return ""
                info = client.info()
        except RedisError as error:
            return f"does not answer: {reason(error)}"
        if info.get("loading"):
            return "is reading its data"
        return "has no link to its master yet" if replication_of_info(info).link_up is False else ""

    def _verify(self, step: VerifyRestore, progress: Progress) -> None:
        with self.deployment.server(self._master.node) as client:
            there = keys_of(client.info("keyspace"))
        # Clients are back already and may have deleted some; an empty server is another matter.
        if step.keys and not there:
            raise OpsError(f"{self._master.node.name} is empty, the backup had {step.keys} keys that don't expire")
        for container in self._servers:
            self._beside(container, FORGET, step.aside)
        replaced = f"{self.files.folder}/{step.aside}"
        self.facts |= {"server": self._master.node.name, "keys": there, "replaced": replaced}
        progress.note = f"{there} keys; what was there before is in {replaced}"


def _base(path: str) -> str:
    return path.rpartition("/")[2]
