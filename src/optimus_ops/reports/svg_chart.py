"""Small multiples as SVG: panels for a page, which lays them out, or one picture of all of them."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from optimus_ops.reports.pictures import Chart, ChartRow, Panel, Series
from optimus_ops.reports.spans import Content, plain_text, spans
from optimus_ops.reports.svg import CHARACTER, TimeAxis, element, picture

WIDTH, LEFT, RIGHT, BETWEEN, TOP = 460, 46, 16, 28, 92
HEADLINE = 32
"""Height of the columns' names, where they have some."""
PLOT, HEAD, FOOT = 84, 24, 34
PANEL_HEIGHT = PLOT + HEAD + FOOT
MOST_TICKS = 10
LEAST_FAILURE = 4.0
"""Height of a failure in pixels: it has to be seen, however few there were."""


def panel_svg(panel: Panel, row: ChartRow, top: int, title: str) -> Markup:
    """Return one panel by itself, for a page that says beside it what it shows."""
    return picture(title, WIDTH, PLOT + FOOT + 10, _panel(panel, row, top, 0, 10), style=False, kind="panel")


def chart_svg(chart: Chart) -> Markup:
    """Return the picture of all panels, as a file by itself."""
    width = len(chart.columns) * (WIDTH + BETWEEN)
    top = TOP if any(chart.columns) else TOP - HEADLINE
    parts = [element("text", chart.note, class_="soft", x=LEFT, y=24), *_legend(chart)]
    for column, name in enumerate(chart.columns):
        parts.append(element("text", name, class_="head", x=LEFT + column * (WIDTH + BETWEEN), y=74))
    for number, row in enumerate(chart.rows):
        y = top + number * PANEL_HEIGHT
        parts.append(element("text", row.title, class_="case", x=LEFT, y=y + 18))
        for column, panel in enumerate(row.panels):
            x = column * (WIDTH + BETWEEN)
            if panel is None:
                parts.append(element("text", "not measured", class_="soft", x=x + LEFT, y=y + HEAD + PLOT / 2))
                continue
            parts += _panel(panel, row, chart.top, x, y + HEAD)
            parts.append(_caption(panel.caption, x + WIDTH - RIGHT, y + HEAD - 6))
    return picture(described(chart), width, top + PANEL_HEIGHT * len(chart.rows) + 8, parts, style=True, kind="chart")


def described(chart: Chart) -> str:
    """Return the picture in words, for those who don't see it."""
    lines = [chart.title]
    for row in chart.rows:
        captions = [plain_text(panel.caption) if panel else "not measured" for panel in row.panels]
        named = ", ".join(f"{name} {text}" for name, text in zip(chart.columns, captions, strict=True))
        lines.append(f"{row.title}: {named}.")
    return " ".join(lines)


def _panel(panel: Panel, row: ChartRow, top: int, x: float, y: float) -> Iterator[Markup]:
    """Give the plot: the highlighted period, what went well, what failed, and both axes."""
    axis, base, series = TimeAxis(*row.span, x + LEFT, WIDTH - LEFT - RIGHT), y + PLOT, panel.series
    start, end = (axis.x(at) for at in panel.highlight)
    yield element("rect", class_="highlight", x=start, y=y, width=max(end - start, 1.5), height=PLOT)
    for value in (top // 2, top):
        height = base - PLOT * value / top
        yield element("path", class_="line", d=f"M{axis.left:g} {height:.1f}h{axis.width:g}")
        yield element("text", f"{value:,}", class_="soft", x=axis.left - 6, y=height + 4, text_anchor="end")
    yield element("path", class_="count", d=_area(series, axis, top, base))
    for slot, count in enumerate(series.bad):
        if count:
            left, right = (axis.x(series.start + at * series.step) for at in (slot, slot + 1))
            height = max(PLOT * count / top, LEAST_FAILURE)
            yield element(
                "rect", class_="failure", x=left, y=base - height, width=max(right - left, 3.0), height=height
            )
    yield from axis.draw(base, MOST_TICKS)


def _area(series: Series, axis: TimeAxis, top: int, base: float) -> str:
    """Return the path of what went well, a step for each interval."""
    steps = "".join(
        f"V{base - PLOT * count / top:.1f}H{axis.x(series.start + (slot + 1) * series.step):.1f}"
        for slot, count in enumerate(series.good)
    )
    return f"M{axis.x(series.start):.1f} {base:g}{steps}V{base:g}Z"


def _caption(content: Content, x: float, y: float) -> Markup:
    pieces = [element("tspan", span.text, class_=span.tone) for span in spans(content)]
    return element("text", *pieces, x=x, y=y, text_anchor="end")


def _legend(chart: Chart) -> Iterator[Markup]:
    x = float(LEFT)
    for kind, text in zip(("count", "failure", "highlight"), chart.legend, strict=True):
        yield element("rect", class_=kind, x=x, y=36, width=12, height=12)
        yield element("text", text, class_="soft", x=x + 17, y=46)
        x += 34 + len(text) * CHARACTER
