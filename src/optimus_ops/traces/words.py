"""Durations, names and values of a trace, as people read them: one line each, safe for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from optimus_ops.text.escapes import safe_to_show
from optimus_ops.traces.model import Span

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXCEPTION = "exception"


def duration(nanoseconds: int) -> str:
    """Return a duration with three digits that count: 850 ns, 45.2 ms, 1.27 s, 12 min 5 s."""
    sign, left = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if left >= 60 * 10**9:
        minutes, seconds = divmod(round(left / 10**9), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{sign}{hours} h {minutes} min" if hours else f"{sign}{minutes} min {seconds} s"
    for factor, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "µs")):
        if left >= factor * 0.9995:
            value = left / factor
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{sign}{value:.{digits}f} {unit}"
    return f"{sign}{left} ns"


def moment(nanoseconds: int) -> str:
    """Return a time in UTC with milliseconds; "" of one that no calendar has."""
    try:
        found = EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return ""
    return f"{found:%Y-%m-%d %H:%M:%S}.{found.microsecond // 1000:03d} UTC"


def line(text: object) -> str:
    """Return a text as one line without escapes and control characters."""
    return " ".join(safe_to_show(str(text)).split())


def name(span: Span) -> str:
    """Return the name of a span."""
    return line(span.name) or "(no name)"


def service(span: Span) -> str:
    """Return the service of a span."""
    return line(span.service) or "(unknown)"


def failure(span: Span) -> str:
    """Return why a span failed, by its status or its exception; "" of one that did not fail."""
    if not span.failed:
        return ""
    thrown = [event.attributes for event in span.events if event.name == EXCEPTION]
    kind = line(thrown[-1].get("exception.type") or "") if thrown else line(span.attributes.get("error.type") or "")
    message = line(span.status_message or (thrown[-1].get("exception.message") if thrown else "") or "")
    found = message if kind in message else ": ".join(filter(None, (kind, message)))
    return found or "failed, and does not say why"
