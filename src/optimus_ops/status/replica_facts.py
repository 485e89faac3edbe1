"""What the engine, the store and the service in a container report about one replica.

The label `com.optimus.report` names a command of the service, run inside a running replica; a line of its output that
begins with `!` is about something that is not as it should be.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from optimus_ops.engine.port import Engine
from optimus_ops.engine.store_probes import Store, Unreachable, parse_store, probe_command, store_kind
from optimus_ops.engine.values import Limits, Sample
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica
from optimus_ops.status.usage import Usage, cpus_between
from optimus_ops.system.output_masking import masked
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


REPORT_LABEL = "com.optimus.report"
MAX_LINES = 20
MAX_CHARACTERS = 200


def read_report(engine: Engine, replica: Replica, seconds: float) -> tuple[str, ...]:
    """Return the output of a replica's command; nothing where it has none, and a line about it where it fails."""
    command = _command(replica.labels.get(REPORT_LABEL, ""))
    if not command or not replica.running or replica.health == "starting":
        return ()
    try:
        done = engine.exec(replica.id, command, seconds=seconds)
    except OpsError:
        return (f"! its report did not come within {seconds:g} s",)
    if done.code:
        return (f"! its report ended with {done.code}",)
    return printable_lines(done.stdout)


def _command(label: str) -> list[str]:
    try:
        return shlex.split(label)
    except ValueError:
        return ["false"]


def printable_lines(text: str) -> tuple[str, ...]:
    """Return the lines of a report, as many and as long as fit on a screen, without control characters."""
    lines = [line for line in masked(text).splitlines() if line.strip()]
    return tuple("".join(c for c in line[:MAX_CHARACTERS] if c.isprintable()) for line in lines[:MAX_LINES])
