from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from optimus_ops.reports.pictures import Chart, ChartRow, Panel, Series
from optimus_ops.reports.svg_chart import TOP, chart_svg

SVG = "{http://www.w3.org/2000/svg}"


def panel(start: float, counts: list[tuple[int, int]], seconds: float) -> Panel:
    good, bad = (tuple(column) for column in zip(*counts, strict=True)) if counts else ((), ())
    return Panel(Series("", start, 1, good, bad), (0.0, seconds), "")


PANELS = st.builds(
    panel,
    st.integers(-30, 0),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=60),
    st.floats(0, 500),
)


def drawn(*rows: ChartRow) -> ElementTree.Element:
    chart = Chart("", "", ("ours", "plain"), rows, ("answered", "failed", "the change"))
    return ElementTree.fromstring(chart_svg(chart))


def rectangles(image: ElementTree.Element, kind: str) -> list[dict[str, float]]:
    """Place and size of the rectangles of a class, those of the legend left out."""
    found = [rect for rect in image.iter(f"{SVG}rect") if kind in {rect.get("class"), ""}]
    places = [{key: float(rect.get(key, "0")) for key in ("x", "y", "width", "height")} for rect in found]
    return [place for place in places if place["y"] >= TOP]


@given(st.lists(st.builds(ChartRow, st.text(max_size=9), st.tuples(PANELS, PANELS)), max_size=3))
def test_everything_stays_inside_of_the_picture(rows: list[ChartRow]) -> None:
    image = drawn(*rows)
    width, height = (float(number) for number in image.get("viewBox", "").split()[2:])
    for place in rectangles(image, ""):
        assert place["x"] >= 0 <= place["y"]
        assert place["x"] + place["width"] <= width + 1
        assert place["y"] + place["height"] <= height + 1


def test_each_second_with_failures_has_a_bar_and_no_other_one() -> None:
    calm = panel(-5, [(300, 0)] * 25, 8.0)
    rough = panel(-5, [(300, 40 if 8 <= at < 11 else 0) for at in range(20)], 2.5)
    assert len(rectangles(drawn(ChartRow("one", (calm, rough))), "failure")) == 3
    assert rectangles(drawn(ChartRow("one", (calm, calm))), "failure") == []


def test_one_failure_among_thousands_can_be_seen() -> None:
    image = drawn(ChartRow("one", (panel(0, [*[(5000, 0)] * 2000, (5000, 1)], 1.0), None)))
    [bar] = rectangles(image, "failure")
    assert min(bar["height"], bar["width"]) >= 3


def test_columns_without_names_take_no_room() -> None:
    row = ChartRow("a", (panel(0, [(1, 0)], 1),))
    charts = (Chart("", "", (name,), (row,), ("a", "b", "c")) for name in ("", "ours"))
    unnamed, named = (float(ElementTree.fromstring(chart_svg(found)).get("viewBox", "").split()[3]) for found in charts)
    assert unnamed < named
