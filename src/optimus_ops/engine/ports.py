"""Ports on this host that a stack publishes: free, or held by somebody else."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable
from contextlib import suppress

from optimus_ops.engine.compose_port import Compose
from optimus_ops.errors import Refused
from optimus_ops.model.stack import PublishedPort, Stack
from optimus_ops.model.state import State
from optimus_ops.project.model_files import inputs_of


def check_ports(stack: Stack, state: State, compose: Compose) -> None:
    """Refuse to start services whose ports on the host somebody else holds, naming both."""
    taken = [
        (port, name)
        for name, service in stack.services.items()
        if not any(replica.occupied for replica in state.of(name))
        for port in busy(service.published)
    ]
    if taken:
        shown = (f"{port.host_ip or '0.0.0.0'}:{port.host_port} (wanted by {name})" for port, name in taken)  # noqa: S104 - only printed
        first = taken[0][0]
        variable, other = _variable_of(first, compose), (first.host_port + 10_000) % 65_536 or 10_000
        example = f", as in {variable}={other} invoke scale …" if variable else ""
        raise Refused(
            f"already in use on this host: {', '.join(shown)}",
            f"end what listens there (ss -ltnp), or publish another port{example}",
        )


def _variable_of(port: PublishedPort, compose: Compose) -> str:
    """Return the variable that sets a port in the Compose files (`${WEB_PORT:-80}:8080`); "" where none is found."""
    mapping = re.compile(rf"\$\{{?(\w+)(?::?-\d+)?\}}?:{port.target}\b")
    for path in inputs_of(compose.files, compose.environ):
        with suppress(OSError, UnicodeDecodeError):
            if found := mapping.search(path.read_text("utf-8")):
                return found[1]
    return ""


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
