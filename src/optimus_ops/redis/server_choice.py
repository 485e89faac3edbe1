"""Which server of a stack is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimus_ops.redis.containers import RedisContainer
    from optimus_ops.redis.model import Topology


def choose_container(containers: Sequence[RedisContainer], topology: Topology, name: str) -> RedisContainer:
    """Return the server that is named, else the one master.

    Args:
        containers: the stack's.
        topology: what was observed of them.
        name: of a service or container; "" stands for the master.

    Raises:
        Refused: there is no such server, or it isn't clear which one is meant.
    """
    if name:
        return named_container(containers, name)
    servers = _servers(containers)
    masters = {one.node.name for one in topology.members if one.role == "master"}
    found = [one for one in servers if one.node.name in masters]
    if len(found) != 1:
        raise Refused(f"there are {len(found)} masters; name the server: --server NAME", _known(servers))
    return found[0]


def named_container(containers: Sequence[RedisContainer], name: str) -> RedisContainer:
    """Return the server of that name, whether it runs or not.

    Args:
        containers: the stack's.
        name: of a service or container.

    Raises:
        Refused: there is no such server.
    """
    servers = _servers(containers)
    found = [one for one in servers if name in {one.service, one.name}]
    if not found:
        raise Refused(f"no Redis server is named {name!r}", _known(servers))
    return found[0]


def _servers(containers: Sequence[RedisContainer]) -> list[RedisContainer]:
    return [one for one in containers if one.role != "sentinel"]


def _known(servers: Sequence[RedisContainer]) -> str:
    return f"servers: {', '.join(one.node.name for one in servers)}"
