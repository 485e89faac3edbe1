from __future__ import annotations

import xml.etree.ElementTree as ET

from benchmarks.picture import ANSWERED, FAILED, Panel, Row, picture
from benchmarks.timeline import Second
from hypothesis import given
from hypothesis import strategies as st

SVG = "{http://www.w3.org/2000/svg}"
COLUMNS = ("ours", "plain")
CALM = Panel(tuple(Second(at, 300, 0) for at in range(-5, 20)), 8.0, 20_000, 0)
ROUGH = Panel(tuple(Second(at, 300, 40 if 3 <= at < 6 else 0) for at in range(-5, 15)), 2.5, 20_100, 120)

PANELS = st.builds(
    lambda start, counts, seconds: Panel(
        tuple(Second(start + at, answered, failed) for at, (answered, failed) in enumerate(counts)), seconds, 1, 1
    ),
    st.integers(-30, 0),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=60),
    st.floats(0, 500),
)


def drawn(*rows: Row) -> ET.Element:
    return ET.fromstring(picture(rows, COLUMNS))


def texts(image: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in image.iter(f"{SVG}text")]


def filled(image: ET.Element, colour: str) -> list[ET.Element]:
    return [found for found in image.iter() if found.get("fill") == colour and found.get("stroke") is None]


def test_each_panel_says_what_was_lost() -> None:
    said = texts(drawn(Row("Deploy <of> 4", CALM, ROUGH)))
    assert "Deploy <of> 4" in said
    assert "0 lost of 20,000, change took 8.0 s" in said
    assert "120 lost of 20,100, change took 2.5 s" in said


def test_each_second_with_failures_has_a_bar_and_no_other_one() -> None:
    assert len(filled(drawn(Row("one", CALM, ROUGH)), FAILED)) == 3
    assert filled(drawn(Row("one", CALM, CALM)), FAILED) == []


def test_one_failure_among_thousands_can_be_seen() -> None:
    panel = Panel((*(Second(at, 5000, 0) for at in range(2000)), Second(2000, 5000, 1)), 1.0, 10_001, 1)
    [bar] = filled(drawn(Row("one", panel, None)), FAILED)
    assert min(float(bar.get("height", "")), float(bar.get("width", ""))) >= 3


def test_what_was_not_measured_is_said() -> None:
    image = drawn(Row("one", None, CALM))
    assert "not measured" in texts(image)
    assert "one: ours not measured, plain 0 of 20000 lost." in image.get("aria-label", "")


@given(st.lists(st.builds(Row, st.text(st.characters(categories=["L", "N"])), PANELS, PANELS), max_size=3))
def test_everything_stays_inside_of_the_picture(rows: list[Row]) -> None:
    image = drawn(*rows)
    width, height = (float(number) for number in image.get("viewBox", "").split()[2:])
    for block in image.iter(f"{SVG}rect"):
        place = {key: float(block.get(key, "0")) for key in ("x", "y", "width", "height")}
        assert place["x"] >= 0
        assert place["y"] >= 0
        assert place["x"] + place["width"] <= width + 1
        assert place["y"] + place["height"] <= height + 1
    assert len(filled(image, ANSWERED)) == 2 * len(rows)
