"""What was seen of a request and its trace: values, from which verdicts and causes are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimus_ops.traces.model import Trace
from optimus_ops.traces.smoke.probe import TraceProbe
from optimus_ops.traces.store import StoredLine


@dataclass(frozen=True, slots=True)
class TraceIds:
    """The ids of one request: its trace, the client's own span, and its X-Request-Id."""

    trace_id: str
    span_id: str
    request_id: str

    @property
    def traceparent(self) -> str:
        """The header (https://www.w3.org/TR/trace-context/), with the flag that asks for all spans."""
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was sent; status 0 where no whole answer came, and `error` says why.

    Times are nanoseconds since 1970; `trace_ids` are all headers X-Trace-Id of the answer.
    """

    status: int
    start_ns: int
    end_ns: int
    trace_ids: tuple[str, ...] = ()
    error: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How one replica is set to export spans: where to ("" for nowhere), and OTEL_TRACES_SAMPLER with its argument."""

    endpoint: str = ""
    sampler: str = ""
    sampler_argument: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """How a service of the stack is set to export spans, and what its counters say.

    Args:
        replicas: those that run. Requests come to any of them: one that is set otherwise loses some.
        exported: spans exported since the test began; None where its metrics can't be read. `dropped` likewise.
    """

    service: str
    replicas: tuple[ExportSettings, ...] = ()
    exported: float | None = None
    dropped: float | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """What asking for a trace by its id came to.

    Args:
        trace: the last answer; None where the store has none of it.
        error: why the store gave no usable answer at the last attempt, "" if it gave one.
        partial: whether that was because it left out a part.
        seconds: from the request until all was readable; None where it never was.
        settled: whether two answers in a row had the same number of spans.
    """

    trace: Trace | None = None
    error: str = ""
    partial: bool = False
    seconds: float | None = None
    settled: bool = False


@dataclass(frozen=True)
class Evidence:
    """Everything seen of one probe.

    Args:
        export_error: why the collector did not take the client's own span; "" where it did.
        collector_runs: whether it could be asked at all.
        lines: of the logs with the trace's id; None where no store of logs was asked. `log_error` says why it failed.
        strays: service -> ids of other traces in which its part of the request is.
        facts: of the services; None where they are not in a stack that can be looked at.
    """

    probe: TraceProbe
    ids: TraceIds
    exchange: Exchange
    lookup: Lookup
    export_error: str = ""
    collector_runs: bool = True
    lines: tuple[StoredLine, ...] | None = None
    log_error: str = ""
    strays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, ServiceFacts] | None = None
    resource: tuple[str, ...] = ()
    """Attributes that resources must have."""
    client_service: str = ""
