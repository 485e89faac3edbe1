"""Where Redis is looked at: a stack of Compose, one URL, or what sentinels name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from optimus_ops.errors import OpsError, Refused
from optimus_ops.redis.client import Credentials, open_client, open_sentinel, open_url
from optimus_ops.redis.containers import address_book_of, find_redis
from optimus_ops.redis.deadline_gather import ask_together
from optimus_ops.redis.identity import distinct, identify, mentioned, monitored_masters, resolve
from optimus_ops.redis.model import Address, Node, Sentinel, Server, Topology
from optimus_ops.redis.observe_sentinel import observe_sentinel
from optimus_ops.redis.observe_server import PROBE_SECONDS, observe_server, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from optimus_ops.engine.observe import Docker
    from optimus_ops.redis.address_book import AddressBook
    from optimus_ops.redis.containers import RedisContainer
    from optimus_ops.redis.model import MonitoredMaster, Purpose
    from optimus_ops.redis.redis_url import RedisUrl

LOOK_SECONDS = 20.0
"""For all servers, or all sentinels, together."""


def silent(_text: str) -> None:
    """Take a note of progress and show it to nobody."""


class Deployment(Protocol):
    """Somewhere Redis is."""

    def observe(self, *, rewrite: bool = False, note: Callable[[str], None] = silent) -> Topology:
        """Look at every server and sentinel.

        Args:
            rewrite: whether rewriting configuration files is tried.
            note: told how far it is.
        """

    def server(self, node: Node) -> Any:
        """Return a client of a server."""

    def sentinel(self, node: Node) -> Any:
        """Return a client of a sentinel."""


@dataclass(frozen=True)
class UrlDeployment:
    """One server.

    Args:
        url: where it is.
        login: what goes before the login in the URL.
        purpose: what it is for.
    """

    url: RedisUrl
    login: Credentials
    purpose: Purpose

    def observe(self, *, rewrite: bool = False, note: Callable[[str], None] = silent) -> Topology:
        """Look at it."""
        address = Address(self.url.path, 0) if self.url.path else Address(self.url.host, self.url.port)
        node = Node(str(address), address, self.purpose)
        return Topology(str(address), _servers([node], self.server, rewrite=rewrite, note=note))

    def server(self, _node: Node) -> Any:
        """Return a client of it."""
        return open_url(self.url, self.login)

    def sentinel(self, node: Node) -> Any:
        """Refuse: there is none."""
        raise Refused(f"{node.name} is no sentinel")


@dataclass(frozen=True)
class SentinelDeployment:
    """A group of servers, found through sentinels.

    Args:
        addresses: of some sentinels; the others are those that they know.
        master: the name by which they know the master; "" stands for the only one that they watch.
        login: for servers.
        sentinel_login: for sentinels; None for the same.
        own_login: whether that is theirs alone; else one that wants none is asked without.
    """

    addresses: tuple[Address, ...]
    master: str
    login: Credentials
    sentinel_login: Credentials | None = None
    own_login: bool = False

    def observe(self, *, rewrite: bool = False, note: Callable[[str], None] = silent) -> Topology:
        """Look at the sentinels and at the servers that they name.

        Raises:
            Refused: none of them knows a master of that name, or it isn't clear which one is meant.
        """
        ask = partial(_sentinels, connect=self.sentinel, master=self.master, rewrite=rewrite, note=note)
        named = ask(_nodes(self.addresses, "unknown"))
        listed = self.master or next((name for one in named for name in one.names), "")
        sentinels = distinct((*named, *ask(_nodes(_others(named), "unknown", listed))))
        name = master_name(sentinels, self.master)
        masters = {watch.master.address for watch in monitored_masters(sentinels)}
        replicas = {peer.address for watch in monitored_masters(sentinels) for peer in watch.replicas} - masters
        nodes = sorted([*_nodes(masters, "state"), *_nodes(replicas, "state", name)], key=lambda node: node.address)
        servers = distinct(_servers(nodes, self.server, rewrite=rewrite, note=note))
        return Topology(name or "sentinels", servers, sentinels, name, _known(servers, sentinels))

    def server(self, node: Node) -> Any:
        """Return a client of a server."""
        return open_client(node.address, self.login)

    def sentinel(self, node: Node) -> Any:
        """Return a client of a sentinel."""
        opened = open_client if self.own_login else open_sentinel
        return opened(node.address, self.sentinel_login or self.login)


@dataclass(frozen=True)
class StackDeployment:
    """The servers and sentinels of a stack.

    Args:
        docker: its engine.
        project: its name.
        login: gives the login for a container.
        master: the name by which sentinels know the master; what they themselves say if it is "".
    """

    docker: Docker
    project: str
    login: Callable[[RedisContainer], Credentials]
    master: str = ""

    def containers(self) -> tuple[RedisContainer, ...]:
        """Return the containers of Redis, running or not.

        Raises:
            OpsError: none of them runs.
        """
        found = find_redis(self.docker, self.project)
        if not any(one.status == "running" for one in found):
            raise OpsError(
                f"no Redis runs in {self.project}",
                "start the stack: invoke up; or name a server: --url redis://HOST:6379",
            )
        return found

    def observe(self, *, rewrite: bool = False, note: Callable[[str], None] = silent) -> Topology:
        """Look at them.

        Raises:
            OpsError: nothing runs.
            Refused: no sentinel knows a master of that name.
        """
        containers = self.containers()
        by_node = {one.node: one for one in containers}
        watching = [node for node, one in by_node.items() if one.role == "sentinel"]
        serving = [node for node, one in by_node.items() if one.role != "sentinel"]
        name = self.master or next((one.master for one in containers if one.role == "sentinel" and one.master), "")

        def connect(node: Node) -> Any:
            return self._client(by_node[node])

        sentinels = _sentinels(watching, connect, name, rewrite=rewrite, note=note)
        servers = _servers(serving, connect, rewrite=rewrite, note=note)
        known = _known(servers, sentinels, address_book_of(containers).names)
        return Topology(self.project, servers, sentinels, master_name(sentinels, name), known)

    def server(self, node: Node) -> Any:
        """Return a client of the server or sentinel in a container, which need not run."""
        return self._client(next(one for one in find_redis(self.docker, self.project) if one.node.name == node.name))

    def sentinel(self, node: Node) -> Any:
        """Return a client of the sentinel in a container."""
        return self.server(node)

    def _client(self, container: RedisContainer) -> Any:
        return open_client(container.node.address, self.login(container))


def _nodes(addresses: Iterable[Address], purpose: Purpose, listed: str = "") -> list[Node]:
    return [Node(str(address), address, purpose, listed=listed) for address in sorted(addresses)]


def _others(named: Sequence[Sentinel]) -> set[Address]:
    """Return the sentinels that the named ones know and that are none of them, whatever name they were given."""
    seen = {one.identity for one in named if one.identity}
    known = {peer.address for watch in monitored_masters(named) for peer in watch.sentinels if peer.run_id not in seen}
    return known - {one.node.address for one in named}


def _data(watch: MonitoredMaster) -> list[Address]:
    return [watch.master.address, *(peer.address for peer in watch.replicas)]


def _known(
    servers: Sequence[Server], sentinels: Sequence[Sentinel], names: Mapping[str, str] | None = None
) -> AddressBook:
    """Return which addresses mean the same, as far as that can be found out."""
    given = names or {}
    hosts = {address.host for address in mentioned(servers, sentinels)} - set(given)
    return identify(servers, sentinels, given, resolve(hosts))


def master_name(sentinels: Sequence[Sentinel], given: str) -> str:
    """Return the name of the master in question.

    Raises:
        Refused: sentinels answer, and none of them knows the name that was given, or they watch several and none was.
    """
    answering = [one for one in sentinels if not one.unreachable_reason]
    names = sorted({name for one in answering for name in one.names})
    known = f"they watch: {', '.join(names) or 'nothing'}"
    # One that may not be asked for its list may still have answered about the master itself.
    if given and answering and given not in names and not any(one.monitored is not None for one in answering):
        raise Refused(f"no sentinel knows a master {given!r}", known)
    if not given and len(names) > 1:
        raise Refused("the sentinels watch several masters", f"name one with --master; {known}")
    return given or next(iter(names), "")


def _servers(
    nodes: Sequence[Node], connect: Callable[[Node], Any], *, rewrite: bool, note: Callable[[str], None]
) -> tuple[Server, ...]:
    asked = ask_together(
        {node: partial(observe_server, node, partial(connect, node), rewrite=rewrite) for node in nodes},
        seconds=LOOK_SECONDS,
        late=lambda node: Server(node, unreachable_reason=f"no answer within {LOOK_SECONDS:.0f} s"),
        note=lambda text: note(f"servers {text}"),
    )
    return tuple(_probed(server, connect, note) for server in asked.values())


def _probed(server: Server, connect: Callable[[Node], Any], note: Callable[[str], None]) -> Server:
    if server.unreachable_reason:
        return server
    note(f"round trips to {server.node.name}")
    found = ask_together(
        {server.node: partial(probe, partial(connect, server.node))},
        seconds=2 * PROBE_SECONDS,
        late=lambda _node: None,
    )
    return replace(server, probe=found[server.node])


def _sentinels(
    nodes: Sequence[Node],
    connect: Callable[[Node], Any],
    master: str,
    *,
    rewrite: bool,
    note: Callable[[str], None],
) -> tuple[Sentinel, ...]:
    asked = ask_together(
        {node: partial(observe_sentinel, node, partial(connect, node), master, rewrite=rewrite) for node in nodes},
        seconds=LOOK_SECONDS,
        late=lambda node: Sentinel(node, unreachable_reason=f"no answer within {LOOK_SECONDS:.0f} s"),
        note=lambda text: note(f"sentinels {text}"),
    )
    return tuple(asked.values())
