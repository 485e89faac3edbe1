"""Free ports of the loopback interface."""

from __future__ import annotations

import itertools
import os
import socket

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""The number of this process among those that run tests at the same time."""
WORKERS = 8
FIRST_PORT, PORTS_EACH = 20_000, 1_000
"""Below the ports that the system gives to clients by itself."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports of this worker's range that nobody listens on; none is returned twice before all were."""
    found = []
    for port in itertools.islice(_PORTS, PORTS_EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return tuple(found)
    raise AssertionError("no port is free")


def _from_somewhere() -> itertools.cycle[int]:
    """Return the worker's ports; two sessions at the same time begin at different ones."""
    first = FIRST_PORT + WORKER % WORKERS * PORTS_EACH
    begin = first + os.getpid() % PORTS_EACH
    return itertools.cycle([*range(begin, first + PORTS_EACH), *range(first, begin)])


_PORTS = _from_somewhere()
