"""Whether the ports that a stack publishes are free on this host."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from optimus_ops.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from optimus_ops.model.stack import PublishedPort, Stack
    from optimus_ops.model.state import State


def check_ports(stack: Stack, state: State) -> None:
    """Refuse to start services whose ports on the host somebody else holds.

    Raises:
        Refused: naming each taken port and the service that wants it.
    """
    taken = [
        f"{port.host_ip or '0.0.0.0'}:{port.host_port} (wanted by {name})"  # noqa: S104 - only printed
        for name, service in stack.services.items()
        if not any(replica.occupied for replica in state.of(name))
        for port in busy(service.published)
    ]
    if taken:
        raise Refused(
            f"already in use on this host: {', '.join(taken)}",
            "end what listens there (ss -ltnp), or choose another port, as in AI_ENGINE_PORT=18010 invoke scale …",
        )


def busy(ports: Iterable[PublishedPort]) -> tuple[PublishedPort, ...]:
    """Return those ports that can't be bound."""
    return tuple(port for port in ports if port.host_port and not _bindable(port))


def _bindable(port: PublishedPort) -> bool:
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Docker's proxy does: a connection in TIME_WAIT doesn't count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host_ip, port.host_port))
        except OSError as error:
            return error.errno not in {errno.EADDRINUSE, errno.EACCES}
    return True
