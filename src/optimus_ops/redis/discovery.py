"""Discovery of Redis deployments: a Compose stack, one URL, or the group that sentinels name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.project.settings import Project
from optimus_ops.redis.client import NO_CREDENTIALS, Credentials, open_client, open_sentinel, open_url
from optimus_ops.redis.containers import RedisContainer, address_book_of, find_redis
from optimus_ops.redis.credentials import stack_credentials
from optimus_ops.redis.deadline_gather import gather_within
from optimus_ops.redis.identity import distinct, identify, mentioned, resolve
from optimus_ops.redis.model import Observed, Server, Topology
from optimus_ops.redis.nodes import Address, AddressBook, Node, Purpose
from optimus_ops.redis.observe_sentinel import observe_sentinel
from optimus_ops.redis.observe_server import PROBE_SECONDS, observe_server, probe
from optimus_ops.redis.redis_url import RedisUrl
from optimus_ops.redis.sentinel import Sentinel, monitored_masters
from optimus_ops.redis.target import Target

Note = Callable[[str], None]


OBSERVE_SECONDS = 20.0
"""For all servers, or all sentinels, together."""


def ignore(_text: str) -> None:
    """Show progress to nobody."""


class Deployment(Protocol):
    """Servers and sentinels that can be observed, and clients of them."""

    def observe(self, *, rewrite: bool = False, note: Note = ignore) -> Topology:
        """Observe every server and sentinel; `rewrite` has them write their configuration files anew."""

    def server(self, node: Node) -> Any:
        """Return a client of a server."""

    def sentinel(self, node: Node) -> Any:
        """Return a client of a sentinel."""


def find_deployment(target: Target, project: Project) -> Deployment:
    """Return the deployment of a target; only a stack needs an engine."""
    if target.url is not None:
        return UrlDeployment(target.url, target.credentials or NO_CREDENTIALS, target.purpose)
    if target.sentinels:
        credentials = target.credentials or NO_CREDENTIALS
        watching = target.sentinel_credentials or credentials
        own = (watching.user, watching.password) != (credentials.user, credentials.password)
        return SentinelDeployment(target.sentinels, target.master, credentials, watching, own)
    return stack_deployment(project, target.credentials, target.master)


def stack_deployment(project: Project, given: Credentials | None = None, master: str = "") -> StackDeployment:
    """Return a stack's Redis, reached with given credentials or those of the operator.

    Raises:
        MissingPrerequisite: no engine answers.
        Refused: the operator's secrets are malformed.
    """
    credentials = stack_credentials(project) if given is None else (lambda _container: given)
    return StackDeployment(DockerEngine.connect(), project.name, credentials, master)


@dataclass(frozen=True)
class UrlDeployment:
    """One server; credentials take precedence over those in the URL."""

    url: RedisUrl
    credentials: Credentials
    purpose: Purpose

    def observe(self, *, rewrite: bool = False, note: Note = ignore) -> Topology:
        """Observe it."""
        address = Address(self.url.path, 0) if self.url.path else Address(self.url.host, self.url.port)
        node = Node(str(address), address, self.purpose)
        return Topology(str(address), _observe_servers([node], self.server, rewrite=rewrite, note=note))

    def server(self, _node: Node) -> Any:
        """Return a client of it."""
        return open_url(self.url, self.credentials)

    def sentinel(self, node: Node) -> Any:
        """Refuse: it has none."""
        raise Refused(f"{node.name} is no sentinel")


@dataclass(frozen=True)
class SentinelDeployment:
    """A group of servers, found through some of its sentinels."""

    addresses: tuple[Address, ...]  # of some sentinels; the others are those that they know
    master: str  # "" stands for the only one that they monitor
    credentials: Credentials
    sentinel_credentials: Credentials | None = None  # None: those of servers
    own_credentials: bool = False  # the sentinels' are theirs alone; else one that wants none is asked without

    def observe(self, *, rewrite: bool = False, note: Note = ignore) -> Topology:
        """Observe the sentinels and the servers that they name; raise `Refused` where these are not clear."""
        observe = partial(_observe_sentinels, connect=self.sentinel, master=self.master, rewrite=rewrite, note=note)
        named = observe(_nodes(self.addresses, "unknown"))
        listed = self.master or next((name for sentinel in named for name in sentinel.names), "")
        sentinels = distinct((*named, *observe(_nodes(_others(named), "unknown", listed))))
        name = master_name(sentinels, self.master)
        watches = monitored_masters(sentinels)
        masters = {watch.master.address for watch in watches}
        replicas = {peer.address for watch in watches for peer in watch.replicas} - masters
        nodes = sorted([*_nodes(masters, "state"), *_nodes(replicas, "state", name)], key=lambda node: node.address)
        servers = distinct(_observe_servers(nodes, self.server, rewrite=rewrite, note=note))
        return Topology(name or "sentinels", servers, sentinels, name, _address_book(servers, sentinels, {}))

    def server(self, node: Node) -> Any:
        """Return a client of a server."""
        return open_client(node.address, self.credentials)

    def sentinel(self, node: Node) -> Any:
        """Return a client of a sentinel."""
        opened = open_client if self.own_credentials else open_sentinel
        return opened(node.address, self.sentinel_credentials or self.credentials)


@dataclass(frozen=True)
class StackDeployment:
    """The servers and sentinels of a Compose stack."""

    engine: Engine
    project: str
    credentials: Callable[[RedisContainer], Credentials]
    master: str = ""  # "" stands for the name that the sentinels' own configuration has

    def containers(self) -> tuple[RedisContainer, ...]:
        """Return the containers of Redis, running or not; raise `OpsError` where none of them runs."""
        found = find_redis(self.engine, self.project)
        if not any(container.status == "running" for container in found):
            raise OpsError(
                f"no Redis runs in {self.project}",
                "start the stack: invoke up; or name a server: --url redis://HOST:6379",
            )
        return found

    def observe(self, *, rewrite: bool = False, note: Note = ignore) -> Topology:
        """Observe them; raise `OpsError` where nothing runs, `Refused` where no sentinel knows the master's name."""
        containers = self.containers()
        servers_of = {container.node: container for container in containers if container.role != "sentinel"}
        sentinels_of = {container.node: container for container in containers if container.role == "sentinel"}
        name = self.master or next((container.master for container in sentinels_of.values() if container.master), "")

        def connect(node: Node) -> Any:
            return self._client({**servers_of, **sentinels_of}[node])

        sentinels = _observe_sentinels(sentinels_of, connect, name, rewrite=rewrite, note=note)
        servers = _observe_servers(servers_of, connect, rewrite=rewrite, note=note)
        addresses = _address_book(servers, sentinels, address_book_of(containers).names)
        return Topology(self.project, servers, sentinels, master_name(sentinels, name), addresses)

    def server(self, node: Node) -> Any:
        """Return a client of the server or sentinel in a container, which need not run."""
        found = find_redis(self.engine, self.project)
        return self._client(next(container for container in found if container.node.name == node.name))

    def sentinel(self, node: Node) -> Any:
        """Return a client of the sentinel in a container."""
        return self.server(node)

    def _client(self, container: RedisContainer) -> Any:
        return open_client(container.node.address, self.credentials(container))


