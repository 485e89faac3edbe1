"""The steps of changes to Redis: a planned fail-over, a backup, a restore."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optimus_ops.plan.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferReplica(Step):
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
class HandOver(Step):
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
class ForgetPreference(Step):
    """Give the replica that sentinels were made to choose its usual replica-priority again."""

    kind: ClassVar[str] = "redis-forget-preference"
    server: str

    @property
    def text(self) -> str:
        """Return what is done, in a few words."""
        return f"put the priority of {self.server} back"
