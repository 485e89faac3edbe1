"""Looking at everything there is: a stack's containers, one URL, or what sentinels name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from optimus_ops.errors import Refused
from optimus_ops.redis_ha.client import NOBODY, Login, open_client, open_url
from optimus_ops.redis_ha.containers import directory_of
from optimus_ops.redis_ha.facts import Address, Denied, Directory, Node, Sentinel, Server, Topology
from optimus_ops.redis_ha.observe_sentinel import observe_sentinel
from optimus_ops.redis_ha.observe_server import observe_server
from optimus_ops.redis_ha.together import ask_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from optimus_ops.redis_ha.containers import RedisContainer
    from optimus_ops.redis_ha.facts import Watch
    from optimus_ops.redis_ha.target import Target

LOOK_SECONDS = 20.0
"""For all servers, or all sentinels, together."""


def silent(_text: str) -> None:
    """Take a note of progress and show it to nobody."""


def look_at_url(target: Target, *, rewrite: bool = False, note: Callable[[str], None] = silent) -> Topology:
    """Look at one server.

    Raises:
        Refused: the URL is malformed.
    """
    address, client = open_url(target.url, target.login or NOBODY)
    node = Node(str(address), address, target.purpose)
    servers = _servers({node: lambda: client}, rewrite=rewrite, note=note)
    return Topology(str(address), servers)


def look_at_stack(
    project: str,
    containers: Sequence[RedisContainer],
    login: Callable[[RedisContainer], Login],
    *,
    master: str = "",
    rewrite: bool = False,
    note: Callable[[str], None] = silent,
) -> Topology:
    """Look at the servers and sentinels of a stack.

    Args:
        project: the stack's name.
        containers: its containers.
        login: gives the login for a container.
        master: the name by which sentinels know the master; what they themselves say if not given.
        rewrite: whether rewriting configuration files is tried.
        note: told how far it is.

    Raises:
        Refused: no sentinel knows a master of that name.
    """
    watched = [one for one in containers if one.part == "sentinel"]
    name = master or next((one.master for one in watched if one.master), "")
    sentinels = _sentinels({one.node: _connect(one, login) for one in watched}, name, rewrite=rewrite, note=note)
    servers = {one.node: _connect(one, login) for one in containers if one.part != "sentinel"}
    return Topology(
        project,
        _servers(servers, rewrite=rewrite, note=note),
        sentinels,
        master_name(sentinels, name),
        directory_of(containers),
    )


def _connect(container: RedisContainer, login: Callable[[RedisContainer], Login]) -> Callable[[], Any]:
    return partial(open_client, container.node.address, login(container))


def look_at_sentinels(target: Target, *, rewrite: bool = False, note: Callable[[str], None] = silent) -> Topology:
    """Look at sentinels, at the others that they know, and at the servers that they name.

    Raises:
        Refused: none of them knows a master of that name, or it isn't clear which one is meant.
    """
    login = target.login or NOBODY
    ask_sentinels = partial(_asked_sentinels, login, target.master, rewrite=rewrite, note=note)
    named = ask_sentinels(target.sentinels)
    sentinels = (*named, *ask_sentinels(_others(named)))
    name = master_name(sentinels, target.master)
    addresses = sorted({address for watch in watches(sentinels) for address in _data(watch)})
    nodes = [Node(str(address), address, "state") for address in addresses]
    servers = _servers({node: partial(open_client, node.address, login) for node in nodes}, rewrite=rewrite, note=note)
    return Topology(name or "sentinels", servers, sentinels, name, _aliases(sentinels))


def _asked_sentinels(
    login: Login, master: str, addresses: Iterable[Address], *, rewrite: bool, note: Callable[[str], None]
) -> tuple[Sentinel, ...]:
    nodes = {Node(str(one), one): partial(open_client, one, login) for one in addresses}
    return _sentinels(nodes, master, rewrite=rewrite, note=note)


def _others(named: Sequence[Sentinel]) -> list[Address]:
    """Return the sentinels that the named ones know and that are none of them, whatever name they were given."""
    seen = {one.identity for one in named if one.identity}
    addresses = {one.node.address for one in named}
    return sorted(
        {peer.address for watch in watches(named) for peer in watch.sentinels if peer.run_id not in seen} - addresses
    )


def _data(watch: Watch) -> list[Address]:
    return [watch.master.address, *(peer.address for peer in watch.replicas)]


def _aliases(sentinels: Sequence[Sentinel]) -> Directory:
    """Return which host names mean the addresses by which the sentinels know each other, told by their ids."""
    known = {peer.run_id: peer.address for watch in watches(sentinels) for peer in watch.sentinels}
    given = {one.node.address.host: known[one.identity].host for one in sentinels if one.identity in known}
    return Directory({host: known_as for host, known_as in given.items() if host != known_as})


def watches(sentinels: Iterable[Sentinel]) -> list[Watch]:
    """Return what those sentinels have that know the master."""
    return [one.watch for one in sentinels if one.watch is not None and not isinstance(one.watch, Denied)]


def master_name(sentinels: Sequence[Sentinel], given: str) -> str:
    """Return the name of the master in question.

    Raises:
        Refused: sentinels answer, and none of them knows the name that was given, or they watch several and none was.
    """
    answering = [one for one in sentinels if not one.silence]
    names = sorted({name for one in answering for name in one.names})
    known = f"they watch: {', '.join(names) or 'nothing'}"
    # One that may not be asked for its list may still have answered about the master itself.
    if given and answering and given not in names and not any(one.watch is not None for one in answering):
        raise Refused(f"no sentinel knows a master {given!r}", known)
    if not given and len(names) > 1:
        raise Refused("the sentinels watch several masters", f"name one with --master; {known}")
    return given or next(iter(names), "")


def _servers(
    connects: Mapping[Node, Callable[[], Any]], *, rewrite: bool, note: Callable[[str], None]
) -> tuple[Server, ...]:
    asked = ask_together(
        {node: partial(observe_server, node, connect, rewrite=rewrite) for node, connect in connects.items()},
        seconds=LOOK_SECONDS,
        late=lambda node: Server(node, silence=f"no answer within {LOOK_SECONDS:.0f} s"),
        note=lambda text: note(f"servers {text}"),
    )
    return tuple(asked.values())


def _sentinels(
    connects: Mapping[Node, Callable[[], Any]], master: str, *, rewrite: bool, note: Callable[[str], None]
) -> tuple[Sentinel, ...]:
    asked = ask_together(
        {node: partial(observe_sentinel, node, connect, master, rewrite=rewrite) for node, connect in connects.items()},
        seconds=LOOK_SECONDS,
        late=lambda node: Sentinel(node, silence=f"no answer within {LOOK_SECONDS:.0f} s"),
        note=lambda text: note(f"sentinels {text}"),
    )
    return tuple(asked.values())
