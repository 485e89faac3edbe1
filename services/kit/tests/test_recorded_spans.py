"""Spans of our own code, read back by OpenTelemetry's own messages: what is kept of what they are told."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from optimus_kit.telemetry.attributes import MOST_KEPT, encode_attribute, short_texts
from optimus_kit.telemetry.limits import MAX_ATTRIBUTES, MAX_CHARACTERS, MAX_ELEMENTS
from optimus_kit.telemetry.sampling import Sampling
from optimus_kit.telemetry.tracer import SpanTracer
from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import CONTENT_CHARACTERS, SharedAttributes, Span

PARENT = TraceContext("a" * 32, "b" * 16, sampled=True, state="vendor=1")


def sent(tell: Callable[[Span], object]) -> SentSpan:
    """A span that was told something and ended twice, as it is sent."""
    put: list[bytes] = []
    span = SpanTracer(Sampling(), put.append).start("work", "client", PARENT, remote=True)
    tell(span)
    span.end()
    span.end()
    [encoded] = put
    found: SentSpan = SentSpan.FromString(encoded)
    return found


def texts(span: SentSpan) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in span.attributes}


def test_a_span_is_in_its_parent_s_trace() -> None:
    found = sent(lambda span: span.rename("other"))
    assert (found.name, found.kind, found.flags) == ("other", SentSpan.SPAN_KIND_CLIENT, 0x301)
    assert (found.trace_id.hex(), found.parent_span_id.hex(), found.trace_state) == PARENT[:2] + PARENT[3:]
    assert 0 < found.start_time_unix_nano <= found.end_time_unix_nano


def test_what_is_said_last_counts_also_of_what_is_shared() -> None:
    def tell(span: Span) -> None:
        span.set("a", "first")
        span.update({"a": "second", "none": None})
        span.update(SharedAttributes({"a": "third", "b": "shared", "none": None}))
        span.set("b", "own")

    assert texts(sent(tell)) == {"a": "third", "b": "own"}


@pytest.mark.parametrize("tell", ["set", "update", "shared"])
@pytest.mark.parametrize("value", ["é" * 5000, ["x" * 5000] * 50], ids=["text", "texts"])
def test_long_values_are_cut(tell: str, value: Any) -> None:
    def told(span: Span) -> None:
        if tell == "set":
            span.set("long", value)
        else:
            span.update({"long": value} if tell == "update" else SharedAttributes({"long": value}))

    [pair] = sent(told).attributes
    kept = [entry.string_value for entry in pair.value.array_value.values] or [pair.value.string_value]
    assert {len(entry) for entry in kept} == {MAX_CHARACTERS}
    assert len(kept) == (1 if isinstance(value, str) else MAX_ELEMENTS)


def test_content_may_be_longer() -> None:
    found = texts(sent(lambda span: span.set("content", "x" * 100_000, content=True)))
    assert len(found["content"]) == CONTENT_CHARACTERS


@pytest.mark.parametrize("at_once", [True, False])
def test_there_are_not_more_attributes_than_a_span_may_have(at_once: bool) -> None:
    many = {str(number): "x" for number in range(200)}

    def tell(span: Span) -> None:
        if at_once:
            span.update(many)
        else:
            for key, value in many.items():
                span.set(key, value)

    assert [*texts(sent(tell))] == [*many][:MAX_ATTRIBUTES]


def test_an_error_keeps_its_first_type_and_its_last_message() -> None:
    def tell(span: Span) -> None:
        span.error("TimeoutError", "slow")
        span.error("500")

    found = sent(tell)
    assert (found.status.code, found.status.message) == (2, "")
    assert texts(found) == {"error.type": "TimeoutError"}


def test_after_its_end_nothing_is_changed() -> None:
    put: list[bytes] = []
    span = SpanTracer(Sampling(), put.append).start("work", "client", None, remote=False)
    span.end()
    span.set("a", "b")
    span.update({"a": "b"})
    span.error("late")
    span.end()
    [found] = map(SentSpan.FromString, put)
    assert not found.attributes
    assert not found.status.code


def test_texts_that_never_come_again_do_not_stay() -> None:
    for number in range(3 * MOST_KEPT):
        encode_attribute("n", str(number))
    assert len(short_texts) <= MOST_KEPT
