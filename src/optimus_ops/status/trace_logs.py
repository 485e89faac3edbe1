"""`invoke logs --trace`: what all services wrote about one request, in the order of time.

From the store of logs where one runs, which keeps lines of replicas that are gone; else, or where it has none, from the
containers that are there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.state import State
from optimus_ops.project.settings import load_project
from optimus_ops.status.log_lines import LogLine, Prefixer, in_order
from optimus_ops.status.log_streams import LogStreams
from optimus_ops.status.logs import check_services
from optimus_ops.text.console import Console
from optimus_ops.traces.connect import connect_logs, connect_traces
from optimus_ops.traces.ids import parse_trace_id
from optimus_ops.traces.overlay_command import overlay_command
from optimus_ops.traces.stack_stores import LOKI, TEMPO, find_store
from optimus_ops.traces.store import StoredLine, StoreFailed
from optimus_ops.traces.store_http import StoreClient
from optimus_ops.traces.timeline import make_timeline

DAY_SECONDS = 24 * 3600.0
AROUND_SECONDS = 300.0
"""Lines are looked for so long before and after a trace."""
SECOND = 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def trace_logs(text: str, services: Sequence[str]) -> None:
    """Print the lines of services (of all if empty) that hold a trace's id.

    Raises:
        Refused: the id is none, or a service is unknown.
        OpsError: no line holds it.
    """
    trace_id = parse_trace_id(text)
    project, engine = load_project(), DockerEngine.connect()
    state = engine.observe(project.name)
    check_services(project, state, services)
    console = Console.for_stream(sys.stdout)
    lines = _stored(state, trace_id, services) or _written(engine, state, trace_id, services)
    if not lines:
        adding = "" if find_store(state, LOKI) else overlay_command(project, LOKI)
        raise OpsError(
            f"no line of {', '.join(services) or project.name} holds trace {trace_id}",
            "lines of containers that were replaced are gone with them"
            + (f"; a store of logs keeps them: {adding}" if adding else ""),
        )
    prefixer = Prefixer(project.name, console.colour)
    for line in lines:
        prefixer.add(line.replica)
    for line in lines:
        sys.stdout.write(f"{prefixer.show(line)}\n")


def _stored(state: State, trace_id: str, services: Sequence[str]) -> list[LogLine]:
    """Return the lines of the store of logs; none where none runs, and where it fails, which is said."""
    address = find_store(state, LOKI)
    if address is None:
        return []
    since, until = _window(state, trace_id)
    try:
        found = connect_logs(StoreClient(address)).lines(trace_id, since, until)
    except StoreFailed as error:
        Console.for_stream(sys.stderr).say(f"! {error.message}; reading the containers' own output")
        return []
    return [_line(line) for line in found if not services or line.service in services]


def _window(state: State, trace_id: str) -> tuple[float, float]:
    """Return when a trace can have been written about: around it where its spans are stored, else the last day."""
    now = time.time()
    address = find_store(state, TEMPO)
    try:
        trace = connect_traces(StoreClient(address)).trace(trace_id) if address else None
    except StoreFailed:
        trace = None
    if trace is None:
        return now - DAY_SECONDS, now + AROUND_SECONDS
    timeline = make_timeline(trace)
    return timeline.begin_ns / SECOND - AROUND_SECONDS, timeline.end_ns / SECOND + AROUND_SECONDS


def _line(line: StoredLine) -> LogLine:
    try:
        stamp = (EPOCH + timedelta(microseconds=line.time_ns // 1000)).isoformat()
    except OverflowError:
        stamp = ""
    return LogLine(line.service or "(unknown)", stamp, line.text.rstrip("\r\n"))


def _written(engine: Engine, state: State, trace_id: str, services: Sequence[str]) -> list[LogLine]:
    """Return the lines of the containers that are there."""
    streams = LogStreams(
        engine.within(None),
        state.project,
        frozenset(services),
        follow=False,
        tail="all",
        keep=lambda line: trace_id in line.text.lower(),
    )
    for replica in state.replicas:
        if not services or replica.service in services:
            streams.add(replica.id, replica.name)
    return in_order([line for batch in streams.batches() for line in batch])
