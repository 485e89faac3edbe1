"""Where requests are sent to: addresses that were given, or the balancer of the running stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from optimus_ops.errors import Refused
from optimus_ops.http.address import HttpAddress
from optimus_ops.model.port_conflicts import published_addresses
from optimus_ops.model.state import State
from optimus_ops.traces.smoke.probe import TraceProbe
from optimus_ops.traces.smoke.service_facts import running
from optimus_ops.traces.store_address import parse_address


def parse_targets(texts: Sequence[str]) -> Mapping[str, HttpAddress]:
    """Return service -> address; "" stands for every service.

    Raises:
        Refused: one is no address, or has a user: requests have headers of their own.
    """
    found = {}
    for text in texts:
        service, equals, url = text.partition("=")
        if not equals or "://" in service:
            service, url = "", text
        found[service] = parse_address(url, "--target", {})
        if found[service].headers:
            raise Refused(
                "--target: an address has no user and password here",
                "requests are sent with the headers that the module of trace-probes gives them",
            )
    return found


def check_targets(texts: Sequence[str], probes: Sequence[TraceProbe]) -> None:
    """Refuse a target of a service that no request is sent to: what was meant would be left out."""
    known = dict.fromkeys(probe.service for probe in probes)
    for service in parse_targets(texts):
        if service and service not in known:
            raise Refused(f"--target {service}: no request is sent to it", f"requests are for: {', '.join(known)}")


def given_target(targets: Mapping[str, HttpAddress]) -> Callable[[TraceProbe], HttpAddress | None]:
    """Return what finds the address given for a service; none for inner ones, where only one for all was given."""

    def find(probe: TraceProbe) -> HttpAddress | None:
        return targets.get(probe.service) or (None if probe.inside else targets.get(""))

    return find


def through_balancer(state: State, balancer: str) -> Callable[[TraceProbe], HttpAddress | None]:
    """Return what finds the balancer's port for a service: the published one, else that inside, on Linux."""
    balancers = running(state, balancer)
    if not balancers:
        raise Refused(f"the balancer ({balancer}) does not run", "start it with: invoke up")

    def find(probe: TraceProbe) -> HttpAddress | None:
        if found := published_addresses(balancers[0]).get(probe.port):
            return HttpAddress("http", *found)
        addresses = [address for address in balancers[0].addresses.values() if address]
        return HttpAddress("http", addresses[0], probe.port) if addresses else None

    return find
