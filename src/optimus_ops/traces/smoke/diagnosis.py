"""Why a trace is not whole: the first hop that is missing, the cause, and what to look at, as a pure function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from optimus_ops.traces.model import Trace
from optimus_ops.traces.smoke.evidence import Evidence, ExportSettings, ServiceFacts
from optimus_ops.traces.smoke.hops import find_hops
from optimus_ops.traces.smoke.log_lines import services_in
from optimus_ops.traces.smoke.probe import Hop

IGNORES_PARENTS = frozenset({"always_off", "traceidratio"})
"""Samplers that decide anew about requests whose client asked for all spans."""


class Cause(StrEnum):
    """Why a hop is missing."""

    REQUEST_FAILED = "the request failed"
    STORE_UNREACHABLE = "store unreachable"
    PARTIAL_TRACE = "partial trace"
    COLLECTOR_UNREACHABLE = "collector unreachable"
    NO_TRACE = "the store has no such trace"
    NOT_RUNNING = "service not running"
    EXPORTER_OFF = "exporter off"
    WRONG_ENDPOINT = "wrong endpoint"
    WRONG_SAMPLING = "wrong sampling"
    DROPPED_SPANS = "dropped spans"
    MESSAGE_WITHOUT_CONTEXT = "queue message without context"
    LOST_CONTEXT = "context lost"
    NOT_EXPORTED = "nothing exported"
    NOT_REACHED = "hop not reached"
    NOT_INSTRUMENTED = "span not made"
    PARENT_MISSING = "parent missing"
    UNSETTLED = "still growing"
    UNKNOWN = "not told"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The first hop that is missing ("" where no hop is to blame), the cause, what was seen, and what to look at."""

    hop: str
    cause: Cause
    found: str
    hint: str

    def __str__(self) -> str:
        """Return hop, cause and what was seen in one line."""
        return f"{f'{self.hop}: ' if self.hop else ''}{self.cause.value}: {self.found}"


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """Return why a trace is not whole; None of one that is."""
    if found := _unusable(evidence):
        return found
    trace = evidence.lookup.trace
    if trace is None or not trace.spans:
        return _no_trace(evidence)
    hops = find_hops(trace, evidence.probe.hops)
    if hops.missing:
        first = hops.missing[0]
        elsewhere = hops.elsewhere.get(first.label, ())
        if elsewhere:
            text = f"{first.label} is there, but not below {first.below}"
            return Diagnosis(first.label, Cause.LOST_CONTEXT, text, _context_hint(first, evidence))
        return _missing_hop(first, trace, evidence)
    return _broken_tree(trace, evidence)


def _unusable(evidence: Evidence) -> Diagnosis | None:
    """Return what keeps from judging the trace at all."""
    sent, lookup, probe = evidence.exchange, evidence.lookup, evidence.probe
    if sent.status not in probe.statuses:
        found = f"{sent.url} answers {sent.status}" if sent.status else f"{sent.url}: {sent.error}"
        return Diagnosis(probe.service, Cause.REQUEST_FAILED, found, f"see why: invoke logs {probe.service}")
    if lookup.error:
        cause = Cause.PARTIAL_TRACE if lookup.partial else Cause.STORE_UNREACHABLE
        hint = (
            "raise the limits of the store: a part of the trace proves nothing"
            if lookup.partial
            else "is it the address of the store's HTTP API (--tempo URL), and is the store well?"
        )
        return Diagnosis("", cause, lookup.error, hint)
    return None


def _no_trace(evidence: Evidence) -> Diagnosis:
    first = evidence.probe.hops[0].label if evidence.probe.hops else ""
    if evidence.export_error:
        return Diagnosis(first, Cause.COLLECTOR_UNREACHABLE, evidence.export_error, _collector_hint(evidence))
    found = "the collector took the client's own span, and not even that is there"
    hint = "does the collector reach the store, and is it this one? see: invoke logs alloy, invoke logs tempo"
    return Diagnosis("", Cause.NO_TRACE, found, hint)


def _missing_hop(hop: Hop, trace: Trace, evidence: Evidence) -> Diagnosis:
    facts = (evidence.facts or {}).get(hop.service)
    for cause in (
        _by_settings(hop, facts),
        _by_strays(hop, evidence),
        _by_counters(hop, facts),
        _by_endpoint(hop, facts, evidence),
        _by_collector(hop, evidence),
        _by_presence(hop, trace, evidence, facts),
    ):
        if cause is not None:
            return cause
    hint = hop.hint or f"is its exporter set (OTEL_EXPORTER_OTLP_ENDPOINT), its sampler? see: invoke logs {hop.service}"
    return Diagnosis(hop.label, Cause.UNKNOWN, f"no span of {hop.service} is in the trace", hint)


