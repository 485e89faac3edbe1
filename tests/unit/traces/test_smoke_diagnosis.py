"""Each hop that can be missing, by each cause: a table of evidence and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.traces.fake_platform import HOPS, ORDER

from optimus_ops.traces.model import Kind, Span, Trace, make_trace
from optimus_ops.traces.smoke.diagnosis import Cause, diagnose
from optimus_ops.traces.smoke.evidence import Evidence, Exchange, ExportSettings, Lookup, ServiceFacts, TraceIds
from optimus_ops.traces.smoke.lookup import complete
from optimus_ops.traces.smoke.verify import verify
from optimus_ops.traces.store import StoredLine

IDS = TraceIds("a" * 32, "b" * 16, "c" * 32)
SPANS: tuple[tuple[str, str, Kind], ...] = (
    ("trace-smoke-test", "POST order", "client"),
    ("web", "POST /orders", "server"),
    ("web", "publish orders", "producer"),
    ("worker", "process orders", "consumer"),
    ("worker", "INSERT orders", "client"),
)
ENDPOINT = "http://alloy:4318"
EXPORTING = ExportSettings(ENDPOINT, "parentbased_always_on")
WELL = ServiceFacts("web", (EXPORTING, EXPORTING), 5.0, 0.0)
LABELS = [hop.label for hop in HOPS]


def evidence(hops: int = len(HOPS), facts: ServiceFacts | None = None, **given: Any) -> Evidence:
    """Return what is seen where a trace ends after so many hops; `facts` are those of the service that is missing."""
    spans = [
        Span(IDS.trace_id, IDS.span_id if not n else f"{n:016x}", _parent(n), name, service, kind, n, n + 1)
        for n, (service, name, kind) in enumerate(SPANS[: hops + 1])
    ]
    known = {"web": WELL, "worker": replace(WELL, service="worker"), "store": replace(WELL, service="store")}
    if facts is not None:
        known[HOPS[hops].service] = replace(facts, service=HOPS[hops].service)
    lookup = Lookup(make_trace(IDS.trace_id, spans), seconds=1.0, settled=True)
    return Evidence(ORDER, IDS, Exchange(200, 0, 1, (IDS.trace_id,)), lookup, **{"facts": known, **given})


def _parent(number: int) -> str:
    return "" if not number else IDS.span_id if number == 1 else f"{number - 1:016x}"


def line(service: str) -> StoredLine:
    return StoredLine(0, service, "{}")


def one_of_two(**settings: str) -> ServiceFacts:
    """Return a service whose second replica is set otherwise."""
    return replace(WELL, replicas=(EXPORTING, replace(EXPORTING, **settings)))


BY_SERVICE = [
    ("no replica", replace(WELL, replicas=()), {}, Cause.NOT_RUNNING, "invoke up"),
    ("no endpoint", one_of_two(endpoint=""), {}, Cause.EXPORTER_OFF, "invoke deploy"),
    ("always off", one_of_two(sampler="always_off"), {}, Cause.WRONG_SAMPLING, "parentbased"),
    ("a ratio", one_of_two(sampler="traceidratio", sampler_argument="0.1"), {}, Cause.WRONG_SAMPLING, "parentbased"),
    ("dropped", replace(WELL, dropped=3.0), {}, Cause.DROPPED_SPANS, "OTEL_BSP_MAX_QUEUE_SIZE"),
    ("elsewhere", one_of_two(endpoint="http://other:4318"), {}, Cause.WRONG_ENDPOINT, "OTEL_EXPORTER"),
    ("collector deaf", WELL, {"export_error": "timed out"}, Cause.COLLECTOR_UNREACHABLE, "invoke logs alloy"),
    (
        "collector down",
        WELL,
        {"export_error": "alloy does not run", "collector_runs": False},
        Cause.COLLECTOR_UNREACHABLE,
        "invoke up",
    ),
]


@pytest.mark.parametrize("hops", range(len(HOPS)), ids=LABELS)
@pytest.mark.parametrize(
    ("facts", "given", "cause", "hint"), [row[1:] for row in BY_SERVICE], ids=[r[0] for r in BY_SERVICE]
)
def test_a_hop_is_missing_for_a_reason_of_its_service(
    hops: int, facts: ServiceFacts, given: dict[str, Any], cause: Cause, hint: str
) -> None:
    found = diagnose(evidence(hops, facts, **given))
    assert found is not None
    assert (found.hop, found.cause) == (LABELS[hops], cause)
    assert hint in found.hint
    assert "1 of 2" in found.found or facts.replicas in {(), (EXPORTING, EXPORTING)}


@pytest.mark.parametrize(
    ("hops", "given", "cause"),
    [
        (0, {"strays": {"web": ("d" * 32,)}}, Cause.LOST_CONTEXT),
        (2, {"strays": {"worker": ("d" * 32,)}}, Cause.MESSAGE_WITHOUT_CONTEXT),
        (2, {}, Cause.MESSAGE_WITHOUT_CONTEXT),
        (2, {"lines": (line("worker"),)}, Cause.NOT_EXPORTED),
        (0, {"lines": (line("web"),)}, Cause.NOT_EXPORTED),
        (0, {"lines": (line("nginx-lb"),)}, Cause.NOT_REACHED),
        (0, {"lines": (), "log_error": "gone"}, Cause.UNKNOWN),
        (1, {}, Cause.NOT_INSTRUMENTED),
        (3, {}, Cause.NOT_INSTRUMENTED),
        (0, {}, Cause.UNKNOWN),
        (0, {"facts": None}, Cause.UNKNOWN),
    ],
)
def test_a_hop_is_missing_on_the_way(hops: int, given: dict[str, Any], cause: Cause) -> None:
    found = diagnose(evidence(hops, **given))
    assert found is not None
    assert (found.hop, found.cause) == (LABELS[hops], cause)


def test_a_service_that_exports_nothing_is_named() -> None:
    found = diagnose(evidence(0, replace(WELL, exported=0.0)))
    assert found is not None
    assert (found.hop, found.cause) == ("web POST /orders", Cause.NOT_EXPORTED)


@pytest.mark.parametrize("hops", range(len(HOPS) + 1))
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"exchange": Exchange(502, 0, 1)}, Cause.REQUEST_FAILED),
        ({"exchange": Exchange(0, 0, 1, error="connection refused")}, Cause.REQUEST_FAILED),
        ({"lookup": Lookup(None, "does not answer")}, Cause.STORE_UNREACHABLE),
        ({"lookup": Lookup(None, "a part only", partial=True)}, Cause.PARTIAL_TRACE),
        ({"lookup": Lookup()}, Cause.NO_TRACE),
        ({"lookup": Lookup(), "export_error": "refused"}, Cause.COLLECTOR_UNREACHABLE),
    ],
)
def test_what_keeps_from_judging_comes_before_any_hop(hops: int, changes: dict[str, Any], cause: Cause) -> None:
    found = diagnose(replace(evidence(hops), **changes))
    assert found is not None
    assert found.cause is cause


def test_a_whole_trace_has_no_cause() -> None:
    assert diagnose(evidence()) is None


@pytest.mark.parametrize(("dropped", "cause"), [(0.0, Cause.PARENT_MISSING), (2.0, Cause.DROPPED_SPANS)])
def test_a_parent_that_is_nowhere_is_told(dropped: float, cause: Cause) -> None:
    seen = evidence()
    trace = seen.lookup.trace
    assert trace is not None
    more = replace(trace.spans[-1], span_id="e" * 16, parent_id="f" * 16)
    seen = replace(
        seen,
        lookup=replace(seen.lookup, trace=make_trace(IDS.trace_id, [*trace.spans, more])),
        facts={"web": replace(WELL, dropped=dropped)},
    )
    found = diagnose(seen)
    assert found is not None
    assert found.cause is cause
    assert "f" * 16 in found.found


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Return some of the spans of an order, below whichever others, or below one that is nowhere."""
    kept = draw(st.lists(st.sampled_from(range(len(SPANS))), unique=True))
    ids = [IDS.span_id, *(f"{n:016x}" for n in range(1, len(SPANS)))]
    parents = st.sampled_from([*ids, "", "f" * 16])
    spans = []
    for n in kept:
        service, name, kind = SPANS[n]
        parent = _parent(n) if draw(st.booleans()) else draw(parents)
        spans.append(Span(IDS.trace_id, ids[n], parent, name, service, kind, n, n + 1))
    return make_trace(IDS.trace_id, spans)


@given(traces())
def test_a_trace_has_a_cause_unless_it_is_whole(trace: Trace) -> None:
    seen = replace(evidence(), lookup=Lookup(trace, seconds=1.0, settled=True))
    found = diagnose(seen)
    assert (found is None) == complete(trace, ORDER, IDS)
    spans, parents = [
        next(check for check in verify(seen, found) if check.name == name) if trace.spans or name == "spans" else None
        for name in ("spans", "parents")
    ]
    verdicts = {check.verdict for check in (spans, parents) if check}
    assert (found is None) == (verdicts == {"ok"})
