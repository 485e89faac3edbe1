"""The newest trace: of the requests that the balancer logged, else by the store's search.

The log knows a request at once; Tempo's search finds a trace half a minute later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from optimus_ops.engine.port import Engine
from optimus_ops.errors import OpsError
from optimus_ops.model.state import Replica
from optimus_ops.traces.ids import ID
from optimus_ops.traces.model import Trace
from optimus_ops.traces.store import TraceStore

LINES = 500
MOST_TRIED = 25
"""Requests that were not sampled, as those of health checks, have no trace."""
SEARCH_SECONDS = 3600.0


def newest_logged(engine: Engine, balancers: Iterable[Replica], store: TraceStore) -> Trace | None:
    """Return the trace of the newest request that the balancers logged and the store has; None where it has none."""
    for trace_id in _newest_first(_lines(engine, balancers)):
        if trace := store.trace(trace_id):
            return trace
    return None


def newest_found(store: TraceStore, now: float) -> Trace | None:
    """Return the newest trace of the last hour that search finds; `now` is in seconds since 1970."""
    for trace_id in store.search({}, now - SEARCH_SECONDS, now + 60):
        if trace := store.trace(trace_id):
            return trace
    return None


def _lines(engine: Engine, balancers: Iterable[Replica]) -> Iterator[str]:
    for balancer in balancers:
        if balancer.running:
            try:
                yield from engine.logs(balancer.id, tail=LINES, stderr=False)
            except OpsError:
                # Another one may have it, and search is there as well.
                continue


def _newest_first(lines: Iterable[str]) -> Sequence[str]:
    """Return the ids in an access log; a line is written when its request ends."""
    found: list[tuple[str, int, str]] = []
    for number, line in enumerate(lines):
        try:
            facts = json.loads(line)
            trace_id, at = str(facts["trace_id"]).lower(), str(facts["time"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if len(trace_id) == 32 and ID.fullmatch(trace_id):
            found.append((at, number, trace_id))
    return tuple(dict.fromkeys(trace_id for _at, _number, trace_id in sorted(found, reverse=True)))[:MOST_TRIED]