def _by_settings(hop: Hop, facts: ServiceFacts | None) -> Diagnosis | None:
    if facts is None:
        return None
    service = hop.service
    if not facts.replicas:
        hint = f"start it: invoke up; see why it ended: invoke logs {service}"
        return Diagnosis(hop.label, Cause.NOT_RUNNING, f"no replica of {service} runs", hint)
    if off := [replica for replica in facts.replicas if not replica.endpoint]:
        hint = f"set it as for the other services, and replace what was made without it: invoke deploy {service}"
        found = f"{_some(off, facts)} no OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_SDK_DISABLED=true"
        return Diagnosis(hop.label, Cause.EXPORTER_OFF, found, hint)
    if ignoring := [replica for replica in facts.replicas if replica.sampler in IGNORES_PARENTS]:
        sampler = f"OTEL_TRACES_SAMPLER={ignoring[0].sampler}"
        argument = f", OTEL_TRACES_SAMPLER_ARG={text}" if (text := ignoring[0].sampler_argument) else ""
        hint = "parentbased_traceidratio keeps what the client asks for, and the same share of the rest"
        return Diagnosis(hop.label, Cause.WRONG_SAMPLING, f"{_some(ignoring, facts)} {sampler}{argument}", hint)
    return None


def _some(replicas: Sequence[ExportSettings], facts: ServiceFacts) -> str:
    """Return whose settings these are, and the verb."""
    all_of_them = len(replicas) == len(facts.replicas)
    return f"{facts.service} has" if all_of_them else f"{len(replicas)} of {len(facts.replicas)} {facts.service} have"


def _by_strays(hop: Hop, evidence: Evidence) -> Diagnosis | None:
    strays = evidence.strays.get(hop.service, ())
    if not strays:
        return None
    found = f"{hop.service} has its part of the request in another trace, {strays[0]}"
    return Diagnosis(hop.label, _context_cause(hop), found, _context_hint(hop, evidence))


def _by_counters(hop: Hop, facts: ServiceFacts | None) -> Diagnosis | None:
    if facts is None or not facts.dropped:
        return None
    found = f"{hop.service} has dropped {facts.dropped:g} spans meanwhile (otel_spans_dropped_total)"
    hint = f"is the collector slow or gone, or OTEL_BSP_MAX_QUEUE_SIZE small? see: invoke logs {hop.service}"
    return Diagnosis(hop.label, Cause.DROPPED_SPANS, found, hint)


def _by_endpoint(hop: Hop, facts: ServiceFacts | None, evidence: Evidence) -> Diagnosis | None:
    # By services, and not by replicas: one that is scaled out is no majority.
    endpoints = Counter(
        endpoint
        for other in (evidence.facts or {}).values()
        for endpoint in {replica.endpoint for replica in other.replicas if replica.endpoint}
    )
    if facts is None or len(endpoints) < 2:
        return None
    usual, count = endpoints.most_common(1)[0]
    wrong = [replica for replica in facts.replicas if endpoints[replica.endpoint] < count]
    if not wrong:
        return None
    found = f"{_some(wrong, facts)} {wrong[0].endpoint} as endpoint, others {usual}"
    return Diagnosis(hop.label, Cause.WRONG_ENDPOINT, found, "look at its OTEL_EXPORTER_OTLP_ENDPOINT")


def _by_collector(hop: Hop, evidence: Evidence) -> Diagnosis | None:
    if not evidence.export_error:
        return None
    return Diagnosis(hop.label, Cause.COLLECTOR_UNREACHABLE, evidence.export_error, _collector_hint(evidence))


