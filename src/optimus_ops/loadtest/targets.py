"""Where load is sent to: the running stack's balancer, or an address of this machine or network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import SplitResult, urlsplit

from optimus_ops.errors import Refused
from optimus_ops.loadtest.model import RequestClass
from optimus_ops.model.port_conflicts import published_addresses
from optimus_ops.model.state import State

Resolve = Callable[[str], Collection[str]]


def resolve(host: str) -> Collection[str]:
    """Return the addresses of a host.

    Raises:
        OSError: it has none.
    """
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})


def given_target(url: str, allowed: Collection[str], resolve: Resolve = resolve) -> str:
    """Return an address that load may be sent to.

    Raises:
        Refused: it is no address, its host is not known here, or it is neither private nor allowed by name.
    """
    parts = _split(url)
    host = (parts.hostname or "").lower()
    try:
        addresses = resolve(host)
    except OSError as error:
        raise Refused(f"--target {url}: {host} has no address here", "is its name right?") from error
    public = [address for address in addresses if not _is_private(address)]
    if public and host not in {name.lower() for name in allowed}:
        raise Refused(
            f"--target {url}: {host} ({public[0]}) is neither this machine nor in a private network",
            f"a load test of someone else's host is an attack; if it is yours: --allow-target {host}",
        )
    return url.rstrip("/")


def stack_bases(state: State, balancer: str, classes: Iterable[RequestClass]) -> Mapping[str, str]:
    """Return class -> URL through the balancer: the published port, else the one inside.

    Raises:
        Refused: the balancer does not run.
    """
    running = state.running(balancer)
    if not running:
        raise Refused(f"the balancer ({balancer}) does not run", "start it with: invoke up")
    published = published_addresses(running[0])
    inside = next((address for address in running[0].addresses.values() if address), "")
    found = {each.name: published.get(each.port) or (inside, each.port) for each in classes}
    return {name: f"http://{host}:{port}" for name, (host, port) in found.items()}


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        right = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise Refused(f"--target {url}: no address, as http://127.0.0.1:8010")
    if parts.username is not None or parts.query or parts.fragment:
        raise Refused("--target: an address has no user, password or query here")
    return parts


def _is_private(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    # An IPv4 address in IPv6's clothes is where the packets go to.
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_private or found.is_link_local
