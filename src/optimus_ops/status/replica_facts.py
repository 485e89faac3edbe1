"""What the engine, the store and the service in a container report about one replica."""

from __future__ import annotations

from dataclasses import dataclass, field

from optimus_ops.engine.port import Engine
from optimus_ops.engine.store_probes import Store, Unreachable, parse_store, probe_command, store_kind
from optimus_ops.engine.values import Limits, Sample
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica
from optimus_ops.status.service_reports import read_report
from optimus_ops.status.usage import Usage, cpus_between
from optimus_ops.system.wait import SYSTEM_CLOCK, Clock

SAMPLE_SECONDS = 0.6
"""Time between two CPU samples: long enough to average, short enough to wait for."""
PROBE_SECONDS = 2.5
"""Time limit of each answer. What doesn't come in time is unknown, not an error."""


@dataclass(frozen=True, slots=True)
class ReplicaFacts:
    """Usage of one replica, the store in it if there is one, and the lines that its service reports."""

    usage: Usage = field(default_factory=Usage)
    store: Store | None = None
    report: tuple[str, ...] = ()


def observe_replica(engine: Engine, replica: Replica, clock: Clock = SYSTEM_CLOCK) -> ReplicaFacts:
    """Observe a replica; of one that doesn't run, only its limits."""
    limits = _limits(engine, replica)
    if not replica.running:
        return ReplicaFacts(Usage(limits=limits))
    start = clock.monotonic()
    first = _sample(engine, replica)
    store = _store(engine, replica)
    report = read_report(engine, replica, PROBE_SECONDS)
    clock.sleep(max(SAMPLE_SECONDS - (clock.monotonic() - start), 0.0))
    second = _sample(engine, replica)
    return ReplicaFacts(Usage(cpus_between(first, second), second.memory, limits), store, report)


def _sample(engine: Engine, replica: Replica) -> Sample:
    try:
        return engine.sample(replica.id)
    except OpsError:
        return Sample()


def _limits(engine: Engine, replica: Replica) -> Limits:
    try:
        return engine.limits(replica.id)
    except OpsError:
        return Limits()


def _store(engine: Engine, replica: Replica) -> Store | None:
    kind = store_kind(replica.image)
    if kind is None:
        return None
    try:
        probed = engine.exec(replica.id, probe_command(kind), seconds=PROBE_SECONDS)
    except OpsError:
        return Unreachable(f"no answer within {PROBE_SECONDS:.1f} s")
    return parse_store(kind, probed.code, probed.stdout, probed.stderr)
