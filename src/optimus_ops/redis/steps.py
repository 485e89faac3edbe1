"""Steps of changes to Redis: a coordinated failover, a backup, a restore."""

from __future__ import annotations

from dataclasses import dataclass

from optimus_ops.plan.step import Step, step


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStep(Step):
    """A step on one server."""

    server: str


@step("redis-put-setting-back", "put {name} of {server} back to {value}")
class RestoreSetting(ServerStep):
    """Give a server's setting the value that it had before a change which was cut short."""

    name: str
    value: str


@step("redis-prefer", "make sentinels choose {server}")
class SetReplicaPriority(ServerStep):
    """Give a replica the lowest replica-priority above 0, until the failover is done."""

    master: str  # the name by which sentinels know its master


@step("redis-hand-over", "fail over from {server} (SENTINEL FAILOVER {master})")
class CoordinatedFailover(ServerStep):
    """Have a sentinel promote a replica, hold writes meanwhile, and demote the old master at once."""

    master: str


@step("redis-verify-failover", "verify that {expected} is the master, {server} follows it, and writes are taken")
class VerifyFailover(ServerStep):
    """Prove that all sentinels name the same new master, that all servers follow it, and that it takes a write."""

    wanted: str  # the new one; "" for any other
    master: str

    @property
    def expected(self) -> str:
        """The new master."""
        return self.wanted or "a replica"


@step("redis-forget-preference", "put the priority of {server} back")
class ResetReplicaPriority(ServerStep):
    """Give the replica that sentinels were made to choose its replica-priority of before."""


@step("redis-snapshot", "write a snapshot of {server} (BGSAVE)")
class Snapshot(ServerStep):
    """Have a server write a snapshot beside its data."""


@step("redis-copy-out", "copy the files of {server}")
class CopyDataFiles(ServerStep):
    """Copy the snapshot and the append-only file of a server, which is not rewritten meanwhile."""

    folder: str  # has this name only when it is complete


@step("redis-check-backup", "check the files (redis-check-rdb, redis-check-aof)")
class CheckBackup(ServerStep):
    """Check the files with Redis' own checkers, from the server's image."""

    folder: str


@step("redis-seal-backup", "write the sums: {folder}")
class FinalizeBackup(Step):
    """Write the checksums of all files, and give the backup its name."""

    folder: str


@step("redis-stage-backup", "copy the {what} beside the data of {server}, and check it")
class StageBackup(ServerStep):
    """Copy a backup's files beside a server's data, and check them there with Redis' own checkers."""

    folder: str
    source: str  # "aof", or "snapshot" for the older state in it

    @property
    def what(self) -> str:
        """What is copied."""
        return "append-only file" if self.source == "aof" else "snapshot"


@step("redis-stop", "stop {names}")
class StopRedis(Step):
    """Stop servers and sentinels, one after the other."""

    names: tuple[str, ...]


@step("redis-set-aside", "set the data of {servers} aside (as {aside})")
class MoveDataAside(Step):
    """Move the data of stopped servers into a folder beside it, on the same volume."""

    servers: tuple[str, ...]
    aside: str


@step("redis-put-in-place", "put the backup in the place of the data of {server}")
class ActivateBackup(ServerStep):
    """Move the staged files to where the stopped server reads its data."""


@step("redis-start", "start {names}")
class StartRedis(Step):
    """Start servers and sentinels together, and wait until they answer; replicas, until they have the data."""

    names: tuple[str, ...]


@step("redis-verify-restore", "verify the data of {server}")
class VerifyRestore(ServerStep):
    """Prove that a server has data, and delete what earlier restores moved aside."""

    keys: int  # in the backup that don't expire
    aside: str  # the folder that stays
