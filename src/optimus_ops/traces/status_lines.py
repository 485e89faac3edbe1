"""Lines of `invoke status` about the observability overlay: whether its stores take queries, and what was lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from optimus_ops.checks.model import StatusLine
from optimus_ops.errors import OpsError
from optimus_ops.system.wait import run_parallel
from optimus_ops.text.units import counted
from optimus_ops.traces.connect import connect_logs, connect_traces
from optimus_ops.traces.otlp_json import parse_json
from optimus_ops.traces.stack_stores import LOKI, PROMETHEUS, TEMPO, find_store
from optimus_ops.traces.store import StoreFailed
from optimus_ops.traces.store_http import StoreClient

if TYPE_CHECKING:
    from optimus_ops.model.state import State
    from optimus_ops.status.model import StatusContext

SECONDS = 2.0
DROPPED = "sum(increase(otel_spans_dropped_total[15m]))"


def status_lines(context: StatusContext) -> Iterator[StatusLine]:
    """Give a line for each store that runs; none where the stack runs without the overlay."""
    found = run_parallel(partial(_line, context.state), (TEMPO, LOKI, PROMETHEUS))
    return (line for line in found if line is not None)


def _line(state: State, store: tuple[str, int]) -> StatusLine | None:
    address = find_store(state, store)
    if address is None:
        return None
    client, subject = StoreClient(address, SECONDS), _subject(store)
    try:
        if store == PROMETHEUS:
            return _lost(client)
        connected = connect_traces(client) if store == TEMPO else connect_logs(client)
        if not connected.ready():
            return StatusLine(subject, f"{connected.name} at {address} is not ready", warning=True)
        return StatusLine(subject, f"{connected.name} is ready, at {address}")
    except OpsError as error:
        return StatusLine(subject, error.message, warning=True)


def _subject(store: tuple[str, int]) -> str:
    return "logs" if store == LOKI else "traces"


def _lost(client: StoreClient) -> StatusLine | None:
    """Return a line about spans that services threw away; None where they threw away none, or nobody counted."""
    dropped = spans_dropped(client)
    if not dropped:
        return None
    lost = f"{counted(dropped, 'span')} dropped by services within 15 minutes"
    return StatusLine("traces", f"{lost}: the collector is down or slow (invoke logs alloy)", warning=True)


def spans_dropped(client: StoreClient) -> int:
    """Return how many spans services dropped within 15 minutes, by the metrics that Prometheus has of them.

    Raises:
        StoreFailed: it does not answer.
    """
    answer = client.get("/api/v1/query", {"query": DROPPED}, accept="application/json")
    try:
        document: Any = parse_json(answer.content)
        found = document["data"]["result"]
        count = float(found[0]["value"][1]) if found else 0.0
        return round(count) if math.isfinite(count) else 0
    except (ValueError, KeyError, TypeError, IndexError):
        raise StoreFailed(f"{client.address} answers something that is not a count of spans") from None
