"""Verdicts on one request: its answer, its spans, their parents, attributes and statuses, and its lines in logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimus_ops.checks.model import Check
from optimus_ops.text.units import counted
from optimus_ops.traces.model import Attributes, Span, Trace
from optimus_ops.traces.smoke import client_span
from optimus_ops.traces.smoke.diagnosis import Diagnosis
from optimus_ops.traces.smoke.evidence import Evidence
from optimus_ops.traces.smoke.hops import FoundHops, find_hops
from optimus_ops.traces.smoke.log_lines import services_in

NOT_TOLD = "not told by this store"
SHOWN = 3


def verify(evidence: Evidence, diagnosis: Diagnosis | None) -> tuple[Check, ...]:
    """Return all checks of a probe; the diagnosis is the hint of what failed with the trace."""
    trace = evidence.lookup.trace
    hops = find_hops(trace, evidence.probe.hops)
    checks = [_answer(evidence), _header(evidence), _spans(evidence, hops, diagnosis)]
    if trace is not None and trace.spans:
        own = trace.by_id.get(evidence.ids.span_id)
        checks.append(_parents(evidence, trace, diagnosis))
        if any(hops.spans.values()):
            # Of spans that are not there nothing is right.
            checks += [_attributes(hops), _statuses(hops), _kinds(hops, own), _resource(evidence, hops, own)]
    checks += _logs(evidence)
    return tuple(replace(check, subject=evidence.probe.name) for check in checks)


def _answer(evidence: Evidence) -> Check:
    sent = evidence.exchange
    took = f"{(sent.end_ns - sent.start_ns) / 1e6:.0f} ms"
    if sent.status in evidence.probe.statuses:
        return Check("", "answer", "ok", f"{sent.status} in {took}")
    wanted = " or ".join(map(str, sorted(evidence.probe.statuses)))
    found = sent.error or f"{sent.status}, {wanted} wanted"
    return Check("", "answer", "failed", found, f"see why: invoke logs {evidence.probe.service}")


def _header(evidence: Evidence) -> Check:
    told = evidence.exchange.trace_ids
    if told == (evidence.ids.trace_id,):
        return Check("", "X-Trace-Id", "ok", "is the one that was sent")
    if not evidence.exchange.status:
        return Check("", "X-Trace-Id", "failed", "there is no answer")
    found = "is missing" if not told else f"is {', '.join(told)}, and {evidence.ids.trace_id} was sent"
    return Check(
        "", "X-Trace-Id", "failed", found, "does the balancer pass a valid traceparent on, and set the header once?"
    )


def _spans(evidence: Evidence, hops: FoundHops, diagnosis: Diagnosis | None) -> Check:
    trace, wanted = evidence.lookup.trace, len(hops.hops)
    figures = {"spans": len(trace.spans) if trace else 0, "seconds": evidence.lookup.seconds}
    if evidence.lookup.error:
        hint = diagnosis.hint if diagnosis else ""
        return Check("", "spans", "failed", evidence.lookup.error, hint, figures)
    if not hops.missing and trace is not None:
        by_id = f", readable by id after {evidence.lookup.seconds:.2f} s" if evidence.lookup.seconds is not None else ""
        services = counted(len(trace.services), "service")
        found = f"all {wanted} required among {len(trace.spans)} of {services}{by_id}"
        return Check("", "spans", "ok", found, figures=figures)
    missing = ", ".join(hop.label for hop in hops.missing)
    found = f"{len(hops.missing)} of {wanted} are missing: {missing}"
    return Check("", "spans", "failed", found, _advice(diagnosis), figures)


def _parents(evidence: Evidence, trace: Trace, diagnosis: Diagnosis | None) -> Check:
    roots = [span for span in trace.roots if span.span_id != evidence.ids.span_id]
    wrong = [*roots, *trace.orphans, *trace.circular]
    own = evidence.ids.span_id in trace.by_id
    if not wrong and own:
        return Check("", "parents", "ok", "every parent is there, and the client's span is the only root")
    found = _named(wrong) if wrong else "the client's own span is not there"
    ending = " without a parent in the trace" if wrong else ""
    return Check("", "parents", "failed", f"{found}{ending}", _advice(diagnosis))


def _attributes(hops: FoundHops) -> Check:
    wrong = [text for hop in hops.hops for text in _lacking(hop.attributes, hops.spans[hop.label], hop.label)]
    count = sum(len(hop.attributes) for hop in hops.hops if hops.spans[hop.label])
    if not wrong:
        return Check("", "attributes", "ok", f"all {count} are there")
    return Check("", "attributes", "failed", "; ".join(wrong), "they are set by the service that makes the span")


def _lacking(wanted: Attributes, spans: Sequence[Span], label: str) -> Iterator[str]:
    """Give what none of a hop's spans has; a hop that has no span is told elsewhere."""
    for key, value in wanted.items():
        found = [span.attributes[key] for span in spans if key in span.attributes]
        if spans and not found:
            yield f"{label} has no {key}"
        elif spans and value is not None and all(str(each) != str(value) for each in found):
            yield f"{label}: {key} is {found[0]!r}, {value!r} wanted"