def _by_presence(hop: Hop, trace: Trace, evidence: Evidence, facts: ServiceFacts | None) -> Diagnosis | None:
    """Return the cause by whether the service is in the trace, or in the logs of it."""
    service = hop.service
    names = list(dict.fromkeys(span.name for span in trace.spans if span.service == service))
    if names:
        found = f"{service} has other spans in it ({', '.join(names[:5])})"
        return Diagnosis(
            hop.label, Cause.NOT_INSTRUMENTED, found, hop.hint or "is it instrumented, or named otherwise?"
        )
    if _logged(evidence, service):
        found = f"{service} has logged this trace's id, and none of its spans has come"
        hint = f"is its exporter set, does it reach the collector, does it sample? see: invoke logs {service}"
        return Diagnosis(hop.label, Cause.NOT_EXPORTED, found, hint)
    if hop.kind == "consumer":
        found = f"no span and no line of {service} has this trace's id"
        return Diagnosis(hop.label, Cause.MESSAGE_WITHOUT_CONTEXT, found, _context_hint(hop, evidence))
    if facts is not None and facts.exported == 0:
        found = f"{service} has exported nothing meanwhile (otel_spans_exported_total)"
        hint = f"does it reach {facts.replicas[0].endpoint}? see: invoke logs {service}"
        return Diagnosis(hop.label, Cause.NOT_EXPORTED, found, hint)
    if _logged(evidence, service) is False and _logs_this_service(evidence, service):
        found = f"no line of {service} has this trace's id: the request did not come there, or came without its context"
        return Diagnosis(hop.label, Cause.NOT_REACHED, found, hop.hint or "look at the hop before it")
    return None


def _broken_tree(trace: Trace, evidence: Evidence) -> Diagnosis | None:
    root = trace.by_id.get(evidence.ids.span_id)
    if root is None and evidence.export_error:
        return Diagnosis("", Cause.COLLECTOR_UNREACHABLE, evidence.export_error, _collector_hint(evidence))
    own = [span for span in trace.roots if span is not root]
    if own:
        found = f"{own[0].service} began {own[0].name} without a parent"
        hint = "it has the trace's id and not the span that it is below: look at what passes traceparent on to it"
        return Diagnosis(f"{own[0].service} {own[0].name}", Cause.LOST_CONTEXT, found, hint)
    if trace.orphans:
        orphan = trace.orphans[0]
        dropped = [facts.service for facts in (evidence.facts or {}).values() if facts.dropped]
        found = f"the parent {orphan.parent_id} of {orphan.service} {orphan.name} is not in the trace"
        cause = Cause.DROPPED_SPANS if dropped else Cause.PARENT_MISSING
        who = f"; {', '.join(dropped)} dropped spans meanwhile" if dropped else ""
        hint = "what called it exports nothing, or its span was dropped or not sampled"
        return Diagnosis(f"{orphan.service} {orphan.name}", cause, f"{found}{who}", hint)
    if trace.circular:
        span = trace.circular[0]
        found = f"{span.service} {span.name} is below itself"
        return Diagnosis(
            f"{span.service} {span.name}", Cause.PARENT_MISSING, found, "two spans have one id, or it is made up"
        )
    if root is None:
        found = "the client's own span is not in the trace, though the collector took it"
        return Diagnosis(
            "", Cause.PARENT_MISSING, found, "does the collector drop or sample spans? see: invoke logs alloy"
        )
    if not evidence.lookup.settled:
        found = f"the store had {len(trace.spans)} spans at last, and more at each look"
        return Diagnosis("", Cause.UNSETTLED, found, "wait longer: --within SECONDS")
    return None


def _context_cause(hop: Hop) -> Cause:
    return Cause.MESSAGE_WITHOUT_CONTEXT if hop.kind == "consumer" else Cause.LOST_CONTEXT


def _context_hint(hop: Hop, evidence: Evidence) -> str:
    if hop.hint:
        return hop.hint
    if hop.kind == "consumer":
        return "look at what writes the message, and whether it puts its traceparent into it"
    before = _before(hop, evidence.probe.hops)
    return f"look at what {before or 'the balancer'} sends on to {hop.service}: a traceparent of its own span"


def _before(hop: Hop, hops: Sequence[Hop]) -> str:
    """Return the service that a hop's service is called by."""
    before = ""
    for other in hops:
        if other.label == hop.label:
            return before
        before = other.service if other.service != hop.service else before
    return before


def _collector_hint(evidence: Evidence) -> str:
    if not evidence.collector_runs:
        return "start it: invoke up; why it ended: invoke logs alloy"
    return "is the collector's port for OTLP over HTTP reached (--otlp URL), and is it well? see: invoke logs alloy"


def _logged(evidence: Evidence, service: str) -> bool | None:
    """Tell whether a service logged the trace's id; None where no logs were read."""
    if evidence.lines is None or evidence.log_error:
        return None
    return service in services_in(evidence.lines)


def _logs_this_service(evidence: Evidence, service: str) -> bool:
    return service in evidence.probe.logs and bool(evidence.lines)
