"""The decoder of server-sent events against the standard's own grammar and examples."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_engine.providers.sse import Event, EventDecoder, EventTooLarge

LINE_END = st.sampled_from(["\r\n", "\n", "\r"])
# Everything that may stand in a line, what other definitions of a line would break at included.
TEXT = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]) | st.sampled_from("\u2028\u2029\x85 :")
)


def decoded(stream: bytes, *cuts: int) -> list[Event]:
    decoder = EventDecoder()
    places = [0, *sorted(cuts), len(stream)]
    return [event for start, end in pairwise(places) for event in decoder.feed(stream[start:end])]


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[Event]]:
    """Draw any valid stream, and the events in it."""
    parts = [draw(st.sampled_from(["", "\ufeff"]))]
    wanted: list[Event] = []
    for values, kind in draw(st.lists(st.tuples(st.lists(TEXT, max_size=3), TEXT), max_size=4)):
        fields = [draw(st.sampled_from(["data:", "data: "])) + value for value in values]
        # One space after the colon is not part of the value.
        data = [field.removeprefix("data:").removeprefix(" ") for field in fields]
        others = draw(st.lists(st.sampled_from([":", ": ping", "id: 7", "retry: 10", "other", "data"]), max_size=2))
        data += [""] * others.count("data")
        fields += [f"event: {kind}"] if kind else []
        parts += [field + draw(LINE_END) for field in (*fields, *others)]
        parts.append(draw(LINE_END))
        if data:
            wanted.append(Event("\n".join(data), kind))
    return _unambiguous(parts).encode(), wanted


def _unambiguous(parts: list[str]) -> str:
    """Put parts together so that a line end of CR does not become one of CR LF with an empty line that follows it."""
    text = ""
    for part in parts:
        text += "\r" + part[1:] if text.endswith("\r") and part.startswith("\n") else part
    return text


@given(streams(), st.data())
def test_any_valid_stream_cut_anywhere_gives_its_events(stream: tuple[bytes, list[Event]], data: st.DataObject) -> None:
    text, wanted = stream
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    assert decoded(text, *cuts) == wanted
    assert decoded(text, *range(len(text))) == wanted


@given(st.binary(max_size=60), st.data())
def test_where_any_bytes_are_cut_changes_nothing(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    assert decoded(stream, *cuts) == decoded(stream)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        ("data: a\u2028b\u2029c\x85d\x0be\n\n", [Event("a\u2028b\u2029c\x85d\x0be")]),
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [Event("YHOO\n+2\n10")]),
        ("data\n\ndata\ndata\n\ndata:", [Event(""), Event("\n")]),
        ("data:test\n\ndata:  test\n\n", [Event("test"), Event(" test")]),
        (": comment\n\nevent: ping\n\ndata: x\n\n", [Event("x")]),
        ("event: ping\ndata: {}\n\ndata: {}\n\n", [Event("{}", "ping"), Event("{}")]),
        ("data: cut off\n", []),
        ("\ufeffdata: a\r\rdata: b\r\n\r\n", [Event("a"), Event("b")]),
        ("\ufeff\ufeffdata: a\n\n", []),
    ],
)
def test_what_the_standard_says(stream: str, events: list[Event]) -> None:
    assert decoded(stream.encode()) == events


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 200, b"data: xxxx\n" * 20])
def test_an_event_beyond_the_bound_is_an_error(stream: bytes) -> None:
    with pytest.raises(EventTooLarge):
        EventDecoder(max_characters=100).feed(stream)


def test_comments_may_go_on_for_ever() -> None:
    decoder = EventDecoder(max_characters=100)
    assert [event for _ in range(1000) for event in decoder.feed(b": still there\n")] == []
