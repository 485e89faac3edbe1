"""Settings that a change overrides for a while.

Their usual values stand in its journal. So the change after one that was killed, or could not be undone, does not take
the temporary values for the usual ones, and puts these back first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from optimus_ops.change.history import Outcome, read_history
from optimus_ops.plan.cause import Cause
from optimus_ops.redis.client import FAILURES
from optimus_ops.redis.model import Server, Topology
from optimus_ops.redis.nodes import NotPermitted
from optimus_ops.redis.steps import RestoreSetting

Connect = Callable[[Any], Any]

LEFT_HALF_WAY = frozenset({Outcome.UNFINISHED, Outcome.HALF_UNDONE})
PERSISTED = frozenset({"replica-priority"})
"""With a promotion, the sentinel has the replica rewrite its configuration file."""
KEY = "settings"
"""Of what a journal keeps of what was there before a change."""


@dataclass(frozen=True, slots=True)
class Override:
    """A setting of a server that a change overrides."""

    server: Server
    name: str
    usual: str
    temporary: str

    @property
    def text(self) -> str:
        """What will have been done when it is put back."""
        return f"{self.name} of {self.server.node.name} is {self.usual} again"

    @property
    def step(self) -> RestoreSetting:
        """The step that puts it back after a change that did not."""
        cause = Cause(f"a change that was cut short left it at {self.temporary}")
        return RestoreSetting(server=self.server.node.name, name=self.name, value=self.usual, cause=cause)

    def apply(self, client: Any) -> None:
        """Give it the temporary value."""
        client.config_set(self.name, self.temporary)

    def put_back(self, connect: Connect) -> None:
        """Give it the usual value, in the configuration file too where the temporary one may have got there."""
        with connect(self.server.node) as client:
            client.config_set(self.name, self.usual)
            if self.name in PERSISTED:
                # Without a file, or without permission, the file is as it was before.
                with contextlib.suppress(ResponseError):
                    client.config_rewrite()


def journalled(overrides: Iterable[Override]) -> dict[str, Any]:
    """Return what a journal keeps of overrides."""
    return {
        KEY: [
            {"server": it.server.node.name, "name": it.name, "usual": it.usual, "temporary": it.temporary}
            for it in overrides
        ]
    }


def left_overridden(journal: Path, topology: Topology, connect: Connect) -> tuple[Override, ...]:
    """Return the settings that still have the temporary value of a change that was cut short.

    Of each setting the latest change that overrode it counts.
    """
    latest: dict[tuple[str, str], Mapping[str, str] | None] = {}
    for change in read_history(journal, topology.title).changes:
        for raw in change.before.get(KEY) or ():
            left = raw if change.outcome in LEFT_HALF_WAY else None
            latest.setdefault((raw["server"], raw["name"]), left)
    servers = {server.node.name: server for server in topology.servers if not server.unreachable_reason}
    found = (
        Override(servers[raw["server"]], raw["name"], raw["usual"], raw["temporary"])
        for raw in latest.values()
        if raw and raw["server"] in servers
    )
    return tuple(it for it in found if it.usual != it.temporary and current_value(it, connect) == it.temporary)


def current_value(override: Override, connect: Connect) -> str | None:
    """Return the value that a setting has now; None where the server does not tell."""
    try:
        with connect(override.server.node) as client:
            return str(client.config_get(override.name).get(override.name))
    except FAILURES:
        return None


def override(server: Server, name: str, observed: str, temporary: str, left: Iterable[Override]) -> Override:
    """Return the override of a setting, whose observed value is the usual one unless a change left it overridden."""
    usual = next((it.usual for it in left if (it.server.node, it.name) == (server.node, name)), observed)
    return Override(server, name, usual, temporary)


def as_usual(topology: Topology, left: Iterable[Override]) -> Topology:
    """Return the topology as it is when its settings are put back."""
    usual: dict[str, dict[str, str]] = {}
    for it in left:
        usual.setdefault(it.server.node.name, {})[it.name] = it.usual

    def config(server: Server) -> Mapping[str, str] | NotPermitted:
        known = server.config
        return known if isinstance(known, NotPermitted) else {**known, **usual.get(server.node.name, {})}

    return replace(topology, servers=tuple(replace(server, config=config(server)) for server in topology.servers))
