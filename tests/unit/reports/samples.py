"""A report with one of everything."""

from __future__ import annotations

from optimus_ops.checks.model import Check
from optimus_ops.reports.comparison import Diff, Entries, Entry
from optimus_ops.reports.measurement import Measurement, Objective
from optimus_ops.reports.model import Block, Bullets, Details, Finding, Paragraph, Run, Section, Table
from optimus_ops.reports.pictures import (
    Bound,
    Chart,
    ChartRow,
    Event,
    Interval,
    Intervals,
    Mark,
    Panel,
    Series,
    Timeline,
)
from optimus_ops.reports.place import Place
from optimus_ops.reports.spans import Span


def timeline(text: str = "writers", *, file: str = "drill", slots: int = 150) -> Timeline:
    outage = tuple(0 if 10 <= slot < 90 else 12 for slot in range(slots))
    series = Series(text, -1.0, 0.1, outage, tuple(4 * (count == 0) for count in outage))
    return Timeline(
        title=f"{text}, run 1 of 3",
        start=-1.0,
        end=14.0,
        series=(series, Series("writers on the old\nmaster's side", -1.0, 0.1, outage[::-1], (0,) * slots)),
        marks=(
            Mark(5.1, text, "down", "circle"),
            Mark(5.4, "sentinel-2", "down", "circle"),
            Mark(5.5, "sentinel-2", text, "disc"),
            Mark(6.0, "sentinel-3", "election", "triangle"),
            Mark(6.2, "sentinel-3", "elected", "diamond"),
            Mark(7.0, "redis-1", "switch", "square", "accent"),
            Mark(8.0, "redis-1", "turned", "cross"),
            Mark(8.5, "redis-1", "is master", "flag", "accent"),
        ),
        events=(Event(0.0, text, "bad"), Event(9.0, "healed", "plain"), Event(9.4, "whole", "good")),
        legend=(text, "not acknowledged"),
        file=file,
    )


def chart(text: str = "scale", *, file: str = "changes") -> Chart:
    ours = Panel(Series("", -5.0, 1.0, (130,) * 30, (0,) * 30), (0.0, 11.0), (Span("0 lost", "good"), " of 3,900"))
    plain = Panel(
        Series("", -5.0, 1.0, (130,) * 8 + (60,) * 6 + (130,) * 16, (0,) * 8 + (70,) * 6 + (1,) + (0,) * 15),
        (0.0, 9.0),
        (Span("421 lost", "bad"), f" of 3,900 {text}"),
    )
    rows = (ChartRow(text, (ours, plain)), ChartRow("roll back", (ours, None)))
    return Chart(text, f"{text}: seconds", ("ours", text), rows, ("answered", text, "the change"), file)


def intervals(text: str = "orders", *, file: str = "intervals") -> Intervals:
    rows = (
        Interval(text, -7.5, -12.0, -3.0, (Span("fail", "bad"), f" {text}"), "bad"),
        Interval("recall", 0.0, 0.0, 0.0, "pass", "good"),
    )
    return Intervals(text, rows, (Bound(0, "no difference"), Bound(-5.0, text, "good")), "points", file)


def entries(text: str = "orders") -> Entries:
    first = Entry(text, (Span(text, "bad"), " is worse"), {"state": ("worse",), text: (text, "b")}, (Paragraph(text),))
    return Entries("cases", (first, Entry(text, text, {"state": ("right",)}, (Diff(text, "other"),))))


def blocks(text: str, slots: int) -> tuple[Block, ...]:
    return (
        Paragraph((text, Span(text, "soft"), Span(text, code=True), Span(text, link=text), Span(text, "bad"))),
        Bullets((text, (Span(text, "bad"), ": not in 1 of 3 runs"))),
        Table(("a", text), ((text, "1"), ("", Span(text, "good"))), frozenset({text})),
        Objective(text, "under", 10, 8.2149, "s", text),
        Objective("lost", "at most", 0, 3, basis="20 runs"),
        Objective("requests", "at least", 1, None),
        Measurement.median(text, [float(value) for value in range(30)], "ms"),
        Check(text, "memory", "failed", text, text),
        Check("redis", text, "ok", "fine"),
        Check("redis", text, "not allowed", "INFO"),
        Finding(text, "error", text, Place(text, 3, 7), text),
        Finding("rule", "note", "nothing much"),
        timeline(text, slots=slots),
        chart(text),
        Details(text, (Paragraph(text), timeline(text, file="", slots=slots))),
        intervals(text),
        Diff(f"as it was\n{text}", f"as it is\n{text}", (text, "after")),
        entries(text),
    )


def run(text: str = "kill-master", slots: int = 3) -> Run:
    return Run(
        title=text,
        headline=(Span(f"3 of 3 runs of {text}", "good"), "."),
        facts={text: "8.0", "host": text},
        sections=(Section(text, blocks(text, slots)), Section("empty")),
        command=f"invoke redis.drill {text}",
    )
