"""The result for people: a terminal, and a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optimus_ops.loadtest.fairness import jain_index, tenant_shares
from optimus_ops.loadtest.judgement import Judgement
from optimus_ops.loadtest.model import LoadResult
from optimus_ops.loadtest.pictures import latency_timeline, load_timeline, platform_timeline
from optimus_ops.loadtest.records import Interval
from optimus_ops.reports.model import Block, Bullets, Details, Paragraph, Run, Section, Table
from optimus_ops.reports.spans import Content, Span, Tone

NAME = "load-test"
COLUMNS = ("class", "tenant", "requests", "per second", "failed", "p50", "p95", "p99", "p99.9", "max")
OVER_TIME, MEANWHILE = "Over time", "The platform meanwhile"
NUMBERS = frozenset(COLUMNS[2:])


def load_report(result: LoadResult, judgement: Judgement) -> Run:
    """Return the report."""
    return Run(
        f"Load test: {result.profile.name}",
        headline(result, judgement),
        {
            "engine": f"{result.engine} ({len(result.workers)})",
            "target": result.target,
            "duration": f"{result.seconds:.0f} s",
            "load": result.profile.summary or result.profile.name,
        },
        (
            *([Section("Objectives", judgement.objectives)] if judgement.objectives else []),
            Section("Is the run valid", judgement.checks),
            Section("Latency from the intended start, in ms", tuple(_latency(result))),
            *_comparisons(result),
            *_failures(result),
            *_fairness(result),
            Section(OVER_TIME, (load_timeline(result), latency_timeline(result), *_by_class(result))),
            *_platform(result),
        ),
        result.command,
    )


def summary(run: Run) -> Run:
    """Return what of a report can be read in a terminal: all but the pictures."""
    return replace(run, sections=tuple(each for each in run.sections if each.title != OVER_TIME))


def headline(result: LoadResult, judgement: Judgement) -> Content:
    """Return the sum in a sentence or two."""
    total = result.total()
    rate = total.offered / result.seconds if result.seconds else 0.0
    text = f"{total.offered:,} requests, {rate:,.0f} a second, {total.failures:,} failed"
    text += f"; p99 {_ms(total.latency.percentile(99))} ms"
    if result.interrupted:
        text += f"; stopped after {result.seconds:.0f} s"
    if judgement.invalid:
        return (Span("invalid run", "bad"), f": {judgement.invalid[0].found}; {text}.")
    if judgement.missed:
        return (Span(f"{len(judgement.missed)} of {len(judgement.objectives)} objectives missed", "bad"), f"; {text}.")
    return Span(f"{text}.", "good")


def _latency(result: LoadResult) -> Iterator[Block]:
    keys = result.keys
    rows = [_row(key.request_class, key.tenant, result.total(key.request_class, key.tenant), result) for key in keys]
    if len(keys) > 1:
        rows.append(_row("all", "", result.total(), result))
    yield Table(COLUMNS, tuple(rows), NUMBERS)
    streams = [key for key in keys if result.total(key.request_class, key.tenant).first_token.counts]
    if streams:
        header = ("first token of", "tenant", "streams", "p50", "p95", "p99")
        table = []
        for key in streams:
            tokens = result.total(key.request_class, key.tenant).first_token
            figures = (_ms(tokens.percentile(percent)) for percent in (50, 95, 99))
            table.append((key.request_class, key.tenant, f"{tokens.count:,}", *figures))
        yield Table(header, tuple(table), frozenset(header[2:]))
    yield Paragraph(f"Requests were sent at most {_sent_late(result)} late (p99); latencies count that.")


def _sent_late(result: LoadResult) -> str:
    """Return the delay of sending for each tenant: one that offers more than its connections take hides no other."""
    tenants = sorted({key.tenant for key in result.keys if key.tenant})
    if len(tenants) < 2:
        return f"{_ms(result.total().delay.percentile(99))} ms"
    return ", ".join(f"{_ms(result.total(tenant=tenant).delay.percentile(99))} ms ({tenant})" for tenant in tenants)


def _row(name: str, tenant: str, total: Interval, result: LoadResult) -> tuple[Content, ...]:
    rate = total.offered / result.seconds if result.seconds else 0.0
    figures = (_ms(total.latency.percentile(percent)) for percent in (50, 95, 99, 99.9))
    failed = Span(f"{total.failures:,}", "bad") if total.failures else "0"
    return name, tenant, f"{total.offered:,}", f"{rate:,.1f}", failed, *figures, _ms(total.latency.maximum)


def _comparisons(result: LoadResult) -> Iterator[Section]:
    if not result.comparisons:
        return
    header = ("class", "percentile", "before", "now", "ratio", "95 % interval", "verdict")
    tones: dict[str, Tone] = {"slower": "bad", "faster": "good"}
    rows = [
        (
            each.request_class,
            f"p{each.percent:g}",
            _ms(each.before),
            _ms(each.now),
            "-" if each.ratio is None else f"{each.ratio:.2f}",
            "-" if each.interval is None else f"{each.interval[0]:.2f} to {each.interval[1]:.2f}",
            Span(each.verdict, tones.get(each.verdict, "plain")),
        )
        for each in result.comparisons
    ]
    yield Section("Compared with before, in ms", (Table(header, tuple(rows), frozenset(header[2:6])),))


def _failures(result: LoadResult) -> Iterator[Section]:
    rows = [
        (str(key), kind, f"{count:,}")
        for key in result.keys
        for kind, count in sorted(result.total(key.request_class, key.tenant).failed.items())
    ]
    if rows:
        yield Section("Failures", (Table(("requests", "failure", "count"), tuple(rows), frozenset({"count"})),))


def _fairness(result: LoadResult) -> Iterator[Section]:
    shares = tenant_shares(result)
    if len(shares) > 1:
        index = jain_index(list(shares.values()))
        items: Sequence[Content] = [f"{tenant}: {share:.1%} answered right" for tenant, share in shares.items()]
        text = f"Jain's index {index:.3f}" if index is not None else "Jain's index: nothing was answered"
        yield Section("Between tenants", (Paragraph(text), Bullets(tuple(items))))


def _platform(result: LoadResult) -> Iterator[Section]:
    """Give what the platform did: figures at the begin, at most, and at the end, and their picture."""
    names = dict.fromkeys(name for sample in result.samples for name in sample.figures)
    rows = []
    for name in names:
        values = [sample.figures[name] for sample in result.samples if name in sample.figures]
        rows.append((name, *(f"{value:,.0f}" for value in (values[0], max(values), values[-1]))))
    if rows:
        header = ("the platform meanwhile", "first", "most", "last")
        picture = platform_timeline(result)
        blocks: tuple[Block, ...] = (picture,) if picture else ()
        yield Section(MEANWHILE, (Table(header, tuple(rows), frozenset(header[1:])), *blocks))


def _by_class(result: LoadResult) -> Iterator[Block]:
    for key in result.keys if len(result.keys) > 1 else ():
        yield Details(str(key), (load_timeline(result, key),))


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    milliseconds = seconds * 1000
    return f"{milliseconds:,.0f}" if milliseconds >= 99.95 else f"{milliseconds:.3g}"
