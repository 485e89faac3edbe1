"""`invoke traces.show`: one trace, as a waterfall or as a document."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import OpsError, Refused
from optimus_ops.http.address import HttpAddress
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns, wrapped
from optimus_ops.text.palette import BOLD, DIM, PLAIN, RED, YELLOW
from optimus_ops.traces import summary
from optimus_ops.traces.connect import connect_traces
from optimus_ops.traces.critical_path import critical_path
from optimus_ops.traces.document import trace_json
from optimus_ops.traces.gaps import find_gaps
from optimus_ops.traces.ids import parse_trace_id
from optimus_ops.traces.model import Trace
from optimus_ops.traces.newest import newest_found, newest_logged
from optimus_ops.traces.overlay_command import overlay_command
from optimus_ops.traces.rows import choose_rows
from optimus_ops.traces.stack_stores import TEMPO, replicas_of, require_store
from optimus_ops.traces.store import TraceStore
from optimus_ops.traces.store_address import parse_address
from optimus_ops.traces.store_http import StoreClient
from optimus_ops.traces.timeline import Timeline, make_timeline
from optimus_ops.traces.waterfall import CRITICAL, Waterfall, fit_columns


@dataclass(frozen=True)
class ShowRequest:
    """Which trace (an id as it was pasted, or the newest one), and of which store ("": that of the running stack)."""

    trace: str = ""
    last: bool = False
    tempo: str = ""

    def __post_init__(self) -> None:
        """Refuse what names no trace, or two."""
        if bool(self.trace) == self.last:
            raise Refused("which trace?", "name one: invoke traces.show ID, or take the newest one: --last")


def show(request: ShowRequest, *, json: bool) -> None:
    """Print a trace.

    Raises:
        Refused: the id or the address is none, or the stack has no store.
        StoreFailed: the store does not answer as one.
        OpsError: there is no such trace.
    """
    with Console.for_stream(sys.stderr).waiting("asking for the trace"):
        address, store, trace = find_trace(request)
    timeline = make_timeline(trace)
    if json:
        print_json(trace_json(timeline, critical_path(timeline), store.name, str(address)))
        return
    console = Console.for_stream(sys.stdout)
    for line in trace_lines(timeline, colour=console.colour, columns=layout_columns(sys.stdout)):
        sys.stdout.write(f"{line}\n")


def trace_lines(timeline: Timeline, *, colour: bool, columns: int) -> Iterator[str]:
    """Give a trace as lines of at most so many cells: headline, waterfall, critical path, gaps and remarks."""
    critical = critical_path(timeline)
    rows = choose_rows(timeline)
    waterfall = Waterfall(timeline, critical, fit_columns(rows, columns), colour)
    yield waterfall.paint(f"trace {timeline.trace.trace_id}", BOLD)
    failed = any(span.failed for span in timeline.trace.spans)
    yield waterfall.paint(summary.headline(timeline), RED if failed else DIM)
    yield ""
    yield from waterfall.lines(rows)
    yield ""
    for text, tone in _below(timeline, critical):
        for line in wrapped(text, columns + 1).splitlines():
            yield waterfall.paint(line, tone)


def _below(timeline: Timeline, critical: Mapping[int, tuple[tuple[int, int], ...]]) -> Iterator[tuple[str, str]]:
    """Give what is said below a waterfall, with its colour."""
    if path := summary.path_text(timeline, critical):
        yield f"critical path ({CRITICAL}): {path}", PLAIN
    for gap in find_gaps(timeline):
        yield f"gap: {summary.gap_text(gap)}", PLAIN
    for remark in summary.remarks(timeline):
        yield f"! {remark}", YELLOW


def find_trace(request: ShowRequest) -> tuple[HttpAddress, TraceStore, Trace]:
    """Return a trace, and the store and the address that it is from; `show` says what is raised."""
    trace_id = parse_trace_id(request.trace) if request.trace else ""
    if request.tempo:
        address = parse_address(request.tempo, "--tempo", os.environ)
        store = connect_traces(StoreClient(address))
        trace = store.trace(trace_id) if trace_id else newest_found(store, time.time())
    else:
        project, engine = load_project(), DockerEngine.connect()
        state = engine.observe(project.name)
        address = require_store(state, TEMPO, overlay_command(project, TEMPO))
        store = connect_traces(StoreClient(address))
        if trace_id:
            trace = store.trace(trace_id)
        else:
            logged = newest_logged(engine, replicas_of(state, project.balancer), store)
            trace = logged or newest_found(store, time.time())
    if trace is None:
        raise _missing(trace_id, f"{store.name} at {address}")
    return address, store, trace


def _missing(trace_id: str, where: str) -> OpsError:
    """Return the error of a trace that the store has not, with what to look at."""
    if not trace_id:
        return OpsError(
            f"{where} has no trace of the last hour",
            "send a request; then, are they sampled (OTEL_TRACES_SAMPLER), does the exporter reach its collector? "
            "invoke traces.smoke tells",
        )
    return OpsError(
        f"{where} has no trace {trace_id}",
        "a trace is there a second or two after its request. Was it sampled (the last digits of its traceparent: 01), "
        "and is it younger than what the store keeps?\n"
        f"  what the logs have of it: invoke logs --trace {trace_id}",
    )
