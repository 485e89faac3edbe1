"""What would be in the way of a start: a full disk, taken ports, networks that overlap."""

from __future__ import annotations

import errno
import re
import shutil
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.port import Engine
from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.model.stack import PublishedPort, Stack
from optimus_ops.model.state import State
from optimus_ops.model.subnets import SubnetProblem, subnet_problems, wanted_networks

# One fresh PostgreSQL volume takes 40 MB, logs up to 30 MB per container, an unpacked image layer some 100 MB.
LEAST_FREE_BYTES = 512 * 1024**2


def check_disk(root: str, free: Callable[[str], int] = lambda path: shutil.disk_usage(path).free) -> None:
    """Refuse to start anything where the engine's data folder is on a nearly full disk.

    A database whose disk fills up half-way is worse than a refusal before. An engine on another host has no such folder
    here, and isn't checked.
    """
    try:
        left = free(root)
    except OSError:
        return
    if left < LEAST_FREE_BYTES:
        raise MissingPrerequisite(
            f"only {left / 1024**2:.0f} MB are free in {root}", "make room with: docker system prune"
        )


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
    from optimus_ops.project.model_files import inputs_of  # noqa: PLC0415 - a YAML parser, for this alone

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


def check_subnets(engine: Engine, document: Mapping[str, Any]) -> None:
    """Refuse a change of a merged model whose networks the engine would not create, or would have to change."""
    if problems := read_problems(engine, document):
        hints = dict.fromkeys(problem.hint for problem in problems)
        raise Refused("\n".join(problem.found for problem in problems), "\n  ".join(hints))


def read_problems(engine: Engine, document: Mapping[str, Any]) -> tuple[SubnetProblem, ...]:
    """Return the conflicts; the engine is asked only where a network fixes its addresses."""
    wanted = wanted_networks(document)
    return subnet_problems(wanted, engine.all_networks()) if wanted else ()
