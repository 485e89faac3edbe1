"""The steps of changes to Redis: a planned fail-over, a backup, a restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optimus_ops.plan.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReplicaPriority(Step):
    """Make sentinels choose this replica: the lowest replica-priority above 0, until the fail-over is done.

    Args:
        server: the replica.
        master: the name by which sentinels know its master.
    """

    kind: ClassVar[str] = "redis-prefer"
    server: str
    master: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"make sentinels choose {self.server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatedFailover(Step):
    """Have a sentinel promote a replica, hold writes while it does, and turn the old master into its replica at once.

    Args:
        server: the master of now.
        master: the name by which sentinels know it.
    """

    kind: ClassVar[str] = "redis-hand-over"
    server: str
    master: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"fail over from {self.server} (SENTINEL FAILOVER {self.master})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyFailover(Step):
    """Prove that all sentinels name the same new master, that all servers follow it, and that it takes a write.

    Args:
        server: the master that was.
        wanted: the one that it should be now; "" for any other.
        master: the name by which sentinels know it.
    """

    kind: ClassVar[str] = "redis-verify-failover"
    server: str
    wanted: str
    master: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"verify that {self.wanted or 'a replica'} is the master, {self.server} follows it, and writes are taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetReplicaPriority(Step):
    """Give the replica that sentinels were made to choose its usual replica-priority again."""

    kind: ClassVar[str] = "redis-forget-preference"
    server: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"put the priority of {self.server} back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Step):
    """Have a server write a snapshot beside its data (BGSAVE)."""

    kind: ClassVar[str] = "redis-snapshot"
    server: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"write a snapshot of {self.server} (BGSAVE)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDataFiles(Step):
    """Copy the snapshot and the append-only file of a server, which is not rewritten meanwhile.

    Args:
        server: which.
        folder: where to; it appears under this name only when it is complete.
    """

    kind: ClassVar[str] = "redis-copy-out"
    server: str
    folder: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"copy the files of {self.server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBackup(Step):
    """Check the files with Redis' own checkers, from the server's image.

    Args:
        server: whose image.
        folder: the backup.
    """

    kind: ClassVar[str] = "redis-check-backup"
    server: str
    folder: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return "check the files (redis-check-rdb, redis-check-aof)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeBackup(Step):
    """Write the sums of all files, and give the backup its name."""

    kind: ClassVar[str] = "redis-seal-backup"
    folder: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"write the sums: {self.folder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBackup(Step):
    """Copy a backup's files beside a server's data, and check them there with Redis' own checkers.

    Args:
        server: whose volume they go to.
        folder: the backup.
        source: "aof", or "snapshot" for the older state in it.
    """

    kind: ClassVar[str] = "redis-stage-backup"
    server: str
    folder: str
    source: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        what = "append-only file" if self.source == "aof" else "snapshot"
        return f"copy the {what} beside the data of {self.server}, and check it"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRedis(Step):
    """Stop servers and sentinels, one after the other."""

    kind: ClassVar[str] = "redis-stop"
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"stop {', '.join(self.names)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDataAside(Step):
    """Move the data of stopped servers into a folder beside it, on the same volume.

    Args:
        servers: whose.
        aside: name of that folder.
    """

    kind: ClassVar[str] = "redis-set-aside"
    servers: tuple[str, ...]
    aside: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"set the data of {', '.join(self.servers)} aside (as {self.aside})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateBackup(Step):
    """Move the staged files to where the stopped server reads its data."""

    kind: ClassVar[str] = "redis-put-in-place"
    server: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"put the backup in the place of the data of {self.server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRedis(Step):
    """Start servers and sentinels together, and wait until they answer; a replica, until it has the data."""

    kind: ClassVar[str] = "redis-start"
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"start {', '.join(self.names)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRestore(Step):
    """Prove that a server has data, and forget what earlier restores had set aside.

    Args:
        server: which.
        keys: keys in the backup that don't expire.
        aside: the folder that stays.
    """

    kind: ClassVar[str] = "redis-verify-restore"
    server: str
    keys: int
    aside: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"verify the data of {self.server}"