def _nodes(addresses: Iterable[Address], purpose: Purpose, listed: str = "") -> list[Node]:
    return [Node(str(address), address, purpose, listed=listed) for address in sorted(addresses)]


def _others(named: Sequence[Sentinel]) -> set[Address]:
    """Return the sentinels that the named ones know and that are none of them, whatever name they were given."""
    seen = {sentinel.identity for sentinel in named if sentinel.identity}
    watches = monitored_masters(named)
    known = {peer.address for watch in watches for peer in watch.sentinels if peer.run_id not in seen}
    return known - {sentinel.node.address for sentinel in named}


def _address_book(servers: Sequence[Server], sentinels: Sequence[Sentinel], names: Mapping[str, str]) -> AddressBook:
    hosts = {address.host for address in mentioned(servers, sentinels)} - set(names)
    return identify(servers, sentinels, names, resolve(hosts))


def master_name(sentinels: Sequence[Sentinel], given: str) -> str:
    """Return the name of the master in question; raise `Refused` where sentinels don't know it, or monitor several."""
    answering = [sentinel for sentinel in sentinels if not sentinel.unreachable_reason]
    names = sorted({name for sentinel in answering for name in sentinel.names})
    known = f"they watch: {', '.join(names) or 'nothing'}"
    # One that may not be asked for its list may still have answered about the master itself.
    if given and answering and given not in names and all(sentinel.monitored is None for sentinel in answering):
        raise Refused(f"no sentinel knows a master {given!r}", known)
    if not given and len(names) > 1:
        raise Refused("the sentinels watch several masters", f"name one with --master; {known}")
    return given or next(iter(names), "")


def _observe_servers(
    nodes: Iterable[Node], connect: Callable[[Node], Any], *, rewrite: bool, note: Note
) -> tuple[Server, ...]:
    def probed(server: Server) -> Server:
        if server.unreachable_reason:
            return server
        note(f"round trips to {server.node.name}")
        question = {server.node: partial(probe, partial(connect, server.node))}
        return replace(server, probe=gather_within(2 * PROBE_SECONDS, question, late=lambda _node: None)[server.node])

    questions = {node: partial(observe_server, node, partial(connect, node), rewrite=rewrite) for node in nodes}
    return tuple(map(probed, _gather(questions, Server, "servers", note)))


def _observe_sentinels(
    nodes: Iterable[Node], connect: Callable[[Node], Any], master: str, *, rewrite: bool, note: Note
) -> tuple[Sentinel, ...]:
    def question(node: Node) -> Callable[[], Sentinel]:
        return partial(observe_sentinel, node, partial(connect, node), master, rewrite=rewrite)

    return _gather({node: question(node) for node in nodes}, Sentinel, "sentinels", note)


def _gather(
    questions: Mapping[Node, Callable[[], Observed]], kind: Callable[..., Observed], what: str, note: Note
) -> tuple[Observed, ...]:
    late = f"no answer within {OBSERVE_SECONDS:.0f} s"

    def unanswered(node: Node) -> Observed:
        return kind(node, unreachable_reason=late)

    found = gather_within(OBSERVE_SECONDS, questions, late=unanswered, note=lambda text: note(f"{what} {text}"))
    return tuple(found.values())