def _statuses(hops: FoundHops) -> Check:
    wrong = []
    failed = 0
    for hop in hops.hops:
        spans = hops.spans[hop.label]
        if hop.failed and spans and not any(span.failed for span in spans):
            wrong.append(f"{hop.label} is not marked as failed")
        if not hop.failed and spans and all(span.failed for span in spans):
            wrong.append(f"{hop.label} is marked as failed: {spans[0].status_message or 'without a reason'}")
        failed += hop.failed
    if wrong:
        return Check("", "status", "failed", "; ".join(wrong), "the provoked error marks just the spans that failed")
    return Check("", "status", "ok", f"error where it was provoked ({failed})" if failed else "no required span failed")


def _kinds(hops: FoundHops, own: Span | None) -> Check:
    if not client_span.keeps_kind(own):
        return Check("", "kinds", "ok", NOT_TOLD if own else "not told: the client's own span is missing")
    firsts = [(hop, hops.spans[hop.label][0]) for hop in hops.hops if hops.spans[hop.label]]
    wrong = [f"{hop.label} is {span.kind}, {hop.kind} wanted" for hop, span in firsts if not hop.is_of_kind(span)]
    if wrong:
        return Check("", "kinds", "failed", "; ".join(wrong), "it is set by the service that makes the span")
    kinds = dict.fromkeys(span.kind for _hop, span in firsts)
    return Check("", "kinds", "ok", f"{', '.join(kinds)} as required")


def _resource(evidence: Evidence, hops: FoundHops, own: Span | None) -> Check:
    if not client_span.keeps_resource(own):
        return Check("", "resource", "ok", f"more than service.name is {NOT_TOLD}")
    wrong = []
    for service in dict.fromkeys(hop.service for hop in hops.hops):
        spans = [span for hop in hops.hops if hop.service == service for span in hops.spans[hop.label]]
        known = [{**span.attributes, **span.resource} for span in spans]
        wrong += [
            f"{service} has no {key}" for key in evidence.resource if known and not all(key in all_ for all_ in known)
        ]
    if wrong:
        return Check("", "resource", "failed", "; ".join(wrong), "they are set where the service starts its telemetry")
    return Check("", "resource", "ok", ", ".join(evidence.resource) or "none required")


def _logs(evidence: Evidence) -> Iterator[Check]:
    wanted = evidence.probe.logs
    if evidence.lines is None and not evidence.log_error:
        yield Check("", "logs", "ok", "not asked: no store of logs was given (--loki URL)")
        return
    if evidence.log_error:
        yield Check("", "logs", "failed", evidence.log_error, "is the store of logs well? see: invoke logs loki")
        return
    lines = evidence.lines or ()
    missing = [service for service in wanted if service not in services_in(lines)]
    if missing:
        found = f"no line of {', '.join(missing)} has the trace's id"
        hint = "does the collector read the containers' logs? see: invoke logs alloy"
        yield Check("", "logs", "failed", found, hint, {"lines": len(lines)})
        return
    of = f" of {', '.join(sorted(services_in(lines)))}" if lines else ", and none is required"
    found = f"{counted(len(lines), 'line')}{of}"
    yield Check("", "logs", "ok", found, figures={"lines": len(lines)})


def _advice(diagnosis: Diagnosis | None) -> str:
    return f"{diagnosis}; {diagnosis.hint}" if diagnosis else ""


def _named(spans: Sequence[Span]) -> str:
    names = ", ".join(f"{span.service} {span.name}" for span in spans[:SHOWN])
    return names if len(spans) <= SHOWN else f"{names} and {len(spans) - SHOWN} more"
