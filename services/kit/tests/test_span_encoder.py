"""Spans on the wire, read back by OpenTelemetry's own messages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from optimus_kit.telemetry.attributes import encode_attribute, encode_shared
from optimus_kit.telemetry.encoder import encode_batch, encode_resource, encode_span, rejected_spans
from optimus_kit.telemetry.span_data import EndedSpan
from optimus_kit.trace_context import TraceContext
from optimus_kit.tracing import SharedAttributes, Value

TEXTS = st.text(max_size=300)
PLAIN: st.SearchStrategy[Value] = st.one_of(
    TEXTS, st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.floats(allow_nan=False)
)
VALUES: st.SearchStrategy[Value] = st.one_of(PLAIN, st.lists(TEXTS, max_size=4))
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=20)
# Equal ones of different types, and those around the bounds of what is kept encoded, or encoded in one step.
CLOSE: tuple[Value, ...] = (
    *(0, False, 0.0, 1, True, 1.0, -1, 1023, 1024),
    *("", "1", "é" * 31, "x" * 31, "x" * 32, "é" * 32, *("x" * size for size in range(100, 130))),
    *([], ["1"], ["x" * 31], ["x" * 31, "y"], ["x" * 200]),
)
TIMES = st.integers(0, (1 << 64) - 1)


def hexadecimal(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(bytes.hex)


def encoded(attributes: Mapping[str, Value]) -> Mapping[str, bytes]:
    return {key: encode_attribute(key, value) for key, value in attributes.items()}


CONTEXTS = st.builds(TraceContext, hexadecimal(16), hexadecimal(8), st.booleans(), st.text("abc=,019", max_size=60))
SPANS = st.builds(
    EndedSpan,
    name=TEXTS,
    kind=st.sampled_from(("internal", "server", "client", "producer", "consumer")),
    context=CONTEXTS,
    parent_id=st.one_of(st.just(""), hexadecimal(8)),
    remote=st.booleans(),
    attributes=st.just({}),
    links=st.lists(CONTEXTS, max_size=3),
    failed=st.booleans(),
    message=TEXTS,
    started=TIMES,
    ended=TIMES,
)


def decoded(pairs: Any) -> dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: AnyValue) -> Any:
    kind = str(value.WhichOneof("value"))
    return [value_of(entry) for entry in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def as_sent(attributes: Mapping[str, Value]) -> dict[str, Any]:
    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(entry) for entry in value]
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

    return {clean(key): clean(value) for key, value in attributes.items()}


@given(SPANS, ATTRIBUTES)
def test_a_span_is_read_back_as_it_was(span: EndedSpan, attributes: dict[str, Value]) -> None:
    sent = Span.FromString(encode_span(replace(span, attributes=encoded(attributes))))
    assert (sent.trace_id.hex(), sent.span_id.hex()) == (span.context.trace_id, span.context.span_id)
    assert sent.trace_state == span.context.state
    assert sent.parent_span_id.hex() == span.parent_id
    assert sent.name == span.name.encode("utf-8", "replace").decode()
    assert Span.SpanKind.Name(sent.kind) == f"SPAN_KIND_{span.kind.upper()}"
    assert (sent.start_time_unix_nano, sent.end_time_unix_nano) == (span.started, span.ended)
    assert decoded(sent.attributes) == as_sent(attributes)
    assert [(link.trace_id.hex(), link.span_id.hex(), link.trace_state) for link in sent.links] == [
        (link.trace_id, link.span_id, link.state) for link in span.links
    ]
    assert (sent.status.code, sent.status.message) == ((2, as_sent({"": span.message})[""]) if span.failed else (0, ""))
    assert sent.flags == 0x101 | (0x200 if span.remote else 0)


@given(ATTRIBUTES)
def test_attributes_of_many_spans_are_as_those_of_one(attributes: dict[str, Value]) -> None:
    shared = SharedAttributes({**attributes, "none": None})
    for _ in range(2):
        assert encode_shared(shared) == encoded(attributes)


@pytest.mark.parametrize("value", CLOSE, ids=str)
def test_a_value_keeps_its_type_whatever_was_encoded_before(value: Value) -> None:
    for _ in range(2):
        [pair] = Span.FromString(encode_attribute("key", value)).attributes
        found = value_of(pair.value)
        assert (pair.key, type(found), found) == ("key", type(value), value)


@given(st.lists(SPANS, max_size=5), ATTRIBUTES)
def test_a_batch_is_one_resource_and_one_scope(spans: list[EndedSpan], resource: dict[str, Value]) -> None:
    request = ExportTraceServiceRequest.FromString(encode_batch(encode_resource(resource), map(encode_span, spans)))
    [sent] = request.resource_spans
    assert decoded(sent.resource.attributes) == as_sent(resource)
    [scope] = sent.scope_spans
    assert scope.scope.name == "optimus_kit"
    assert [span.span_id.hex() for span in scope.spans] == [span.context.span_id for span in spans]


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 10**40])
def test_a_number_that_the_protocol_has_no_place_for_is_told_as_text(number: int) -> None:
    [pair] = [KeyValue(key="n", value=AnyValue(string_value=str(number)))]
    assert encode_resource({"n": number})[2:] == pair.SerializeToString()


@given(st.integers(0, (1 << 63) - 1), TEXTS)
def test_what_a_collector_rejects_is_read(rejected: int, message: str) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = message.encode("utf-8", "replace").decode()
    assert rejected_spans(answer.SerializeToString()) == rejected


@given(st.binary(max_size=200))
def test_an_answer_of_any_bytes_is_read_or_refused(answer: bytes) -> None:
    try:
        rejected = rejected_spans(answer)
    except ValueError:
        return
    assert rejected >= 0


@pytest.mark.parametrize("answer", [b"\x0a", b"\x0a\x05\x08", b"<html>", b"\x08\x01", b"\x0b", b"\x0a\x02\x0a\x00"])
def test_what_is_no_answer_of_a_collector_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        rejected_spans(answer)
