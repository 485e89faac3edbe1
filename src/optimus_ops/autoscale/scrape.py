"""Asking each replica for its `/metrics`, at its container's address."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from optimus_ops.autoscale.reading import Reading, parse_reading
from optimus_ops.autoscale.signals import Readings
from optimus_ops.engine.replica_metrics import replica_metrics
from optimus_ops.model.state import Replica
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock, done_within

SECONDS = 3.0
"""For an answer; a replica that takes longer tells nothing, and its service is left alone."""


def read_replicas(replicas: Iterable[Replica], clock: Clock = SYSTEM_CLOCK) -> Readings:
    """Ask all replicas at the same time; those that don't answer are missing in the result."""
    asked = {replica.id: replica for replica in replicas}
    ended = done_within(SECONDS, lambda name: read_replica(asked[name]), asked)
    found = {name: reading for name, future in ended.items() if (reading := future.result()) is not None}
    return Readings(clock.monotonic(), found)


def read_replica(replica: Replica) -> Reading | None:
    """Ask one replica; None where it gives no whole answer."""
    for port in metrics_ports(replica):
        text = replica_metrics(replica, port, SECONDS)
        with suppress(ValueError):
            return None if text is None else parse_reading(text)
    return None


def metrics_ports(replica: Replica) -> tuple[int, ...]:
    """Return the port of its `/metrics`: METRICS_PORT, else PORT."""
    named = (replica.environment.get(name, "") for name in ("METRICS_PORT", "PORT"))
    return tuple(int(text) for text in named if text.isascii() and text.isdigit())[:1]
