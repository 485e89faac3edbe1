"""Carrying a restore out, and putting the old data back where it fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import OpsError
from optimus_ops.redis.aof import manifest_of_snapshot
from optimus_ops.redis.client import reason
from optimus_ops.redis.helper_container import HELPER_SECONDS, beside, tar_of
from optimus_ops.redis.observe_replication import replication_of_info
from optimus_ops.redis.steps import ActivateBackup, MoveDataAside, StageBackup, StartRedis, StopRedis, VerifyRestore
from optimus_ops.text.units import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from optimus_ops.plan.step import Plan, Step
    from optimus_ops.redis.containers import RedisContainer
    from optimus_ops.redis.data_files import DataFiles
    from optimus_ops.redis.discovery import StackDeployment
    from optimus_ops.redis.manifest import Manifest
    from optimus_ops.text.console import Progress

POLL_SECONDS = 0.2
STOP_SECONDS = 30.0
"""A server writes the last second of its append-only file when it stops."""
START_SECONDS = 180.0
"""Reading some gigabytes, or copying them to a replica."""
LONGEST_SECONDS = HELPER_SECONDS + 2 * START_SECONDS
"""Bringing the backup to the server, and two starts; the rest is moments."""

STAGE = """
cd "$1"; rm -rf incoming
free=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "$free" -gt "$2" ] || { echo "its volume has $free KB free, $2 KB are needed" >&2; exit 1; }
mkdir -m 700 incoming; cd incoming; tar -xof -
[ "$(id -u)" != 0 ] || chown -R "$(stat -c %u:%g ..)" .
checker=$3; file=$4; shift 4
"$checker" "$file" >&2
sha256sum "$@"
"""
UNSTAGE = 'rm -rf "$1/incoming"'
SET_ASIDE = """
cd "$1"; mkdir -m 700 "$2"
[ "$(id -u)" != 0 ] || chown "$(stat -c %u:%g .)" "$2"
aside=$2; shift 2
for name in "$@"; do [ ! -e "$name" ] || mv "$name" "$aside/"; done
touch "$aside/.complete"
"""
PUT_IN_PLACE = 'cd "$1/incoming"; for name in *; do mv "$name" ..; done; cd ..; rmdir incoming'
BRING_BACK = """
cd "$1"; [ -d "$2" ] || exit 0
aside=$2; shift 2
# Only when all was moved is what stands there now the backup's.
[ ! -e "$aside/.complete" ] || rm -rf "$@" "$aside/.complete"
for name in "$@"; do [ ! -e "$aside/$name" ] || mv "$aside/$name" .; done
rmdir "$aside"
"""
FORGET = 'cd "$1"; for name in replaced-*; do [ ! -d "$name" ] || [ "$name" = "$2" ] || rm -rf "$name"; done'


@dataclass
class RestoreExecutor(StepExecutor):
    """Carries the steps of a restore out.

    Args:
        place: the stack.
        group: what stops: sentinels, replicas, and the master last.
        files: the names of the servers' files.
        folder: the backup.
        manifest: what is in it.
    """

    place: StackDeployment
    group: tuple[RedisContainer, ...]
    files: DataFiles
    folder: Path
    manifest: Manifest
    _staged: bool = False
    _stopped: list[RedisContainer] = field(default_factory=list)
    _aside: str = ""
    _facts: dict[str, Any] = field(default_factory=dict)

    def longest(self, plan: Plan) -> float:  # noqa: ARG002 - whatever the steps are
        """Return how many seconds a plan may take at most."""
        return LONGEST_SECONDS

    def carry_out(self, step: Step, progress: Progress) -> None:
        """Carry one step out; raise `OpsError` if it fails."""
        match step:
            case StageBackup(source=source):
                self._stage(source, progress)
            case StopRedis():
                self._stop(progress)
            case MoveDataAside(aside=aside):
                self._set_aside(aside)
            case ActivateBackup():
                beside(self._master, PUT_IN_PLACE, self.files.folder)
                self._staged = False
            case StartRedis(names=names):
                self._start([one for one in self.group if one.node.name in names], progress)
            case VerifyRestore(keys=keys, aside=aside):
                self._verify(keys, aside, progress)
            case _:
                raise OpsError(f"no way to carry out a step of kind {step.kind!r}")

    def undo(self, progress: Progress) -> tuple[str, ...]:
        """Put the old data back in its place and start everything again."""
        done = []
        if self._aside:
            progress.show("stopping")
            for one in self.group:
                self.place.docker.stop(one.id, seconds=STOP_SECONDS)
            for one in self._servers:
                beside(one, BRING_BACK, self.files.folder, self._aside, *self._names)
                done.append(f"the old data of {one.node.name} is back")
        if self._staged:
            beside(self._master, UNSTAGE, self.files.folder)
            done.append("the copy of the backup is removed")
        first = [one for one in self._stopped if one.role == "sentinel" or one is self._master]
        for stage in (first, [one for one in self._stopped if one not in first]):
            if stage:
                self._start(stage, progress)
                done.extend(f"started {one.node.name} again" for one in stage)
        return tuple(done)

    def outcome(self) -> dict[str, Any]:
        """Return what came of it, for the JSON document."""
        return {"folder": str(self.folder), **self._facts}

    @property
    def _master(self) -> RedisContainer:
        return self.group[-1]

    @property
    def _servers(self) -> list[RedisContainer]:
        return [one for one in self.group if one.role != "sentinel"]

    @property
    def _names(self) -> list[str]:
        """Return the names of everything that is data, in a server's folder."""
        return [name for name in (self.files.aof_folder, self.files.snapshot, self.files.aof_name) if name]

    def _stage(self, source: str, progress: Progress) -> None:
        staged = self._staged_files(source)
        checker, checked = (
            ("redis-check-aof", self.files.aof_manifest)
            if source == "aof"
            else ("redis-check-rdb", self._snapshot_path)
        )
        needed = str(self.manifest.bytes // 1024 + 1024)
        self._staged = True
        said = beside(self._master, STAGE, self.files.folder, needed, checker, checked, *staged, pour=tar_of(staged))
        self._compare(said, staged)
        progress.note = f"{len(staged)} files, {size(self.manifest.bytes)}"
        self._facts["source"] = source

    @property
    def _snapshot_path(self) -> str:
        """Return where a server reads a snapshot: as the base of its append-only file, if it keeps one."""
        if not self.files.append_only:
            return self.files.snapshot
        return f"{self.files.aof_folder}/{self.files.aof_name}.1.base.rdb"

    def _staged_files(self, source: str) -> Mapping[str, Path | bytes]:
        """Return path in the server's folder -> what goes there."""
        if source == "aof":
            # The parts' names stand in the manifest, whose own name is the server's.
            there = {one.path: one.path for one in self.manifest.files if one.path != self.manifest.snapshot}
            there = {
                self.files.aof_manifest if path == self.manifest.aof else f"{self.files.aof_folder}/{_base(path)}": path
                for path in there
            }
            return {path: self.folder / stored for path, stored in there.items()}
        files: dict[str, Path | bytes] = {self._snapshot_path: self.folder / self.manifest.snapshot}
        if self.files.append_only:
            # With an append-only file switched on, Redis looks at no snapshot beside it, and would start empty.
            files[self.files.aof_manifest] = manifest_of_snapshot(_base(self._snapshot_path)).encode()
        return files

    def _compare(self, said: str, staged: Mapping[str, Path | bytes]) -> None:
        sums = {path.lstrip("*"): digest for digest, path in (line.split(maxsplit=1) for line in said.splitlines())}
        known = {str(self.folder / one.path): one.sha256 for one in self.manifest.files}
        for path, content in staged.items():
            if not isinstance(content, bytes) and sums.get(path) != known[str(content)]:
                raise OpsError(f"{path} did not arrive as it was sent", "look at the disk of the engine's host")

    def _stop(self, progress: Progress) -> None:
        for one in self.group:
            progress.show(one.node.name)
            if one.status in {"running", "restarting"}:
                self._stopped.append(one)
            self.place.docker.stop(one.id, seconds=STOP_SECONDS)

    def _set_aside(self, aside: str) -> None:
        self._aside = aside
        for one in self._servers:
            beside(one, SET_ASIDE, self.files.folder, aside, *self._names)

    def _start(self, containers: Iterable[RedisContainer], progress: Progress) -> None:
        waiting, refused = [], []
        for one in containers:
            try:
                self.place.docker.start(one.id)
            except OpsError as error:
                refused.append(error)
            else:
                waiting.append(one)
        until = time.monotonic() + START_SECONDS
        while waiting:
            lacking = [(one, text) for one in waiting if (text := self._lacks(one))]
            waiting = [one for one, _text in lacking]
            progress.show("; ".join(f"{one.node.name} {text}" for one, text in lacking))
            if waiting and time.monotonic() >= until:
                last = "\n".join(f"    {line}" for line in self.place.docker.logs(waiting[0].id, tail=15))
                raise OpsError(f"after {START_SECONDS:.0f} s {progress.note}; {waiting[0].name} said last:\n{last}")
            if waiting:
                time.sleep(POLL_SECONDS)
        if refused:
            raise refused[0]

    def _lacks(self, container: RedisContainer) -> str:
        """Return what a server or sentinel lacks to be of use; "" if nothing."""
        try:
            with self.place.server(container.node) as client:
                if container.role == "sentinel":
                    client.ping()
                    return ""
                info = client.info()
        except RedisError as error:
            return f"does not answer: {reason(error)}"
        if info.get("loading"):
            return "is reading its data"
        own = replication_of_info(info)
        return "has no link to its master yet" if own.link_up is False else ""

    def _verify(self, keys: int, aside: str, progress: Progress) -> None:
        with self.place.server(self._master.node) as client:
            databases = [value for value in client.info("keyspace").values() if isinstance(value, dict)]
        there = sum(int(one["keys"]) for one in databases)
        # Clients are back already and may have deleted some; an empty server is another matter.
        if keys and not there:
            raise OpsError(f"{self._master.node.name} is empty, the backup had {keys} keys that don't expire")
        for one in self._servers:
            beside(one, FORGET, self.files.folder, aside)
        self._facts |= {"server": self._master.node.name, "keys": there, "replaced": f"{self.files.folder}/{aside}"}
        progress.note = f"{there} keys; what was there before is in {self.files.folder}/{aside}"


def _base(path: str) -> str:
    return path.rpartition("/")[2]
