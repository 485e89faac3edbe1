"""Endpoints of the balancer: its published port for a service, else its own address on the engine's network."""

from __future__ import annotations

from optimus_ops.balancer.routing import Endpoint
from optimus_ops.errors import OpsError
from optimus_ops.model.port_conflicts import published_addresses
from optimus_ops.model.stack import Stack
from optimus_ops.model.state import State


def endpoint_of(stack: Stack, state: State, service: str) -> Endpoint:
    """Return the balancer's endpoint for a service.

    By convention the balancer listens on the service's own port. Where that port isn't published on the host (a
    service that is only reached inside), the balancer's address on its network is asked, which works on the engine's
    own Linux host.

    Raises:
        OpsError: the stack has no balancer, or it doesn't run.
    """
    if stack.balancer is None:
        raise OpsError("this stack has no balancer", "name it in [tool.optimus-ops] balancer")
    running = state.running(stack.balancer)
    if not running:
        raise OpsError(f"the balancer ({stack.balancer}) does not run", "start it with: invoke up")
    port = stack.services[service].ports[0]
    if found := published_addresses(running[0]).get(port):
        host, host_port = found
        return Endpoint(f"[{host}]" if ":" in host else host, host_port)
    addresses = [address for address in running[0].addresses.values() if address]
    if not addresses:
        raise OpsError(f"the balancer ({stack.balancer}) has no address on a network")
    return Endpoint(addresses[0], port)
